#include "model/chip_events.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "model/interference.hpp"
#include "model/sm_occupancy.hpp"

namespace perfmodel {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();
constexpr double rounding = 1e-9;  // share of a unit of work that arithmetic may leave
constexpr std::size_t most_ctas = 64;

using Mix = std::array<int, 2>;  // CTAs of each stream on an SM

// A kernel under way. Its work counts in units: a CTA of a grid that fits at once has one, and so has each item of a
// grid whose CTAs go to whatever SM has room.
struct Running {
  const ChipKernel* kernel = nullptr;
  double arrival = never;     // when its CTAs may be dispatched
  double work_start = never;  // when those that are dispatched begin to work
  bool pooled = false;
  double units = 0;
  double waiting = 0;                     // units that no CTA has begun; of a pool, those not done
  double alone = 0;                       // the kernel alone, launch and fill left out
  double unit = 0;                        // time of a unit while the kernel is alone
  int usual = 1;                          // CTAs on a busy SM then
  bool queued = false;                    // CTAs have found no room
  std::array<double, most_ctas> items{};  // clocks of an item on an SM with so many CTAs; 0: not asked yet

  [[nodiscard]] bool present() const { return kernel != nullptr; }
  [[nodiscard]] const Program& program() const { return kernel->kernel->program; }
};

// SMs that hold the same, all at the same point of their work.
struct Group {
  int sms = 0;
  std::array<bool, 2> open{};  // to each stream
  Mix mix{};
  std::array<double, 2> left{};  // units that each of its CTAs has left, where they have their own
  std::array<double, 2> rate{};  // units a second of one CTA
};

struct KnownFit {
  Mix mix;
  int stream;
  bool fits;
};

struct KnownRate {
  Mix mix;
  std::array<double, 2> rate;
};

class EventRun {
 public:
  EventRun(const Machine& machine, std::span<const ChipKernel> first, std::span<const ChipKernel> second,
           const EventOptions& options)
      : machine_(machine), options_(options), kernels_{first, second}, sms_(static_cast<double>(machine.sms.value)) {
    make_groups();
  }

  EventCourse run() {
    begin(0, 0.0);
    if (options_.inside) {
      begin(1, 0.0);
    }
    constexpr int most_events = 100'000;
    for (int i = 0; i < most_events && (running_[0].present() || running_[1].present() || !second_begun_); ++i) {
      dispatch();
      set_rates();
      const double next = next_event();
      if (!(next < never)) {
        break;
      }
      advance(next);
      retire();
      merge();
    }
    course_.light = Seconds(light_);
    return course_;
  }

 private:
  void make_groups() {
    std::vector<int> cuts{0, static_cast<int>(machine_.sms.value)};
    for (int stream = 0; stream < 2; ++stream) {
      cuts.push_back(options_.first_sm[at(stream)]);
      cuts.push_back(options_.last_sm[at(stream)]);
    }
    std::ranges::sort(cuts);
    for (std::size_t i = 1; i < cuts.size(); ++i) {
      if (cuts[i] > cuts[i - 1]) {
        Group group{.sms = cuts[i] - cuts[i - 1]};
        for (int stream = 0; stream < 2; ++stream) {
          group.open[at(stream)] =
              cuts[i - 1] >= options_.first_sm[at(stream)] && cuts[i] <= options_.last_sm[at(stream)];
        }
        groups_.push_back(group);
      }
    }
  }

  static std::size_t at(int stream) { return static_cast<std::size_t>(stream); }
  Running& running(int stream) { return running_[at(stream)]; }

  // The next kernel of a stream may be dispatched from `time` on; a stream without another one is over.
  void begin(int stream, double time) {
    Running& run = running(stream);
    second_begun_ = second_begun_ || stream == 1;
    run = Running{};
    known_fits_.clear();
    known_rates_.clear();
    if (next_[at(stream)] >= kernels_[at(stream)].size()) {
      return;
    }
    run.kernel = &kernels_[at(stream)][next_[at(stream)]++];
    run.arrival = time + run.kernel->gap.si();
    const Kernel& kernel = *run.kernel->kernel;
    const KernelWork& work = *run.kernel->work;
    if (kernel.empty()) {
      return;
    }
    const bool persistent = kernel.schedule == Schedule::persistent;
    const double ctas = persistent ? static_cast<double>(kernel.ctas) : kernel.items;
    run.usual = std::clamp(static_cast<int>(std::ceil(ctas / sms_)), 1, run.kernel->residency);
    run.pooled = !persistent && kernel.items > sms_ * run.usual;
    run.units = run.waiting = ctas;
    run.alone = (duration(machine_, work, clock_of(run)) - work.launch - work.fill).si();
    run.unit = run.pooled ? run.alone * sms_ * run.usual / run.units : run.alone;
  }

