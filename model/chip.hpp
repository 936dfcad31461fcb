// One kernel on the whole chip: how its items spread over the SMs in waves, and how SM, L2 and DRAM time combine.
#pragma once

#include "arch/machine.hpp"
#include "model/kernel.hpp"
#include "model/memory.hpp"
#include "model/sm.hpp"

namespace perfmodel {

struct KernelTime {
  Seconds time;    // start to end, without the launch gap before it
  Seconds launch;  // of an empty kernel
  Seconds fill;
  Seconds steady;
  Seconds tail;
  PerLimiter<Seconds> bounds;  // what each resource alone would take
  Demand busy;                 // of all items together
  MemoryTime memory;
};

// Closed form at a given SM clock. `residency` CTAs fit on an SM at once; at least one.
KernelTime kernel_time(const Machine& machine, const Kernel& kernel, int residency, Hertz clock, const L2State& state,
                       Fidelity fidelity);

}  // namespace perfmodel
