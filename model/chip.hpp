// One kernel on the whole chip: how its items spread over the SMs in waves, and how SM, L2 and DRAM time combine.
#pragma once

#include "arch/machine.hpp"
#include "model/kernel.hpp"
#include "model/memory.hpp"
#include "model/sm.hpp"

namespace perfmodel {

// What a kernel comes to whatever the clock: worked out once, then timed at any clock.
struct KernelWork {
  Seconds launch;  // of an empty kernel
  Seconds fill;
  Cycles busiest;                     // SM time of the SM that ends last
  Cycles even;                        // the same if the items spread evenly over all SMs
  Demand busy;                        // of all items together
  Limiter limiter = Limiter::tensor;  // what the SM waits for
  MemoryTime memory;
  bool l2_inside = false;  // the SM time has the loads from the L2 in it already
  double overlap = 0;      // exponent of the norm in place of dram.overlap, 0: that
};

// Closed form. `residency` CTAs fit on an SM at once; at least one.
KernelWork kernel_work(const Machine& machine, const Kernel& kernel, int residency, const L2State& state,
                       Fidelity fidelity);

// The norm behind dram.overlap: the longest of the times, and more where others come near it. `exponent`: in its place.
Seconds overlapped_time(const Machine& machine, Seconds sm, Seconds l2, Seconds dram, double exponent = 0);

// Start to end, without the launch gap before it.
Seconds duration(const Machine& machine, const KernelWork& work, Hertz clock);

struct KernelTime {
  Seconds time;
  Seconds steady;
  Seconds tail;
  PerLimiter<Seconds> bounds;  // what each resource alone would take
};

// The duration and what it consists of.
KernelTime kernel_time(const Machine& machine, const KernelWork& work, Hertz clock);

// Bytes read and written in shared memory, all SMs.
Bytes shared_memory_bytes(const Machine& machine, const Kernel& kernel, const KernelWork& work);

}  // namespace perfmodel
