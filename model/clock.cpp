#include "model/clock.hpp"

#include <algorithm>
#include <cmath>

namespace perfmodel {

std::string_view clock_limit_name(ClockLimit limit) {
  switch (limit) {
    case ClockLimit::top: return "top clock";
    case ClockLimit::tensor: return "tensor-core clock";
    case ClockLimit::droop: return "supply droop";
    case ClockLimit::activity: return "tensor activity";
    case ClockLimit::power: return "power limit";
  }
  return "";
}

Load& Load::operator+=(const Load& other) {
  core += other.core;
  memory += other.memory;
  tensor += other.tensor;
  activity += other.activity;
  return *this;
}

namespace {

double core_share(const Machine& machine, DataKind data) {
  switch (data) {
    case DataKind::random: return 1.0;
    case DataKind::zeros: return machine.power.zeros.value;
    case DataKind::sparse90: return machine.power.sparse.value;
  }
  return 1.0;
}

// What moves takes less with data that toggles fewer wires.
double memory_share_of(const Machine& machine, DataKind data) {
  switch (data) {
    case DataKind::random: return 1.0;
    case DataKind::zeros: return machine.power.memory_zeros.value;
    case DataKind::sparse90: return machine.power.memory_sparse.value;
  }
  return 1.0;
}

// Dynamic power goes with the square of the supply voltage, and that falls linearly with the clock. Leakage falls with
// it too, and faster: the slope stands for both.
double voltage_factor(const Machine& machine, Hertz clock) {
  const double below = 1.0 - clock / machine.clock.maximum.value;
  const double voltage = std::max(0.3, 1.0 - machine.power.voltage_slope.value * below);
  return voltage * voltage;
}

// The ceiling before any power limit: the top clock without tensor work, else that behind the datasheet's tensor
// peaks, and less when the tensor cores hardly ever pause.
ClockState ceiling(const Machine& machine, const Load& load, const TimeAt& time_at) {
  const Clock& clock = machine.clock;
  if (load.tensor.si() <= 0) {
    return {clock.maximum.value, ClockLimit::top, Watts(0)};
  }
  const Hertz tensor = std::min(clock.datasheet.value, clock.maximum.value);
  const double duty = load.activity / (static_cast<double>(machine.sms.value) * (time_at(tensor) * tensor));
  const double over = std::max(0.0, duty - clock.activity_onset.value);
  if (over <= 0.0) {
    return {tensor, ClockLimit::tensor, Watts(0), /*tensor=*/true};
  }
  return {(1.0 - std::min(0.5, clock.activity_slope.value * over)) * tensor, ClockLimit::activity, Watts(0),
          /*tensor=*/true};
}

// Integral since the load step of how far the clock is below its plateau, 1 at the dip's bottom: at the bottom from the
// step on, up in a straight line, then down to the bottom and up again in straight lines.
Seconds dip_area(const Clock& clock, Seconds duration) {
  const double fall = (clock.dip_bottom.value - clock.dip_start.value).si();
  const double rise = (clock.dip_end.value - clock.dip_bottom.value).si();
  const double a = std::clamp((duration - clock.dip_start.value).si(), 0.0, fall);
  const double b = std::clamp((duration - clock.dip_bottom.value).si(), 0.0, rise);
  const double step = clock.step_end.value.si();
  const double s = std::clamp(duration.si(), 0.0, step);
  const double first = step > 0 ? s - s * s / (2 * step) : 0.0;
  return Seconds(first + a * a / (2 * fall) + b - b * b / (2 * rise));
}

// Mean clock over a duration that starts at the top clock and falls to `plateau`, with dips of that depth.
Hertz mean_clock(const Clock& clock, Hertz plateau, Hertz depth, Seconds duration) {
  const double ramp = clock.ramp.value.si();
  const double t = duration.si();
  const double area = t < ramp ? t - t * t / (2 * ramp) : ramp / 2;
  const double above = (clock.maximum.value - plateau).si() * area;
  const double below = depth.si() * dip_area(clock, duration).si();
  return plateau + Hertz((above - below) / t);
}

// What a busy clock of the FMA pipe counts beside one of the tensor cores towards the activity limit: fp8 GEMMs of
// zeros whose accumulators are added up in FP32 run at 1655 MHz on two H200s (8192 cubed, tensor duty 0.84, FMA 0.23),
// where the tensor cores' duty alone would leave 1926; six other shapes agree (FINDINGS).
constexpr double fma_activity = 0.35;

}  // namespace

Load kernel_load(const Machine& machine, const Kernel& kernel, const KernelWork& work, DataKind data) {
  const Power& power = machine.power;
  const double share = core_share(machine, data);
  Load load;
  load.tensor = kernel.tensor_share * work.busy[Resource::tensor];
  load.activity = kernel.tensor_activity * load.tensor + fma_activity * work.busy[Resource::fma];
  const Joules moved = shared_memory_bytes(machine, kernel, work) * power.smem_byte.value;
  const double memory_share = memory_share_of(machine, data);
  const Joules cached = (kernel.l2_read + kernel.l2_written) * power.l2_byte.value;
  load.core = share * (load.tensor.si() * kernel.tensor_energy * power.tensor_cycle.value) +
              memory_share * (moved + cached) + kernel.instructions * power.instruction.value;
  load.memory = memory_share * ((work.memory.dram_read + work.memory.dram_written) * power.dram_byte.value);
  return load;
}

Watts power_at(const Machine& machine, const Load& load, Seconds time, Hertz clock) {
  const Power& power = machine.power;
  const Watts active = (clock / machine.clock.maximum.value) * power.active.value;
  return power.idle.value + voltage_factor(machine, clock) * (active + load.core / time) + load.memory / time;
}

ClockState burst_clock(const Machine& machine, const Load& load, const TimeAt& time_at, bool from_start) {
  const Clock& clock = machine.clock;
  const Hertz tensor = std::min(clock.datasheet.value, clock.maximum.value);
  ClockState state;
  if (load.tensor.si() <= 0) {
    state = {clock.maximum.value, ClockLimit::top, Watts(0)};
  } else {
    const Watts power = power_at(machine, load, time_at(tensor), tensor);
    const double excess = std::max(0.0, power / machine.power.limit.value - clock.droop_power.value);
    const Hertz plateau = (1.0 - std::min(0.4, clock.plateau.value * excess)) * tensor;
    const Hertz depth = std::max(0.0, clock.dip.value - clock.plateau.value) * std::min(1.5, excess) * tensor;
    state.clock = plateau;
    state.limit = plateau < tensor || (from_start && depth > Hertz(0)) ? ClockLimit::droop : ClockLimit::tensor;
    // The mean depends on the duration and the duration on the mean; a few rounds settle it.
    for (int i = 0; from_start && i < 4; ++i) {
      const Hertz before = state.clock;
      state.clock = mean_clock(clock, plateau, depth, time_at(before));
      if (std::abs(state.clock / before - 1.0) < 2e-3) {
        break;
      }
    }
  }
  state.power = power_at(machine, load, time_at(state.clock), state.clock);
  return state;
}

ClockState steady_clock(const Machine& machine, const Load& load, const TimeAt& time_at) {
  ClockState state = ceiling(machine, load, time_at);
  state.power = power_at(machine, load, time_at(state.clock), state.clock);
  const Watts limit = machine.power.held.value * machine.power.limit.value;
  if (state.power <= limit) {
    return state;
  }
  // Power rises smoothly with the clock: false position with halved weights (Illinois), to 0.2 MHz.
  const auto excess = [&](Hertz clock) { return (power_at(machine, load, time_at(clock), clock) - limit).si(); };
  Hertz low = 0.2 * machine.clock.maximum.value;
  Hertz high = state.clock;
  double at_low = excess(low);
  double at_high = (state.power - limit).si();
  if (at_low >= 0) {
    return {low, ClockLimit::power, limit + Watts(at_low), load.tensor.si() > 0};
  }
  int side = 0;
  for (int i = 0; i < 20 && high - low > Hertz(0.2e6); ++i) {
    const Hertz middle = low + (-at_low / (at_high - at_low)) * (high - low);
    const double at_middle = excess(middle);
    if (std::abs(at_middle) < 1e-4 * limit.si()) {
      low = high = middle;
    } else if (at_middle > 0) {
      high = middle;
      at_high = at_middle;
      at_low *= side > 0 ? 0.5 : 1.0;
      side = 1;
    } else {
      low = middle;
      at_low = at_middle;
      at_high *= side < 0 ? 0.5 : 1.0;
      side = -1;
    }
  }
  const Hertz clock = 0.5 * (low + high);
  return {clock, ClockLimit::power, power_at(machine, load, time_at(clock), clock), load.tensor.si() > 0};
}

namespace {

// Share of a burst's excess over the steady clock that is left at a time under load, and its integral: all of it until
// the controller begins, then in a straight line to nothing.
constexpr double begins = 0.55;

Seconds burst_until(Seconds response, Seconds time) {
  const double end = response.si();
  const double from = begins * end;
  const double t = std::min(time.si(), end);
  const double past = std::max(0.0, t - from);
  return Seconds(t - past * past / (2 * (end - from)));
}

// `burst.power`: of the load at that clock.
ClockState held_down(const Machine& machine, const ClockState& burst, const Load& load, const TimeAt& time_at,
                     const LoadWindow& window) {
  if (burst.power <= machine.power.held.value * machine.power.limit.value) return burst;
  const ClockState steady = steady_clock(machine, load, time_at);
  if (steady.clock >= burst.clock) return burst;
  const Seconds response = machine.clock.response.value;
  const double left =
      (burst_until(response, window.before + window.measured) - burst_until(response, window.before)) / window.measured;
  const Hertz clock = steady.clock + left * (burst.clock - steady.clock);
  return {clock, left > 0.5 ? burst.limit : steady.limit, power_at(machine, load, time_at(clock), clock)};
}

}  // namespace

ClockState window_clock(const Machine& machine, const Load& load, const TimeAt& time_at, const LoadWindow& window) {
  return held_down(machine, burst_clock(machine, load, time_at, /*from_start=*/false), load, time_at, window);
}

ClockState window_clock(const Machine& machine, const ClockState& begun, const Load& load, const TimeAt& time_at,
                        const LoadWindow& window) {
  ClockState burst = begun;
  burst.power = power_at(machine, load, time_at(burst.clock), burst.clock);
  return held_down(machine, burst, load, time_at, window);
}

Hertz reported_clock(const Machine& machine, const ClockState& state) {
  const Hertz top = machine.clock.maximum.value;
  const auto shown = [&](Hertz clock) {
    return state.tensor ? std::min(top, machine.clock.shown.value * clock) : clock;
  };
  if (state.limit == ClockLimit::activity) {
    return shown(state.clock);
  }
  if (state.limit != ClockLimit::power) {
    return top;
  }
  const Hertz onset = 0.8 * top;
  const Hertz ceiling = std::min(machine.clock.datasheet.value, top);
  if (!state.tensor || state.clock <= onset) return shown(state.clock);
  return shown(onset + (state.clock - onset) / (ceiling - onset) * (top - onset));
}

}  // namespace perfmodel
