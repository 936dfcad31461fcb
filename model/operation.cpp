#include "model/operation.hpp"

#include <algorithm>
#include <utility>

#include "model/interval.hpp"
#include "model/pricing.hpp"
#include "model/residency.hpp"

namespace perfmodel {

namespace {

void add_kernel(const Machine& machine, const Kernel& kernel, const KernelWork& work, Hertz clock, Timing& total) {
  const KernelTime at = kernel_time(machine, work, clock);
  total.time += at.time;
  total.launch += work.launch;
  total.fill += work.fill;
  total.steady += at.steady;
  total.tail += at.tail;
  for (int i = 0; i < limiter_count; ++i) {
    total.bounds[static_cast<Limiter>(i)] += at.bounds[static_cast<Limiter>(i)];
  }
  total.busy += work.busy;
  total.held += kernel.held;
  total.traffic.smem += shared_memory_bytes(machine, kernel, work);
  total.traffic.l2 += kernel.l2_read + kernel.l2_written;
  total.traffic.dram_read += work.memory.dram_read;
  total.traffic.dram_written += work.memory.dram_written;
}

// What the timer adds to the kernels' own time.
Seconds timer_share(const Machine& machine, Timer timer, int kernels) {
  switch (timer) {
    case Timer::cupti: return Seconds(0);
    case Timer::events: return kernels * machine.launch.stream.value;
    case Timer::graph: return kernels * machine.launch.graph.value;
    case Timer::do_bench: return machine.launch.do_bench.value + (kernels - 1) * machine.launch.stream.value;
  }
  return Seconds(0);
}

// triton.testing.do_bench fills so large a buffer before each repetition, so that the L2 is empty (Triton 3.6).
constexpr Bytes do_bench_fill(256.0 * 1024 * 1024);

void add_fill(const Machine& machine, Prepared& prepared) {
  prepared.beside_time = do_bench_fill / dram_rate(machine, 1.0) + 2 * machine.launch.stream.value;
  const Bytes bytes = machine.power.memory_zeros.value * do_bench_fill;
  prepared.beside.core = bytes * machine.power.l2_byte.value;
  prepared.beside.memory = bytes * machine.power.dram_byte.value;
}

Bytes footprint_of(const Plan& plan) {
  Bytes bytes;
  for (const Kernel& kernel : plan.kernels) {
    bytes += kernel.input + kernel.output;
  }
  return bytes;
}

}  // namespace

Seconds duration(const Machine& machine, const Prepared& prepared, Hertz clock) {
  Seconds total = prepared.timer;
  for (const KernelWork& work : prepared.work) total += duration(machine, work, clock);
  return total;
}

Timing timing_at(const Machine& machine, const Prepared& prepared, Hertz clock) {
  Timing total;
  for (int i = 0; i < prepared.plan.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    add_kernel(machine, prepared.plan.kernels[at], prepared.work[at], clock, total);
  }
  total.time += prepared.timer;
  total.launch += prepared.timer;
  total.bounds[Limiter::launch] += prepared.timer;
  return total;
}

namespace {

// What kernel `index` finds in the L2. Graphs that serving frameworks replay go through operands of their own in each
// node, so that none is there.
L2State l2_before(const Machine& machine, const Operator& op, const Plan& plan, int index, Regime regime,
                  bool emptied) {
  const Kernel& kernel = plan.kernels[static_cast<std::size_t>(index)];
  if (emptied) return {};
  if (kernel.reads_predecessor) {
    return repeated(machine, kernel.input + kernel.output);
  }
  if (regime == Regime::cold && index == 0) {
    return flushed(machine);
  }
  return op.timer == Timer::graph ? L2State{.resident = 0, .dirty = Bytes(0), .repeated = true}
                                  : repeated(machine, footprint_of(plan));
}

}  // namespace

namespace {

void drop_dependent_steps(Program& program) {
  for (Segment& segment : program.segments) {
    segment.interval = Cycles(0);
    segment.serial = 0;
  }
}

void leave_out(const PerLimiter<bool>& without, KernelWork& work) {
  if (without[Limiter::wave]) work.busiest = work.even;
  if (without[Limiter::l2]) work.memory.l2 = Seconds(0);
  if (without[Limiter::dram]) work.memory.dram = Seconds(0);
  if (without[Limiter::fill]) work.fill = Seconds(0);
  if (without[Limiter::launch]) work.launch = Seconds(0);
}

// Serving frameworks' tables time GEMMs on weights that were allocated and never set (ai-dynamo/aiconfigurator,
// torch.empty): zeros here, what an earlier tensor left there, so that an energy between those two is the best guess.
DataKind data_of(const Operator& op) {
  const bool unset = op.timer == Timer::graph && std::holds_alternative<Gemm>(op.work) && op.data == DataKind::random;
  return unset ? DataKind::sparse90 : op.data;
}

}  // namespace

Prepared prepare(const Machine& machine, const Library& library, const Operator& op, Regime regime,
                 const PredictOptions& options, const std::optional<L2State>& start) {
  Plan plan = lower(machine, library, op,
                    {.regime = regime,
                     .describe = options.describe,
                     .fidelity = options.fidelity,
                     .without = options.without,
                     .served = op.timer == Timer::graph});
  return prepare(machine, std::move(plan), op, regime, options, start);
}

Prepared prepare(const Machine& machine, Plan lowered, const Operator& op, Regime regime, const PredictOptions& options,
                 const std::optional<L2State>& start) {
  Prepared prepared;
  prepared.plan = std::move(lowered);
  Plan& plan = prepared.plan;
  prepared.work.resize(plan.kernels.size());
  prepared.residency.resize(plan.kernels.size());
  if (!plan.refusal.empty()) {
    return prepared;
  }
  for (int i = 0; i < plan.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Residency fits = residency(machine, plan.kernels[at].program);
    if (fits.ctas == 0) {
      plan.refusal = fits.refusal;
      return prepared;
    }
    const L2State state = i == 0 && start ? *start : l2_before(machine, op, plan, i, regime, options.emptied);
    prepared.residency[at] = fits.ctas;
    if (options.without[Limiter::recurrence]) drop_dependent_steps(plan.kernels[at].program);
    prepared.work[at] = kernel_work(machine, plan.kernels[at], fits.ctas, state, options.fidelity);
    leave_out(options.without, prepared.work[at]);
    prepared.load += kernel_load(machine, plan.kernels[at], prepared.work[at], data_of(op));
  }
  prepared.timer = timer_share(machine, op.timer, plan.count());
  if (options.without[Limiter::launch]) prepared.timer = Seconds(0);
  if (op.timer == Timer::do_bench && regime == Regime::cold) add_fill(machine, prepared);
  return prepared;
}

namespace {

// How the published warm measurements load the chip. Serving frameworks' tables (ai-dynamo/aiconfigurator) replay a
// graph of one attention or six GEMMs six times, after three runs of it without a graph and three with; others follow
// triton.testing.do_bench as in flash-attention's benchmark: six runs to begin with, then 5 ms and 10 ms of them.
LoadWindow window_of(const Operator& op, Seconds time) {
  if (op.timer == Timer::graph) {
    const double launches = std::holds_alternative<Gemm>(op.work) ? 36 : 6;
    return {launches * time, launches * time};
  }
  return {6 * time + Seconds(5e-3), std::max(time, Seconds(10e-3))};
}

}  // namespace

namespace {

// The time at a clock; asked for the same again, as solving for the clock does, it knows it.
class TimeOfClock {
 public:
  TimeOfClock(const Machine& machine, const Prepared& prepared) : machine_(machine), prepared_(prepared) {}