  [[nodiscard]] Hertz clock_of(const Running& run) const {
    return run.kernel->work->busy[Resource::tensor].si() > 0 ? options_.loaded : options_.light;
  }

  // An item on an SM with so many CTAs of its kernel and none of another.
  double item(Running& run, int ctas) {
    double& known = run.items[std::min(static_cast<std::size_t>(ctas), most_ctas - 1)];
    if (known <= 0) {
      const std::array<Resident, 1> residents = {Resident{&run.program(), ctas}};
      const Cycles sm = sm_rates(machine_, OperatingPoint{}, residents, Fidelity::bound).residents[0].item;
      // What of the memory's time falls to an item while all SMs hold so many.
      const double slots = std::min(sms_ * ctas, std::max(1.0, run.kernel->kernel->items));
      const double part = slots / std::max(1.0, run.kernel->kernel->items);
      const MemoryTime& memory = run.kernel->work->memory;
      const Hertz clock = clock_of(run);
      known = (overlapped_time(machine_, sm / clock, part * memory.l2, part * memory.dram) * clock).si();
    }
    return known;
  }

  // Units a second of one CTA, with so many of its like on the SM.
  double rate_alone(Running& run, int ctas) { return item(run, run.usual) / item(run, ctas) / run.unit; }

  bool fits(const Mix& mix, int stream) {
    for (const KnownFit& known : known_fits_) {
      if (known.stream == stream && known.mix == mix) {
        return known.fits;
      }
    }
    known_fits_.push_back({mix, stream, try_fit(mix, stream)});
    return known_fits_.back().fits;
  }

  bool try_fit(const Mix& mix, int stream) {
    const Running& wanted = running(stream);
    if (mix[at(stream)] >= wanted.kernel->residency || mix[at(stream)] + 1 >= static_cast<int>(most_ctas)) {
      return false;
    }
    if (options_.inside && stream == 0) {
      return mix[0] < mix[1];
    }
    if (mix[at(1 - stream)] == 0) {
      return true;
    }
    const bool kept = options_.keeps_carveout && stream == 1;
    SmOccupancy sm(machine_, shared_memory_beside(machine_, running(0), mix[0], kept));
    for (int other = 0; other < 2; ++other) {
      for (int i = 0; i < mix[at(other)]; ++i) {
        if (!sm.place(running(other).program())) {
          return false;
        }
      }
    }
    return sm.place(wanted.program());
  }

 public:
  // With the default carve-out an SM has what the CTAs on it need, and a system's share for one without any.
  static Bytes shared_memory_beside(const Machine& machine, const Program& resident, int ctas, bool kept) {
    const Bytes reserved = machine.shared_memory.reserved_per_cta.value;
    return kept ? ctas * (resident.smem + reserved) + reserved : machine.shared_memory.capacity.value;
  }

 private:
  static Bytes shared_memory_beside(const Machine& machine, const Running& resident, int ctas, bool kept) {
    return resident.present() ? shared_memory_beside(machine, resident.program(), ctas, kept)
                              : machine.shared_memory.capacity.value;
  }

