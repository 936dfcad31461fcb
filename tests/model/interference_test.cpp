#include "model/interference.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

// Round numbers: a turn of 10 clk, the ALU port half lost beside the tensor cores, products all of it.
Machine machine() {
  Machine result = test::h100();
  result.contention.turn.value = Cycles(10);
  result.contention.alu.value = 0.5;
  result.contention.multiply.value = 1.0;
  result.contention.gap.value = 0.02;
  result.dram.overlap.value = 2;
  return result;
}

// A main loop of 10 iterations with the tensor cores busy for 100 clk each and so many instructions of a warp.
Program loop(double steps, int warps = 4) {
  Program program;
  program.warps = warps;
  Segment segment;
  segment.count = 10;
  segment.busy[Resource::tensor] = Cycles(100);
  segment.steps = steps;
  program.add(segment);
  return program;
}

// Keeps the ALU port busy for 1000 clk an item.
Program random_numbers(int warps = 4, double stalled = 0.15, double multiply = 0) {
  Program program;
  program.warps = warps;
  program.stalled = stalled;
  program.multiply = multiply;
  Segment segment;
  segment.count = 1;
  segment.busy[Resource::alu] = Cycles(1000);
  program.add(segment);
  return program;
}

TEST_CASE("every step of a main loop waits for its turn") {
  const Program gemm = loop(/*steps=*/30);
  const Program rng = random_numbers();
  // Alone an item takes 3000 clk. A port that is busy all the time makes each of 300 steps wait 10 clk: 1000 + 3000 clk
  // on the way, and sqrt(3000^2 + 4000^2) = 5000.
  const auto slow = slowdowns(machine(), {&gemm, 1, Cycles(3000)}, {&rng, 1, Cycles(1000)});
  CHECK(slow[0] == Approx(5.0 / 3.0));
  // Half of the port busy: half of the wait.
  const auto less = slowdowns(machine(), {&gemm, 1, Cycles(3000)}, {&rng, 1, Cycles(2000)});
  CHECK(less[0] == Approx(std::sqrt(9.0 + 6.25) / 3.0));
}

TEST_CASE("turns add up over CTAs, and a CTA of two warps a sub-partition takes 2.83 times as long") {
  const Program gemm = loop(/*steps=*/30);
  const Program one = random_numbers(4, /*stalled=*/0.2);
  const Program two = random_numbers(8, /*stalled=*/0.2);
  const auto path = [&](const Program& rng, int ctas) {
    const double slow = slowdowns(machine(), {&gemm, 1, Cycles(3000)}, {&rng, ctas, Cycles(1000.0 * ctas)})[0];
    return 3000 * std::sqrt(slow * slow - 1);
  };
  CHECK(path(one, 1) == Approx(1000 + 3000));
  CHECK(path(one, 2) == Approx(1000 + 6000));
  CHECK(path(two, 1) == Approx(1000 + 3000 * std::sqrt(8.0)));
}

TEST_CASE("two warps that are hardly ever both stalled let no other CTA in") {
  const Program gemm = loop(/*steps=*/30);
  const Program busy = random_numbers(8, /*stalled=*/0.12);    // both for 0.0144 of the time
  const Program pauses = random_numbers(8, /*stalled=*/0.16);  // for 0.0256
  const Program single = random_numbers(4, /*stalled=*/0.12);
  const auto beside = [&](const Program& rng) {
    return slowdowns(machine(), {&gemm, 1, Cycles(3000)}, {&rng, 1, Cycles(1000)});
  };
  CHECK(std::isinf(beside(busy)[0]));
  CHECK(beside(busy)[1] == 1.0);  // and are not disturbed by it
  CHECK(std::isfinite(beside(pauses)[0]));
  CHECK(std::isfinite(beside(single)[0]));
}

TEST_CASE("the tensor cores' share of the register file") {
  // A GEMM without steps that keeps the tensor cores busy for half of the time.
  const Program gemm = loop(/*steps=*/1e-9);
  const CoResident half{&gemm, 1, Cycles(2000)};
  const double duty = 0.5 / std::sqrt(1.25);  // it takes the longer path of 1000 clk into account
  const Program plain = random_numbers();
  CHECK(slowdowns(machine(), half, {&plain, 1, Cycles(1000)})[1] == Approx(1 / (1 - 0.5 * duty)));
  // Half of the port's time in products: those take 2 / (1 - duty) - 1 times as long.
  const Program products = random_numbers(4, 0.15, /*multiply=*/0.5);
  CHECK(slowdowns(machine(), half, {&products, 1, Cycles(1000)})[1] ==
        Approx(0.5 / (1 - 0.5 * duty) + 0.5 * (2 / (1 - duty) - 1)));
  Machine tensor_memory = machine();
  tensor_memory.contention.alu.value = tensor_memory.contention.multiply.value = 0;
  CHECK(slowdowns(tensor_memory, half, {&products, 1, Cycles(1000)})[1] == Approx(1.0));
}

TEST_CASE("each step costs the other an issue slot") {
  const Program gemm = loop(/*steps=*/100);  // of every warp; one a sub-partition
  Machine free = machine();
  free.contention.alu.value = 0;
  free.contention.turn.value = Cycles(0);
  const Program rng = random_numbers();
  // 1000 steps in an item of sqrt(4000^2 + 1000^2) clk.
  const double slots = 1000 / std::sqrt(17.0e6);
  CHECK(slowdowns(free, {&gemm, 1, Cycles(4000)}, {&rng, 1, Cycles(1000)})[1] == Approx(1 / (1 - slots)));
}

TEST_CASE("what both ask of one pipe is shared out") {
  const Program gemm = loop(0);
  // Two GEMMs that each keep the tensor cores busy for 0.8 of the time: together 1.6.
  const auto slow = slowdowns(machine(), {&gemm, 1, Cycles(1250)}, {&gemm, 1, Cycles(1250)});
  CHECK(slow[0] == Approx(1.6));
  CHECK(slow[1] == Approx(1.6));
}

TEST_CASE("two kernels of many warps share a port by their warps, as far as it is not hidden") {
  Program softmax = random_numbers(8, 0.0);
  softmax.segments[0].busy[Resource::tensor] = Cycles(500);
  const Program rng = random_numbers(4);
  // Attention, its port busy for all of an item of 1000 clk, the tensor cores for half: only the other half waits. Four
  // of twelve warps take a third of the port; the half takes 1.5 times as long.
  const auto slow = slowdowns(machine(), {&softmax, 1, Cycles(1000)}, {&rng, 1, Cycles(1000)});
  CHECK(slow[0] > 1.1);
  CHECK(slow[0] < 1.3);
  CHECK(slow[1] > 1.5);
}

}  // namespace
}  // namespace perfmodel
