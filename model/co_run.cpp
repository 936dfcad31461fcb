#include "model/co_run.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "model/residency.hpp"

namespace perfmodel {

namespace {

std::vector<ChipKernel> chip_kernels(std::span<const Prepared* const> operators) {
  std::vector<ChipKernel> kernels;
  for (const Prepared* prepared : operators) {
    // What the timer adds lies between the kernels of a stream.
    const Seconds gap = prepared->plan.count() > 0 ? prepared->timer / prepared->plan.count() : Seconds(0);
    for (int i = 0; i < prepared->plan.count(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      kernels.push_back({&prepared->plan.kernels[at], &prepared->work[at], std::max(1, prepared->residency[at]), gap});
    }
  }
  return kernels;
}

// The kernel that takes longest, for what fits beside it.
const ChipKernel& main_kernel(const std::vector<ChipKernel>& kernels) {
  return *std::ranges::max_element(kernels, {}, [](const ChipKernel& k) { return k.work->busiest.si(); });
}

Seconds time_alone(const Machine& machine, const std::vector<ChipKernel>& kernels, Hertz loaded, Hertz light) {
  Seconds sum;
  for (const ChipKernel& kernel : kernels) {
    const bool tensor = kernel.work->busy[Resource::tensor].si() > 0;
    sum += kernel.gap + duration(machine, *kernel.work, tensor ? loaded : light);
  }
  return sum;
}

int ctas_on_sm(const Machine& machine, const ChipKernel& kernel) {
  const double ctas =
      kernel.kernel->schedule == Schedule::persistent ? static_cast<double>(kernel.kernel->ctas) : kernel.kernel->items;
  return std::clamp(static_cast<int>(std::ceil(ctas / static_cast<double>(machine.sms.value))), 1, kernel.residency);
}

}  // namespace

CoRun::CoRun(const Machine& machine, std::span<const Prepared* const> first, std::span<const Prepared* const> second,
             const CoRunOptions& options)
    : machine_(machine), options_(options) {
  check(first, second);
  if (!refusal_.empty()) {
    return;
  }
  kernels_ = {chip_kernels(first), chip_kernels(second)};
  for (const Prepared* prepared : first) {
    loads_[0] += prepared->load;
  }
  for (const Prepared* prepared : second) {
    loads_[1] += prepared->load;
  }
  load_ += loads_[0];
  load_ += loads_[1];
  find_obstacle();
}

void CoRun::check(std::span<const Prepared* const> first, std::span<const Prepared* const> second) {
  for (const auto stream : {first, second}) {
    for (const Prepared* prepared : stream) {
      if (refusal_.empty() && !prepared->feasible()) {
        refusal_ = prepared->plan.refusal;
      }
    }
    if (refusal_.empty() && stream.empty()) {
      refusal_ = "a stream without an operator";
    }
  }
  const std::int64_t sms = machine_.sms.value;
  if (refusal_.empty() && options_.placement == Placement::partition &&
      (options_.first_sms < 1 || options_.first_sms >= sms)) {
    refusal_ = fmt::format("a partition of {} SMs for one kernel: expected 1 to {}, so that both have some",
                           options_.first_sms, sms - 1);
  }
}

void CoRun::find_obstacle() {
  const ChipKernel& resident = main_kernel(kernels_[0]);
  const ChipKernel& other = main_kernel(kernels_[1]);
  if (options_.placement == Placement::partition) {
    apart_ = "each has SMs of its own";
  } else if (options_.placement == Placement::inside) {
    // A CTA has one register count for all its threads.
    Program both = other.kernel->program;
    both.warps += resident.kernel->program.warps;
    both.registers = std::max(both.registers, resident.kernel->program.registers);
    const Residency fits = residency(machine_, both);
    if (fits.ctas == 0) {
      refusal_ = fmt::format("with {} extra warps: {}", resident.kernel->program.warps, fits.refusal);
    }
  } else {
    apart_ = obstacle_beside(machine_, resident.kernel->program, ctas_on_sm(machine_, resident), other.kernel->program,
                             options_.carveout == Carveout::standard);
  }
}

EventOptions CoRun::event_options(Hertz loaded, Hertz light) const {
  const int sms = static_cast<int>(machine_.sms.value);
  EventOptions events;
  events.last_sm = {sms, sms};
  if (options_.placement == Placement::partition) {
    events.last_sm[0] = options_.first_sms;
    events.first_sm[1] = options_.first_sms;
  }
  events.delay = options_.delay;
  events.inside = options_.placement == Placement::inside;
  events.keeps_carveout = options_.carveout == Carveout::standard;
  events.loaded = loaded;
  events.light = light;
  return events;
}

CoRunCourse CoRun::at(Hertz loaded, Hertz light) const {
  const EventCourse events = run_events(machine_, kernels_[0], kernels_[1], event_options(loaded, light));
  CoRunCourse course;
  for (std::size_t i = 0; i < 2; ++i) {
    const StreamCourse& stream = events.stream[i];
    CoRunPart& part = course.part[i];
    part.start = stream.start;
    part.end = stream.end;
    part.alone = time_alone(machine_, kernels_[i], loaded, light);
    part.shared = part.alone.si() > 0 ? std::min(1.0, stream.done / part.alone) : 0.0;
    if (stream.shared.si() > 0) {
      part.slowdown = stream.done.si() > 0 ? stream.shared / stream.done : std::numeric_limits<double>::infinity();
    }
    course.time = std::max(course.time, stream.end);
    course.together = std::max(course.together, stream.shared);
  }
  course.light = events.light;
  course.met = events.met;
  return course;
}

Load CoRun::loaded(const CoRunCourse& course) const {
  Load sum;
  for (std::size_t i = 0; i < 2; ++i) {
    const bool tensor = loads_[i].tensor.si() > 0;
    const double share = tensor ? 1.0 : course.part[i].shared;
    sum += {share * loads_[i].core, share * loads_[i].memory, loads_[i].tensor, loads_[i].activity};
  }
  return sum;
}

CoRunEstimate co_run(const Machine& machine, const CoRun& pair, Regime regime, const PredictOptions& options) {
  CoRunEstimate estimate;
  estimate.refusal = pair.refusal();
  estimate.apart = pair.apart();
  if (!estimate.feasible()) {
    estimate.limiter = Limiter::infeasible;
    return estimate;
  }
  const Hertz top = machine.clock.maximum.value;
  const bool steady = regime == Regime::sustained;
  // A steady load has one clock for all of its time; a burst is slowed only while the tensor cores work.
  const auto time = [&](Hertz clock) { return pair.at(clock, steady || options.clock ? clock : top).time; };
  ClockState clock;
  if (options.clock) {
    clock = {*options.clock, ClockLimit::top, power_at(machine, pair.load(), time(*options.clock), *options.clock)};
  } else if (steady) {
    clock = steady_clock(machine, pair.load(), time);
  } else {
    const CoRunCourse usual = pair.at(machine.clock.datasheet.value, top);
    const auto loaded_time = [&](Hertz at) {
      const CoRunCourse course = pair.at(at, top);
      return course.time - course.light;
    };
    clock = burst_clock(machine, pair.loaded(usual), loaded_time, /*from_start=*/regime == Regime::cold);
    clock.power = power_at(machine, pair.load(), time(clock.clock), clock.clock);
  }
  const Hertz light = steady || options.clock ? clock.clock : top;
  estimate.course = pair.at(clock.clock, light);
  const double share = estimate.course.light / estimate.course.time;
  estimate.clock = (1.0 - share) * clock.clock + share * light;
  estimate.clock_limit = clock.limit;
  estimate.power = clock.power;
  return estimate;
}

Operator inside_of(const Operator& rng, const Prepared& host, int warps) {
  Operator inside = rng;
  auto& work = std::get<Rng>(inside.work);
  const Kernel& kernel = host.plan.kernels[0];
  work.ctas =
      static_cast<int>(kernel.schedule == Schedule::persistent ? static_cast<double>(kernel.ctas) : kernel.items);
  work.threads = 32 * warps;
  work.registers = kernel.program.registers;
  return inside;
}

namespace {

CoRunEstimate refused_pair(std::string why) {
  CoRunEstimate estimate;
  estimate.limiter = Limiter::infeasible;
  estimate.refusal = std::move(why);
  return estimate;
}

}  // namespace

CoRunEstimate co_run(const Machine& machine, const Library& library, const Operator& first, const Operator& second,
                     const CoRunOptions& options, const PredictOptions& predict_options, int inside_warps) {
  const bool inside = options.placement == Placement::inside;
  if (inside && !std::holds_alternative<Rng>(first.work)) {
    return refused_pair("only a mask RNG runs as extra warps inside another kernel");
  }
  const Regime regime = regime_of(second, regime_of(first, predict_options.regime));
  const Prepared later = prepare(machine, library, second, regime, predict_options);
  if (!later.feasible()) {
    return refused_pair(later.plan.refusal);
  }
  const Operator earlier_op = inside ? inside_of(first, later, inside_warps) : first;
  const Prepared earlier = prepare(machine, library, earlier_op, regime, predict_options);
  const std::array<const Prepared*, 1> resident{&earlier};
  const std::array<const Prepared*, 1> joining{&later};
  CoRunEstimate estimate = co_run(machine, CoRun(machine, resident, joining, options), regime, predict_options);
  if (!estimate.feasible()) {
    return estimate;
  }
  const Estimate alone_first = predict(machine, library, first, predict_options);
  const Estimate alone_second = predict(machine, library, second, predict_options);
  estimate.sequence = alone_first.time + alone_second.time;
  const auto& part = estimate.course.part;
  estimate.limiter = part[0].end > part[1].end ? alone_first.limiter : alone_second.limiter;
  return estimate;
}

}  // namespace perfmodel
