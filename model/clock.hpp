// The SM clock under load. Kernels that use the tensor cores run at their own ceiling, below the top clock; a heavy
// load that has just begun makes the supply droop; a steady one is held at the power limit.
#pragma once

#include <functional>

#include "arch/machine.hpp"
#include "model/chip.hpp"
#include "model/estimate.hpp"

namespace perfmodel {

// What some work asks of the board: energy at the top clock's voltage, apart by what follows that voltage and what
// does not, and how busy it keeps the tensor cores.
struct Load {
  Joules core;
  Joules memory;
  Cycles tensor;    // tensor-busy cycles, all SMs together
  Cycles activity;  // the same, weighted for the activity limit

  Load& operator+=(const Load& other);
};

// The load of one kernel.
Load kernel_load(const Machine& machine, const Kernel& kernel, const KernelWork& work, DataKind data);

// Mean board power of work that takes `time` at that clock.
Watts power_at(const Machine& machine, const Load& load, Seconds time, Hertz clock);

struct ClockState {
  Hertz clock;
  ClockLimit limit = ClockLimit::top;
  Watts power;
  bool tensor = false;  // the load keeps tensor cores busy
};

// The time of one repetition of the work at a clock.
using TimeAt = std::function<Seconds(Hertz)>;

// Work that begins after a pause, short enough that the power limit does not act: the mean over its own duration
// (`from_start`), or the level the clock settles at within a millisecond.
ClockState burst_clock(const Machine& machine, const Load& load, const TimeAt& time_at, bool from_start);

// Load that has run before a measurement begins, and the measured load itself.
struct LoadWindow {
  Seconds before;
  Seconds measured;
};

// A burst that goes on: the controller brings it from the level of a burst down to that of a steady load, and the
// mean over the window is what counts.
ClockState window_clock(const Machine& machine, const Load& load, const TimeAt& time_at, const LoadWindow& window);

// The same where each repetition begins as a burst of its own, with that clock, because other work runs in between.
ClockState window_clock(const Machine& machine, const ClockState& begun, const Load& load, const TimeAt& time_at,
                        const LoadWindow& window);

// Work repeated for long: the highest clock whose power the limit allows, under the tensor cores' ceiling.
ClockState steady_clock(const Machine& machine, const Load& load, const TimeAt& time_at);

// What the driver's tools report: the clock asked for. The power and activity limits act through it, the tensor
// ceiling and the droop do not. Above four fifths of the top clock tensor work gets less than it asks for: nothing less
// there, all of the ceiling's difference at the top (steady attention at 1.6 to 1.9 GHz on an H100). Some kinds of card
// show more than that throughout: clock.shown.
Hertz reported_clock(const Machine& machine, const ClockState& state);

}  // namespace perfmodel
