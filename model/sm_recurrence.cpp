// Leaving out the repetitions of a state: a state is what the future depends on, relative to now.
#include <algorithm>
#include <cmath>

#include "model/sm_machine_room.hpp"

namespace perfmodel {

namespace {

// Share of the period. Pipes shared by a fluid rule make the state approach its cycle geometrically; waiting for the
// last digits is dear and moves the interval by less than this.
constexpr double tolerance = 5e-4;
constexpr double patience = 16;      // iterations after which an average stands for the exact period
constexpr std::size_t averaged = 4;  // of the latest iterations
constexpr double drift = 0.05;       // share of the interval that times may differ by then
constexpr double strays = 1.3;
constexpr double settled = 3e-4;      // intervals in a row that differ by no more than this share have settled
constexpr double least_left_out = 1;  // periods
// The parts of a signature that count weigh so much that no tolerance covers a difference.
constexpr double weight_of_counts = 1e9;
constexpr double least_of_counts = 1e-2 * weight_of_counts;

// What differed last time is likeliest to differ again, and looked at first.
bool same(std::span<const double> a, std::span<const double> b, double near, std::size_t& differs) {
  if (a.size() != b.size()) return false;
  const auto apart = [&](std::size_t i) { return !(std::abs(a[i] - b[i]) <= near); };
  if (differs < a.size() && apart(differs)) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!apart(i)) continue;
    differs = i;
    return false;
  }
  return true;
}

double farthest(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return never;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

}  // namespace

std::size_t SmMachineRoom::longest_signature() const {
  std::size_t running = running_.size();
  for (const Queue& queue : queues_) running += queue.size;
  return 2 * roles_.size() + takings_.size() + 4 * slots_.size() + 3 * running + queues_.size();
}

void SmMachineRoom::sign(Snapshot& snapshot) const {
  if (const std::size_t most = longest_signature(); snapshot.memory.size() < most) snapshot.memory.resize(most);
  double* out = snapshot.memory.data();
  const auto put = [&](double value) { *out++ = value; };
  const auto exact = [&](double value) { put(weight_of_counts * value); };
  const auto until = [&](double when) { return when == never ? -weight_of_counts : std::max(0.0, when - now_); };
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    const RoleState& role = roles_[i];
    if (i < snapshot.iterations.size()) snapshot.iterations[i] = role.iteration;
    exact(role.segment * 4096.0 + role.op * 8.0 + static_cast<double>(role.status));
    if (role.status == RoleStatus::asleep) put(until(role.wake));
  }
  for (const Taking& taking : takings_) {
    const CtaState& cta = ctas_[static_cast<std::size_t>(roles_[static_cast<std::size_t>(taking.role)].cta)];
    const std::int64_t seen = taken(taking.role, taking.channel).token;
    const ChannelState& channel = channels_[static_cast<std::size_t>(cta.first_channel + taking.channel)];
    if (seen > 0) exact(static_cast<double>(channel.claimed.token - seen));
  }
  for (const ChannelState& channel : channels_) {
    int place = channel.claimed.slot;
    for (int i = 0; i < channel.depth; ++i) {
      const Slot& slot = slots_[static_cast<std::size_t>(channel.first_slot + place)];
      if (++place == channel.depth) place = 0;
      put(until(slot.full));
      put(until(slot.empty));
      exact(slot.pending);
      if (slot.pending > 0) put(std::max(0.0, slot.emptied - now_));
    }
  }
  const auto run = [&](const Running& running, double left) {
    exact(static_cast<double>(running.op - ctas_[static_cast<std::size_t>(running.cta)].code->ops.data()));
    exact(running.cta);
    put(left * running.op->floor);
  };
  for (const Progress& running : running_) run(pool_[static_cast<std::size_t>(running.place)], running.left);
  for (const Queue& queue : queues_) {
    exact(static_cast<double>(queue.size));
    for (std::size_t i = 0; i < queue.size; ++i) run(queue.at(i), 0);
  }
  snapshot.length = static_cast<std::size_t>(out - snapshot.memory.data());
  snapshot.time = now_;
}

// What no repetition can undercut, however the last few went: the busiest pipe of the CTAs in it, its dependence cycle.
double SmMachineRoom::least_interval(const RoleState& reference) const {
  const CtaState& cta = ctas_[static_cast<std::size_t>(reference.cta)];
  const SmSegment& segment = cta.code->segments[static_cast<std::size_t>(reference.segment)];
  const auto beside = std::ranges::count_if(ctas_, [&](const CtaState& other) {
    const RoleState& role = roles_[static_cast<std::size_t>(other.first_role + reference.role)];
    return other.code == cta.code && role.status != RoleStatus::done && role.segment == reference.segment;
  });
  return std::max(segment.recurrence, static_cast<double>(beside) * *std::ranges::max_element(segment.work));
}

