#include "model/memory.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "arch/fields.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

// Round numbers: 4 TB/s of DRAM, all of it achieved, an L2 of 64 MB at 10 TB/s, no ramp.
Machine plain() {
  Machine machine = test::h100();
  for (const auto& [key, value] : {std::pair{"dram.bandwidth", "4 TB/s"},
                                   {"dram.read", "1"},
                                   {"dram.write", "1"},
                                   {"dram.copy", "1"},
                                   {"dram.ramp", "0.000001 us"},
                                   {"l2.capacity", "64 MB"},
                                   {"l2.bandwidth", "10 TB/s"},
                                   {"l2.dirty", "0.5"},
                                   {"l2.dirty_capacity", "0.25"}}) {
    set_constant(machine, key, value);
  }
  return machine;
}

Kernel reading(double read, double written) {
  Kernel kernel;
  kernel.input = kernel.l2_read = Bytes(read);
  kernel.output = kernel.l2_written = Bytes(written);
  return kernel;
}

TEST_CASE("reads through a flushed L2 cause the write-back of dirty lines") {
  const Machine machine = plain();
  // 8 MB read evict 4 MB of dirty lines.
  const MemoryTime small = memory_time(machine, reading(8e6, 0), flushed(machine));
  CHECK(small.dram_read.si() == Approx(8e6));
  CHECK(small.dram_written.si() == Approx(4e6));
  CHECK(small.dram.si() == Approx(12e6 / 4e12).epsilon(1e-3));
  CHECK(small.l2.si() == Approx(8e6 / 10e12));
  // 1 GB read: no more than the 16 MB that were dirty.
  CHECK(memory_time(machine, reading(1e9, 0), flushed(machine)).dram_written.si() == Approx(16e6));
  // What is written leaves as well, but for the lines of the last 0.65 * 64 MB that went through the L2, of which no
  // more than 16 MB stay dirty.
  CHECK(memory_time(machine, reading(0, 1e9), flushed(machine)).dram_written.si() == Approx(16e6 + 1e9 - 16e6));
  CHECK(memory_time(machine, reading(3e9, 1e9), flushed(machine)).dram_written.si() == Approx(16e6 + 1e9 - 10.4e6));
  // 12 MB are left of the dirty lines, and 4 MB of the 8 MB written find room beside them.
  CHECK(memory_time(machine, reading(0, 8e6), flushed(machine)).dram_written.si() == Approx(8e6));
}

TEST_CASE("reads and writes reach the L2 side by side, writes at half the rate") {
  const Machine machine = plain();
  CHECK(memory_time(machine, reading(0, 10e6), {}).l2.si() == Approx(2e-6));
  // Two reads to a write take each way as long: the fourth root of 2 longer than either alone.
  CHECK(memory_time(machine, reading(20e6, 10e6), {}).l2.si() == Approx(2e-6 * std::pow(2.0, 0.25)));
  CHECK(memory_time(machine, reading(1e9, 10e6), {}).l2.si() == Approx(1e-4));
}

TEST_CASE("a clean L2 keeps the output of the last lines and of the last wave") {
  const Machine machine = plain();
  CHECK(memory_time(machine, reading(0, 8e6), {}).dram_written.si() == 0.0);
  CHECK(memory_time(machine, reading(0, 32e6), {}).dram_written.si() == Approx(16e6));
  CHECK(memory_time(machine, reading(1e9, 8e6), {}).dram_written.si() == Approx(8e6 * (1 - 41.6 / 1008)));
  CHECK(memory_time(machine, reading(1e9, 8e6), {}, 0.25).dram_written.si() == Approx(6e6));
  CHECK(memory_time(machine, reading(1e9, 8e6), {}, 1.0).dram_written.si() == Approx(0.0));
}

TEST_CASE("a repeated footprint stays in the L2 while it fits") {
  const Machine machine = plain();
  CHECK(repeated(machine, Bytes(32e6)).resident == 1.0);
  CHECK(repeated(machine, Bytes(128e6)).resident == 0.0);
  CHECK(memory_time(machine, reading(16e6, 16e6), repeated(machine, Bytes(32e6))).dram.si() == 0.0);
}

TEST_CASE("mixed traffic turns the bus around") {
  const Machine& machine = test::h100();
  const double peak = machine.dram.bandwidth.value.si();
  CHECK(dram_rate(machine, 0.0).si() == Approx(peak * machine.dram.read.value));
  CHECK(dram_rate(machine, 1.0).si() == Approx(peak * machine.dram.write.value));
  CHECK(dram_rate(machine, 0.5).si() == Approx(peak * machine.dram.copy.value));
}

}  // namespace
}  // namespace perfmodel