  Seconds operator()(Hertz clock) {
    if (clock != clock_) {
      time_ = duration(machine_, prepared_, clock);
      clock_ = clock;
    }
    return time_;
  }

 private:
  const Machine& machine_;
  const Prepared& prepared_;
  Hertz clock_{-1};  // none
  Seconds time_;
};

}  // namespace

ClockState clock_of(const Machine& machine, const Operator& op, const Prepared& prepared, Regime regime,
                    const PredictOptions& options) {
  TimeOfClock time_of_clock(machine, prepared);
  const auto time = [&](Hertz clock) { return time_of_clock(clock); };
  if (options.clock) {
    return {*options.clock, ClockLimit::top, power_at(machine, prepared.load, time(*options.clock), *options.clock)};
  }
  if (regime == Regime::sustained) {
    return steady_clock(machine, prepared.load, time);
  }
  if (prepared.beside_time.si() > 0) {
    Load load = prepared.load;
    load += prepared.beside;
    const ClockState burst = burst_clock(machine, prepared.load, time, /*from_start=*/true);
    return window_clock(machine, burst, load, [&](Hertz clock) { return time(clock) + prepared.beside_time; },
                        {op.bench.warmup, op.bench.repetition});
  }
  if (regime == Regime::cold) return burst_clock(machine, prepared.load, time, /*from_start=*/true);
  return window_clock(machine, prepared.load, time, window_of(op, time(machine.clock.datasheet.value)));
}

namespace {

bool follows_sm_clock(Limiter limiter) {
  switch (limiter) {
    case Limiter::tensor:
    case Limiter::fma:
    case Limiter::alu:
    case Limiter::xu:
    case Limiter::issue:
    case Limiter::smem:
    case Limiter::recurrence: return true;
    default: return false;
  }
}

// The longest bound and the runner-up. Under the power limit, whatever follows the SM clock counts as `power`: the
// bound it would have without the limit stays with the resource.
void name_limiters(Estimate& estimate, double clock_kept) {
  PerLimiter<Seconds>& bounds = estimate.bounds;
  if (estimate.clock_limit == ClockLimit::power) {
    Seconds most;
    for (int i = 0; i < limiter_count; ++i) {
      const auto limiter = static_cast<Limiter>(i);
      if (follows_sm_clock(limiter)) {
        most = std::max(most, bounds[limiter]);
        bounds[limiter] *= clock_kept;
      }
    }
    bounds[Limiter::power] = most;
  }
  Seconds first;
  Seconds second;
  for (int i = 0; i < limiter_count; ++i) {
    const auto limiter = static_cast<Limiter>(i);
    if (bounds[limiter] > first) {
      second = first;
      estimate.second = estimate.limiter;
      first = bounds[limiter];
      estimate.limiter = limiter;
    } else if (bounds[limiter] > second) {
      second = bounds[limiter];
      estimate.second = limiter;
    }
  }
  estimate.slack = first.si() > 0 ? 1.0 - second / first : 0.0;
}

Utilisation utilisation_of(const Machine& machine, const Timing& at, const Demand& busy, Hertz clock) {
  const Cycles all = static_cast<double>(machine.sms.value) * (at.time * clock);
  const auto share = [&](Resource resource) { return std::clamp(busy[resource] / all, 0.0, 1.0); };
  Utilisation use;
  use.tensor = share(Resource::tensor);
  use.fma = share(Resource::fma);
  use.alu = share(Resource::alu);
  use.xu = share(Resource::xu);
  use.issue = share(Resource::issue);
  use.smem = share(Resource::smem);
  use.l2 = std::min(1.0, at.traffic.l2 / machine.l2.bandwidth.value / at.time);
  use.dram = std::min(1.0, (at.traffic.dram_read + at.traffic.dram_written) / machine.dram.bandwidth.value / at.time);
  return use;
}

// Datasheet peaks and nothing else.
Seconds roofline_of(const Machine& machine, const Operator& op, const Plan& plan) {
  Seconds compute;
  const Dtype* dtype = nullptr;
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) {
    dtype = &gemm->dtype;
  } else if (const auto* attention = std::get_if<Attention>(&op.work)) {
    dtype = &attention->dtype;
  }
  if (dtype != nullptr) {
    const FlopsPerSecond peak =
        static_cast<double>(machine.sms.value) * (tensor_rate(machine, *dtype) * machine.clock.datasheet.value);
    compute = flops_of(op.work) / peak;
  }
  const Kernel& main = plan.kernels[0];
  return std::max(compute, (main.input + main.output) / machine.dram.bandwidth.value);
}

}  // namespace

