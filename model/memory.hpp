// The memory system under one kernel: what comes out of the L2, what goes to and from DRAM, and how long that takes.
#pragma once

#include "arch/machine.hpp"
#include "model/kernel.hpp"

namespace perfmodel {

// A read sweep on an H100 runs at L2 speed up to this share of the capacity.
inline constexpr double l2_held_share = 0.65;

// What the L2 holds when a kernel starts, and whether what the kernel leaves there is charged to it.
struct L2State {
  double resident = 0;    // share of the kernel's input that is there already
  Bytes dirty;            // other kernels' lines still to be written back
  bool repeated = false;  // a steady repetition: each run writes back what the one before it left
};

// The L2 after a large fill has flushed it: nothing of use, part of it dirty.
L2State flushed(const Machine& machine);

// The L2 in a steady repetition of work that touches `footprint` bytes each time: everything resident while that
// fits, nothing once it is well larger than the cache.
L2State repeated(const Machine& machine, Bytes footprint);

struct MemoryTime {
  Seconds l2;  // at the L2's own rate, were it alone
  Seconds dram;
  Bytes dram_read;
  Bytes dram_written;  // other kernels' dirty lines included
};

// Closed form. A line brought in evicts another, and where that was dirty it is written back; the output of the last
// lines and of the `last_wave`, that share of all items, stays, as far as the L2 keeps dirty lines at all. DRAM
// reaches its rate after a ramp.
MemoryTime memory_time(const Machine& machine, const Kernel& kernel, const L2State& state, double last_wave = 0);

// DRAM bandwidth of a long stream with that share of writes.
BytesPerSecond dram_rate(const Machine& machine, double write_share);

}  // namespace perfmodel
