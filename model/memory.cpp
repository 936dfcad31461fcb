#include "model/memory.hpp"

#include <algorithm>
#include <cmath>

#include "model/norm.hpp"

namespace perfmodel {

L2State flushed(const Machine& machine) {
  return {.resident = 0, .dirty = machine.l2.dirty_capacity.value * machine.l2.capacity.value};
}

L2State repeated(const Machine& machine, Bytes footprint) {
  // A read sweep on an H100 runs at L2 speed up to 0.65 of the capacity and at DRAM speed from 1.3 of it on.
  const double fill = footprint / machine.l2.capacity.value;
  return {.resident = std::clamp((1.2 - fill) / 0.45, 0.0, 1.0), .dirty = Bytes(0), .repeated = true};
}

BytesPerSecond dram_rate(const Machine& machine, double write_share) {
  const Dram& dram = machine.dram;
  const double read_share = 1.0 - write_share;
  const double apart = read_share / dram.read.value + write_share / dram.write.value;
  const double half_apart = 0.5 / dram.read.value + 0.5 / dram.write.value;
  const double turnaround = std::max(0.0, 1.0 / dram.copy.value - half_apart);
  return dram.bandwidth.value / (apart + 4.0 * read_share * write_share * turnaround);
}

namespace {

// Reads and writes cross the chip on ways of their own. On an H100 two reads to a write take 0.84 of each way's rate
// at once, one to one 0.44 and 0.88.
constexpr double two_ways = 4;

Bytes written_back(const Machine& machine, const Kernel& kernel, const L2State& state, Bytes read, double last_wave) {
  if (state.repeated) return (1.0 - state.resident) * kernel.output;
  const Bytes most = machine.l2.dirty_capacity.value * machine.l2.capacity.value;
  const Bytes allocated = read + kernel.output;
  const Bytes left = std::max(Bytes(0), state.dirty - machine.l2.dirty.value * allocated);
  const double recent = allocated.si() > 0 ? l2_held_share * (machine.l2.capacity.value / allocated) : 1.0;
  const Bytes own = std::min(1.0, std::max(recent, last_wave)) * kernel.output;
  return state.dirty + kernel.output - std::min(most, left + own);
}

}  // namespace

MemoryTime memory_time(const Machine& machine, const Kernel& kernel, const L2State& state, double last_wave) {
  MemoryTime result;
  const BytesPerSecond reads = machine.l2.bandwidth.value;
  result.l2 = norm(kernel.l2_read / reads, kernel.l2_written / (machine.l2.write.value * reads), two_ways);
  result.dram_read = (1.0 - state.resident) * (kernel.input + kernel.again);
  result.dram_written = written_back(machine, kernel, state, result.dram_read, last_wave);
  const Bytes moved = result.dram_read + result.dram_written;
  if (moved.si() > 0) {
    const Bytes ramp = machine.dram.ramp_bytes.value;
    result.dram = moved / dram_rate(machine, result.dram_written / moved) +
                  machine.dram.ramp.value * (1.0 - std::exp(-(result.dram_read / ramp)));
  }
  return result;
}

}  // namespace perfmodel