Estimate summarise(const Machine& machine, const Operator& op, const Prepared& prepared, const ClockState& steady,
                   Regime regime) {
  const Timing at = timing_at(machine, prepared, steady.clock);
  Estimate estimate;
  estimate.regime = regime;
  estimate.time = at.time;
  estimate.bounds = at.bounds;
  estimate.parts = {at.launch, at.fill, at.steady, at.tail};
  estimate.traffic = at.traffic;
  estimate.flops = flops_of(op.work);
  estimate.clock = steady.clock;
  estimate.reported_clock = reported_clock(machine, steady);
  estimate.clock_limit = steady.limit;
  estimate.power = steady.power;
  estimate.utilisation = utilisation_of(machine, at, at.busy, steady.clock);
  estimate.executed = utilisation_of(machine, at, at.busy - at.held, steady.clock);
  estimate.roofline = roofline_of(machine, op, prepared.plan);
  estimate.kernel = prepared.plan.description;
  estimate.resident_warps = static_cast<double>(prepared.residency[0]) * prepared.plan.kernels[0].program.warps;
  name_limiters(estimate, steady.clock / std::min(machine.clock.datasheet.value, machine.clock.maximum.value));
  set_interval(machine, op, estimate);
  return estimate;
}

Estimate refused(std::string why, Regime regime) {
  Estimate estimate;
  estimate.limiter = Limiter::infeasible;
  estimate.regime = regime;
  estimate.refusal = std::move(why);
  return estimate;
}

}  // namespace perfmodel