// Jumps over whole periods, so many that every role stays inside its segment.
bool SmMachineRoom::skip_from(const Snapshot& before, const Snapshot& now, const RoleState& reference, bool exact,
                              double most_iterations) {
  const auto self = static_cast<std::size_t>(ctas_[0].first_role + reference.role);
  const double own = now.iterations[self] - before.iterations[self];
  if (own < 1) return false;
  double periods = std::floor(most_iterations / own);
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    const RoleState& role = roles_[i];
    if (role.status == RoleStatus::done) continue;
    const double step = now.iterations[i] - before.iterations[i];
    if (step < 0) return false;
    if (step < 1) {
      // It waits for another segment. An operation that takes longer than that goes on meanwhile.
      if (!exact && role.status == RoleStatus::running) return false;
      continue;
    }
    // An average holds only where no role runs ahead of the others of its CTA.
    const auto lead = static_cast<std::size_t>(ctas_[static_cast<std::size_t>(role.cta)].first_role);
    for (std::size_t j = lead; j < i && !exact; ++j) {
      const double other = now.iterations[j] - before.iterations[j];
      if (roles_[j].status != RoleStatus::done && other >= 1 && other != step) return false;
    }
    periods = std::min(periods, std::floor((role.count - 1 - role.iteration) / step));
  }
  const double interval = std::max((now.time - before.time) / own, least_interval(reference));
  if (reference.segment < max_simulated_segments)
    result_.interval[static_cast<std::size_t>(reference.segment)] = interval;
  if (periods < least_left_out) return false;
  const double left_out = periods * own * interval;
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    if (roles_[i].status == RoleStatus::done) continue;
    roles_[i].iteration += periods * (now.iterations[i] - before.iterations[i]);
    roles_[i].watched = roles_[i].iteration;
  }
  offset_ += left_out;
  for (const Progress& running : running_) pool_[static_cast<std::size_t>(running.place)].start -= left_out;
  result_.exact = result_.exact && exact;
  return true;
}

const Snapshot& SmMachineRoom::back(std::size_t snapshots) const {
  return snapshots_[(snapshot_count_ - snapshots) % snapshots_.size()];
}

// The last three intervals agree, although times of the state still differ: by less each time, so that all that is to
// come adds up to little. A ring that fills or drains at a steady rate also has equal intervals, until it is full or
// empty.
bool SmMachineRoom::has_settled() const {
  if (snapshot_count_ < 4) return false;
  const auto interval = [&](std::size_t ago) { return back(ago).time - back(ago + 1).time; };
  const double last = interval(0);
  const double near = settled * last;
  if (std::abs(last - interval(1)) > near || std::abs(last - interval(2)) > near) return false;
  const double step = farthest(back(0).signature(), back(1).signature());
  const double before = farthest(back(1).signature(), back(2).signature());
  if (step > drift * last || before <= 0) return false;
  const double shrinks = step / before;
  return shrinks < 1 && step * shrinks / (1 - shrinks) <= drift * last;
}

// The state wanders without going anywhere: it is no farther from long ago than from a while ago, and queues and rings
// hold what they held then. How many iterations ago that was; 0 where it goes somewhere or may still settle.
std::size_t SmMachineRoom::wanders() const {
  if (static_cast<double>(snapshot_count_) <= patience) return 0;
  const auto away = [&](std::size_t ago) { return farthest(back(0).signature(), back(ago).signature()); };
  for (std::size_t ago = averaged; 2 * ago < snapshots_.size(); ++ago) {
    const double once = away(ago);
    if (once < least_of_counts && away(2 * ago) <= strays * once) return ago;
  }
  return 0;
}

void SmMachineRoom::watch(const RoleState& reference) {
  const bool simple = roles_.size() <= snapshots_[0].iterations.size();
  if (!simple) return;
  if (watched_segment_ != reference.segment) {
    watched_segment_ = reference.segment;
    snapshot_count_ = 0;
  }
  Snapshot& latest = snapshots_[snapshot_count_ % snapshots_.size()];
  sign(latest);
  const std::size_t kept = std::min(snapshot_count_, snapshots_.size() - 1);
  for (std::size_t back = 1; back <= kept; ++back) {
    const Snapshot& before = snapshots_[(snapshot_count_ - back) % snapshots_.size()];
    const double period = latest.time - before.time;
    if (same(before.signature(), latest.signature(), tolerance * period, differs_)) {
      // What still moves has to add up to little.
      const double moved = farthest(before.signature(), latest.signature());
      const double most = moved > 0 ? static_cast<double>(back) * std::floor(drift * period / moved) : never;
      if (skip_from(before, latest, reference, /*exact=*/true, most))
        snapshot_count_ = 0;
      else
        ++snapshot_count_;
      return;
    }
  }
  if (has_settled() && skip_from(back(1), latest, reference, /*exact=*/false, never)) {
    snapshot_count_ = 0;
    return;
  }
  // An average is asked for anew after as many iterations as it was taken from and applied to.
  const std::size_t ago = wanders();
  if (ago > 0 && skip_from(back(ago), latest, reference, /*exact=*/false, reference.iteration)) {
    snapshot_count_ = 0;
    return;
  }
  ++snapshot_count_;
}

}  // namespace perfmodel
