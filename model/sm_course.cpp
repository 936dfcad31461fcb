// How CTAs, roles and items begin and end in a simulation.
#include <algorithm>

#include "model/sm_machine_room.hpp"

namespace perfmodel {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

}  // namespace

void SmMachineRoom::set_up(std::span<const SmResident> residents) {
  ctas_.clear();
  roles_.clear();
  channels_.clear();
  slots_.clear();
  running_.clear();
  channels_of_cta_ = 0;
  pipes_ = 0;
  now_ = offset_ = 0;
  snapshot_count_ = 0;
  watched_segment_ = -1;
  result_ = {};
  for (Queue& queue : queues_) queue.head = queue.size = 0, queue.busy = false;
  // Of one code, whose operations a byte can tell apart.
  keeps_rates_ = residents.size() == 1 && residents[0].code->ops.size() < 255;
  for (KnownRates& known : known_rates_) known.key = 0;
  for (std::size_t resident = 0; resident < residents.size(); ++resident) {
    pipes_ = std::max(pipes_, residents[resident].code->pipes);
    channels_of_cta_ = std::max(channels_of_cta_, residents[resident].code->channels.size());
    for (int i = 0; i < residents[resident].ctas; ++i) set_up_cta(residents[resident], static_cast<int>(resident));
  }
  through_.assign(ctas_.empty() ? 0 : at(ctas_.back().first_through + ctas_.back().items), 0);
  engines_ = static_cast<int>(roles_.size());
  due_.clear(roles_.size());
  asleep_.clear(roles_.size());
  taken_.resize(roles_.size() * channels_of_cta_);
  pool_.resize(std::max(pool_.size(), roles_.size() + 2));
  constexpr std::size_t first_size = 64;
  for (Queue& queue : queues_) queue.waiting.resize(std::max(queue.waiting.size(), first_size));
  for (int cta = 0; cta < static_cast<int>(ctas_.size()); ++cta) start_cta(cta);
  find_takings();
}

void SmMachineRoom::set_up_cta(const SmResident& resident, int index) {
  const SmCode& code = *resident.code;
  CtaState cta;
  cta.code = &code;
  cta.resident = index;
  cta.first_role = static_cast<int>(roles_.size());
  cta.first_channel = static_cast<int>(channels_.size());
  cta.items = cta.items_left = resident.items > 0 ? resident.items : options_.items;
  cta.first_through = ctas_.empty() ? 0 : ctas_.back().first_through + ctas_.back().items;
  roles_.resize(roles_.size() + at(code.roles));
  for (const SmChannel& channel : code.channels) {
    channels_.push_back({{}, 0, cta.first_role, static_cast<int>(slots_.size()), channel.depth, channel.takers});
    slots_.resize(slots_.size() + at(channel.depth));
  }
  ctas_.push_back(cta);
}

// Only where the state will be watched.
void SmMachineRoom::find_takings() {
  takings_.clear();
  if (!options_.skip) return;
  takes_.assign(roles_.size() * channels_of_cta_, 0);
  for (const CtaState& cta : ctas_) {
    for (const SmOp& op : cta.code->ops) {
      char* takes = takes_.data() + at(cta.first_role + op.role) * channels_of_cta_;
      for (int i = 0; i < op.waits; ++i) {
        const SmWait& wait = cta.code->waits[at(op.first_wait + i)];
        if (wait.take) takes[wait.channel] = 1;
      }
    }
  }
  for (std::size_t i = 0; i < takes_.size(); ++i) {
    if (takes_[i] != 0)
      takings_.push_back({static_cast<int>(i / channels_of_cta_), static_cast<int>(i % channels_of_cta_)});
  }
}

void SmMachineRoom::start_cta(int index) {
  CtaState& cta = ctas_[at(index)];
  const SmCode& code = *cta.code;
  for (std::size_t i = 0; i < code.channels.size(); ++i) {
    ChannelState& channel = channels_[at(cta.first_channel) + i];
    const int initial = code.channels[i].initial;
    channel.claimed = {initial, initial % channel.depth};
    channel.waiting = 0;
    for (int s = 0; s < channel.depth; ++s) {
      Slot& slot = slots_[at(channel.first_slot + s)];
      const bool full = s < initial;
      slot = {full ? now_ : never, full ? never : now_, 0, full ? channel.takers : 0,
              cta.first_channel + static_cast<int>(i)};
    }
  }
  cta.roles_left = code.roles;
  for (int i = 0; i < code.roles; ++i) {
    RoleState& role = roles_[at(cta.first_role + i)];
    role = {};
    role.cta = index;
    role.role = i;
    role.index = cta.first_role + i;
    std::fill_n(&taken(role.index, 0), channels_of_cta_, Cursor{});
    role.segment = -1;
    due_.add(role.index);
    asleep_.remove(role.index);
  }
  for (int i = 0; i < code.roles; ++i) next_segment(roles_[at(cta.first_role + i)]);
}

void SmMachineRoom::next_segment(RoleState& role) {
  const SmCode& code = *ctas_[at(role.cta)].code;
  for (;;) {
    if (++role.segment >= static_cast<int>(code.segments.size())) {
      finish_role_item(role);
      return;
    }
    const SmSegment& segment = code.segments[at(role.segment)];
    const SmRange range = segment.roles[at(role.role)];
    if (segment.count < 1 || range.begin == range.end) continue;
    role.begin = role.op = range.begin;
    role.end = range.end;
    role.count = segment.count;
    role.iteration = 0;
    return;
  }
}

void SmMachineRoom::next_op(RoleState& role) {
  if (++role.op < role.end) return;
  role.op = role.begin;
  role.iteration += 1;
  if (role.iteration >= role.count) next_segment(role);
}

// A role of a persistent CTA goes on with the next item by itself; the others wait until the CTA has ended.
void SmMachineRoom::finish_role_item(RoleState& role) {
  CtaState& cta = ctas_[at(role.cta)];
  if (cta.code->persistent) {
    if (++through_[at(cta.first_through + role.item)] == cta.code->roles) record_item(cta);
    if (++role.item < cta.items) {
      role.segment = -1;
      role.watched = 0;
      next_segment(role);
      return;
    }
  } else {
    --cta.roles_left;
  }
  role.status = RoleStatus::done;
  role.op = role.begin = role.end = 0;
  end_cta(role.cta);
}

void SmMachineRoom::record_item(const CtaState& cta) {
  const double end = now_ + offset_;
  const auto resident = at(std::min(cta.resident, max_simulated - 1));
  ++result_.items;
  if (result_.first_item[resident] <= 0) result_.first_item[resident] = end;
  result_.last_item[resident] = end;
}

// A CTA that is not persistent ends with its last operation, stores among them, and leaves its place to the next.
void SmMachineRoom::end_cta(int index) {
  CtaState& cta = ctas_[at(index)];
  if (cta.code->persistent || cta.roles_left > 0 || cta.in_flight > 0 || cta.items_left <= 0) return;
  record_item(cta);
  if (--cta.items_left <= 0) return;
  start_cta(index);
  for (int i = 0; i < cta.code->roles; ++i) {
    RoleState& role = roles_[at(cta.first_role + i)];
    if (role.status == RoleStatus::done) continue;
    sleep(role, now_ + cta.code->restart);
  }
}

}  // namespace perfmodel