  // The group where a CTA of the stream goes next: on SMs with fewest CTAs, on the more common sort of those; -1 if
  // there is no room anywhere.
  int emptiest(int stream) {
    const auto load = [](const Group& group) { return std::pair(group.mix[0] + group.mix[1], -group.sms); };
    int best = -1;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i].open[at(stream)] && fits(groups_[i].mix, stream) &&
          (best < 0 || load(groups_[i]) < load(groups_[static_cast<std::size_t>(best)]))) {
        best = static_cast<int>(i);
      }
    }
    return best;
  }

  // CTAs that may still be dispatched.
  double undispatched(int stream) {
    const Running& run = running(stream);
    if (!run.present()) {
      return 0;
    }
    if (!run.pooled) {
      return run.waiting;
    }
    double resident = 0;
    for (const Group& group : groups_) {
      resident += group.sms * group.mix[at(stream)];
    }
    return std::max(0.0, std::ceil(run.waiting - rounding) - resident);
  }

  void dispatch(int stream) {
    Running& run = running(stream);
    double left = undispatched(stream);
    while (left >= 1) {
      const int where = emptiest(stream);
      if (where < 0) {
        run.queued = true;
        return;
      }
      left -= place(stream, static_cast<std::size_t>(where), left);
      start_work(stream);
    }
  }

  // One CTA on each of the group's SMs, or on as many as there are CTAs. CTAs that have been waiting for room fill the
  // SM that frees first, and then the next.
  double place(int stream, std::size_t where, double left) {
    Running& run = running(stream);
    const int depth =
        run.queued && !run.pooled ? std::min(room(groups_[where].mix, stream), static_cast<int>(left)) : 1;
    const int sms = std::min(groups_[where].sms, static_cast<int>(left) / depth);
    split(where, sms);
    Group& group = groups_[where];
    // CTAs of the kernel that are there already go on together with the new ones; they count as one.
    group.left[at(stream)] = 1.0;
    group.mix[at(stream)] += depth;
    course_.met = course_.met || (group.mix[0] > 0 && group.mix[1] > 0);
    const double placed = double{1} * sms * depth;
    run.waiting -= run.pooled ? 0.0 : placed;
    return placed;
  }

  // CTAs of the stream's kernel that an SM still takes.
  int room(Mix mix, int stream) {
    int ctas = 0;
    while (fits(mix, stream)) {
      mix[at(stream)] += 1;
      ctas += 1;
    }
    return ctas;
  }

  void start_work(int stream) {
    Running& run = running(stream);
    if (run.work_start < never) {
      return;
    }
    run.work_start = now_ + (run.kernel->work->launch + run.kernel->work->fill).si();
    if (next_[at(stream)] == 1) {
      course_.stream[at(stream)].start = Seconds(now_);
    }
  }

  // The first `sms` SMs of the group stay in it, the others become one of their own.
  void split(std::size_t where, int sms) {
    if (sms < groups_[where].sms) {
      Group rest = groups_[where];
      rest.sms -= sms;
      groups_[where].sms = sms;
      groups_.push_back(rest);
    }
  }

  void dispatch() {
    const int earlier = options_.inside || running_[1].arrival < running_[0].arrival ? 1 : 0;
    for (const int stream : {earlier, 1 - earlier}) {
      Running& run = running(stream);
      if (!run.present() || run.arrival > now_) {
        continue;
      }
      if (run.units <= 0) {
        run.work_start = std::min(run.work_start, now_ + (run.kernel->work->launch + run.kernel->work->fill).si());
        continue;
      }
      dispatch(stream);
      if (waits(stream) && !options_.inside && !apart()) {
        return;  // nothing else is dispatched before
      }
    }
    if (!second_begun_ && (apart() || !waits(0))) {
      begin(1, now_ + options_.delay.si());
    }
  }

  // SMs of their own have a dispatcher of their own.
  [[nodiscard]] bool apart() const {
    return options_.last_sm[0] <= options_.first_sm[1] || options_.last_sm[1] <= options_.first_sm[0];
  }

  // Whether CTAs of the stream's kernel are still to be dispatched.
  bool waits(int stream) { return undispatched(stream) >= 1; }

  bool at_work(int stream) { return running(stream).present() && running(stream).work_start <= now_; }

  void set_rates() {
    for (Group& group : groups_) {
      const KnownRate& known = rates_of(group.mix);
      group.rate = known.rate;
    }
    // All SMs have one clock: work without tensor cores slows with that of the others.
    for (int stream = 0; stream < 2; ++stream) {
      const bool light = running(stream).present() && clock_of(running(stream)) != options_.loaded;
      if (light && running(1 - stream).present() && at_work(1 - stream) && total_rate(1 - stream) > 0 &&
          clock_of(running(1 - stream)) == options_.loaded) {
        scale(stream, options_.loaded / options_.light);
      }
    }
    share_memory();
  }

  void scale(int stream, double factor) {
    for (Group& group : groups_) {
      group.rate[at(stream)] *= factor;
    }
  }

  const KnownRate& rates_of(const Mix& mix) {
    const Mix effective{at_work(0) ? mix[0] : 0, at_work(1) ? mix[1] : 0};
    for (const KnownRate& known : known_rates_) {
      if (known.mix == effective) {
        return known;
      }
    }
    KnownRate entry{effective, {}};
    for (int stream = 0; stream < 2; ++stream) {
      if (effective[at(stream)] > 0) {
        entry.rate[at(stream)] = rate_alone(running(stream), effective[at(stream)]);
      }
    }
    if (effective[0] > 0 && effective[1] > 0) {
      const auto resident = [&](int stream) {
        return CoResident{&running(stream).program(), effective[at(stream)],
                          Cycles(item(running(stream), effective[at(stream)]))};
      };
      const std::array<double, 2> slow = slowdowns(machine_, resident(0), resident(1));
      for (int stream = 0; stream < 2; ++stream) {
        entry.rate[at(stream)] /= slow[at(stream)];
      }
    }
    known_rates_.push_back(entry);
    return known_rates_.back();
  }

  // Where both together ask for more of the L2 or of DRAM than there is, both wait.
  void share_memory() {
    if (!at_work(0) || !at_work(1)) {
      return;
    }
    double l2 = 0;
    double dram = 0;
    for (int stream = 0; stream < 2; ++stream) {
      const Running& run = running(stream);
      if (run.units > 0) {
        const double speed = total_rate(stream) / run.units;
        l2 += speed * run.kernel->work->memory.l2.si();
        dram += speed * run.kernel->work->memory.dram.si();
      }
    }
    const double most = std::max(l2, dram);
    if (most > 1.0) {
      scale(0, 1.0 / most);
      scale(1, 1.0 / most);
    }
  }

  double total_rate(int stream) {
    double sum = 0;
    for (const Group& group : groups_) {
      sum += group.sms * group.mix[at(stream)] * group.rate[at(stream)];
    }
    return sum;
  }

  // Units left of a pool when its last wave begins, in lockstep.
  double last_wave(int stream) {
    double slots = 0;
    for (const Group& group : groups_) {
      slots += group.sms * group.mix[at(stream)];
    }
    const Running& run = running(stream);
    return slots > 0 ? run.units / std::ceil(run.units / slots) : 0.0;
  }

  // Someone waits for the stream's kernel to be dispatched.
  bool awaited(int stream) {
    return running(stream).pooled &&
           ((stream == 0 && !second_begun_) || (running(1 - stream).present() && running(1 - stream).units > 0 &&
                                                running(1 - stream).work_start == never));
  }

  double next_event() {
    double next = never;
    for (int stream = 0; stream < 2; ++stream) {
      Running& run = running(stream);
      if (!run.present()) {
        continue;
      }
      if (run.arrival > now_) {
        next = std::min(next, run.arrival);
      } else if (run.work_start > now_) {
        next = std::min(next, run.work_start);
      } else if (run.units <= 0) {
        next = now_;
      } else if (run.pooled) {
        const double rate = total_rate(stream);
        const double until = awaited(stream) ? std::max(0.0, run.waiting - last_wave(stream)) : run.waiting;
        next = rate > 0 ? std::min(next, now_ + until / rate) : next;
      } else {
        for (const Group& group : groups_) {
          if (group.mix[at(stream)] > 0 && group.rate[at(stream)] > 0) {
            next = std::min(next, now_ + group.left[at(stream)] / group.rate[at(stream)]);
          }
        }
      }
    }
    return next;
  }

  void advance(double next) {
    const double step = next - now_;
    bool tensor = false;
    const bool both = at_work(0) && at_work(1);
    for (int stream = 0; stream < 2; ++stream) {
      if (!at_work(stream)) {
        continue;
      }
      Running& run = running(stream);
      const double rate = total_rate(stream);
      tensor = tensor || (rate > 0 && clock_of(run) == options_.loaded);
      if (both && run.units > 0) {
        course_.stream[at(stream)].shared += Seconds(step);
        course_.stream[at(stream)].done += Seconds(step * rate / run.units * run.alone);
      }
      if (run.pooled) {
        run.waiting -= step * rate;
      } else {
        for (Group& group : groups_) {
          group.left[at(stream)] -= step * group.rate[at(stream)];
        }
      }
    }
    light_ += tensor ? 0.0 : step;
    now_ = next;
  }

  void vacate(int stream) {
    for (Group& group : groups_) {
      group.mix[at(stream)] = 0;
      group.left[at(stream)] = 0;
    }
  }

  void retire() {
    for (int stream = 0; stream < 2; ++stream) {
      Running& run = running(stream);
      if (!run.present() || run.work_start > now_) {
        continue;
      }
      if (run.pooled && awaited(stream) && run.waiting <= last_wave(stream) + rounding * run.units) {
        settle(stream);
      }
      bool busy = run.pooled ? run.waiting > rounding * run.units : run.waiting >= 1;
      if (!run.pooled) {
        for (Group& group : groups_) {
          if (group.mix[at(stream)] > 0 && group.left[at(stream)] <= rounding) {
            group.mix[at(stream)] = 0;
            group.left[at(stream)] = 0;
          }
          busy = busy || group.mix[at(stream)] > 0;
        }
      }
      if (!busy) {
        vacate(stream);
        course_.stream[at(stream)].end = Seconds(now_);
        begin(stream, now_);
      }
    }
  }

  // The last wave of a pool: as many CTAs as are left, in whatever slots fell free first, that all end when the pool
  // would have been done.
  void settle(int stream) {
    Running& run = running(stream);
    const double until = run.waiting / total_rate(stream);
    double slots = 0;
    for (const Group& group : groups_) {
      slots += group.sms * group.mix[at(stream)];
    }
    const double ctas = run.units - (std::ceil(run.units / slots) - 1) * slots;
    run.pooled = false;
    run.waiting = 0;
    const std::size_t groups = groups_.size();
    for (std::size_t i = 0; i < groups; ++i) {
      thin_out(stream, i, ctas / slots);
    }
    known_rates_.clear();
    set_rates();
    for (Group& group : groups_) {
      group.left[at(stream)] = until * group.rate[at(stream)];
    }
  }

  // Leaves that share of the group's slots to the stream, taken by chance: SMs with all of them, with one less, down to
  // none.
  void thin_out(int stream, std::size_t where, double share) {
    const int slots = groups_[where].mix[at(stream)];
    const int sms = groups_[where].sms;
    double chance = std::pow(1.0 - share, slots);  // of no CTA
    double sum = 0;
    int given = 0;
    std::size_t rest = where;
    for (int ctas = 0; ctas < slots; ++ctas) {
      sum += chance;
      const int alike = static_cast<int>(std::lround(sum * sms)) - given;
      chance *= share < 1.0 ? (slots - ctas) / (ctas + 1.0) * share / (1.0 - share) : 0.0;
      if (alike <= 0) {
        continue;
      }
      given += alike;
      const bool all = given >= sms;
      split(rest, all ? groups_[rest].sms : alike);
      groups_[rest].mix[at(stream)] = ctas;
      if (all) {
        return;
      }
      rest = groups_.size() - 1;
    }
  }

  void merge() {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      for (std::size_t j = groups_.size() - 1; j > i; --j) {
        const auto alike = [](double a, double b) { return std::abs(a - b) <= rounding; };
        if (groups_[i].mix == groups_[j].mix && groups_[i].open == groups_[j].open &&
            alike(groups_[i].left[0], groups_[j].left[0]) && alike(groups_[i].left[1], groups_[j].left[1])) {
          groups_[i].sms += groups_[j].sms;
          groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(j));
        }
      }
    }
    known_rates_.clear();
  }

  const Machine& machine_;
  const EventOptions& options_;
  std::array<std::span<const ChipKernel>, 2> kernels_;
  double sms_;
  std::array<std::size_t, 2> next_{};
  std::array<Running, 2> running_;
  bool second_begun_ = false;
  std::vector<Group> groups_;
  std::vector<KnownFit> known_fits_;
  std::vector<KnownRate> known_rates_;
  double now_ = 0;
  double light_ = 0;
  EventCourse course_;
};

}  // namespace

std::string obstacle_beside(const Machine& machine, const Program& resident, int ctas, const Program& other,
                            bool keeps_carveout) {
  SmOccupancy sm(machine, EventRun::shared_memory_beside(machine, resident, ctas, keeps_carveout));
  for (int i = 0; i < ctas; ++i) {
    if (!sm.place(resident)) {
      return {};
    }
  }
  return sm.obstacle(other);
}

EventCourse run_events(const Machine& machine, std::span<const ChipKernel> first, std::span<const ChipKernel> second,
                       const EventOptions& options) {
  return EventRun(machine, first, second, options).run();
}

}  // namespace perfmodel
