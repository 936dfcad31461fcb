#include "model/gemm.hpp"

#include <doctest/doctest.h>

#include "arch/fields.hpp"
#include "model/predict.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

GemmConfig config(int cta_m, int cta_n, int cta_k, int cluster = 1) {
  GemmConfig result;
  result.cta_m = cta_m;
  result.cta_n = cta_n;
  result.cta_k = cta_k;
  result.cluster = cluster;
  return result;
}

const Gemm& work(const Operator& op) { return std::get<Gemm>(op.work); }

Segment loop_of(const Machine& machine, const Operator& op, const GemmConfig& with) {
  return gemm_kernel(machine, work(op), with).program.all()[0];
}

TEST_CASE("the main loop of a Hopper tile, by hand") {
  const Machine& machine = test::h100();
  const Operator op = test::gemm(4096, 4096, 4096);
  // 128 x 256 x 64: 2 x 128 x 256 x 64 / 4096 = 1024 clk of MMA; shared memory reads 2 (64 + 256) rows
  // of 128 B at 128 B/clk, and 0.7 of the 384 that are written hold the port as well: 908.8 clk.
  const Segment wide = loop_of(machine, op, config(128, 256, 64));
  CHECK(wide.busy[Resource::tensor].si() == Approx(1024));
  CHECK(wide.busy[Resource::smem].si() == Approx(908.8));
  CHECK(wide.count == 64);
  // 128 x 168: 672 clk of MMA, 2 (64 + 168) + 0.7 * 296 = 671.2 clk of shared memory.
  const Segment odd = loop_of(machine, op, config(128, 168, 64));
  CHECK(odd.busy[Resource::tensor].si() == Approx(672));
  CHECK(odd.busy[Resource::smem].si() == Approx(671.2));
  // 24 x 64 runs with its sides swapped, M = 64 and N = 24: (64 + 24) read, 0.7 of 88 written.
  const Segment thin = loop_of(machine, op, config(24, 64, 64));
  CHECK(thin.busy[Resource::tensor].si() == Approx(48));
  CHECK(thin.busy[Resource::smem].si() == Approx(149.6));
}

TEST_CASE("fp8 moves the same bytes for twice the multiply-adds") {
  const Operator op = test::gemm(4096, 4096, 4096, Dtype::fp8);
  const Segment loop = loop_of(test::h100(), op, config(256, 128, 128));
  CHECK(loop.busy[Resource::tensor].si() == Approx(1024));
  CHECK(loop.busy[Resource::smem].si() == Approx(908.8));
  CHECK(loop.count == 32);
}

TEST_CASE("what the warps issue beside the tensor cores stays aside") {
  GemmConfig code = config(256, 128, 128);
  code.iteration = {.alu = 45, .fma = 0, .xu = 0, .all = 80};
  code.promoted = {.alu = 0, .fma = 1, .xu = 0, .all = 1.25};
  code.promotion = 128;
  const Segment loop = loop_of(test::h100(), test::gemm(4096, 4096, 4096, Dtype::fp8), code);
  // 256 x 128 additions at 128 a clock, five instructions for four of them, and 80 warp instructions, 45 on the ALU.
  CHECK(loop.aside[Resource::fma].si() == Approx(256));
  CHECK(loop.aside[Resource::alu].si() == Approx(45 * 32 / 64.0));
  CHECK(loop.aside[Resource::issue].si() == Approx(1.25 * 256 + 80 * 32 / 128.0));
  CHECK(loop.busy[Resource::fma].si() == 0);
}

TEST_CASE("clusters and neighbours share what they read of one operand") {
  const Operator op = test::gemm(4096, 4096, 4096);
  Machine machine = test::h100();
  const Kernel four = gemm_kernel(machine, work(op), config(128, 256, 64, 1));
  const Kernel row = gemm_kernel(machine, work(test::gemm(128, 4096, 4096)), config(128, 256, 64, 1));
  machine.l2.coalesced.value = 1;
  const Kernel alone = gemm_kernel(machine, work(op), config(128, 256, 64, 1));
  const Kernel pair = gemm_kernel(machine, work(op), config(128, 256, 64, 2));
  // Four tiles along m share B's 256 rows; with a single tile along m, four along n share A's 128.
  CHECK(four.l2_read.si() == Approx(32.0 * 16.0 * 64 * (128 + 64) * 128));
  CHECK(row.l2_read.si() == Approx(16.0 * 64 * (32 + 256) * 128));
  const double tiles = 32.0 * 16.0;
  CHECK(alone.items == tiles);
  CHECK(alone.l2_read.si() == Approx(tiles * 64 * (128 + 256) * 128));
  CHECK(pair.l2_read.si() == Approx(tiles * 64 * (128 + 128) * 128));
  CHECK(alone.input.si() == Approx(2.0 * 4096 * 4096 * 2));
  CHECK(alone.output.si() == Approx(4096.0 * 4096 * 2));
}

TEST_CASE("an output tile is laid out, then stored, or both at once by a lone warpgroup") {
  Machine machine = test::h100();
  machine.transfer.epilogue.value = BytesPerCycle(32);
  GemmConfig shared = config(256, 128, 64);
  shared.element.all = 2;
  // 64 KiB at 32 B/clk, and two instructions for each of 32,768 elements, a warp's 32 at once on four sub-partitions.
  CHECK(output_time(machine, shared, Bytes(65536)).si() == Approx(2048 + 2.3 * 2 * 256));
  GemmConfig lone = config(128, 128, 64);
  lone.element.all = 2;
  lone.ping_pong = 128;
  CHECK(output_time(machine, lone, Bytes(32768)).si() == Approx(1024));
  lone.element.all = 5;
  CHECK(output_time(machine, lone, Bytes(32768)).si() == Approx(2.3 * 5 * 128));
}

TEST_CASE("warpgroups that take turns hide a tile's output behind the other one's main loop, but not the last one's") {
  const Machine& machine = test::h100();
  const Operator op = test::gemm(8192, 8192, 4096);
  GemmConfig together = config(128, 128, 64);
  together.element.all = 1.9;
  GemmConfig in_turns = together;
  in_turns.ping_pong = 128;
  const auto output = [&](const GemmConfig& with) {
    return gemm_kernel(machine, work(op), with).program.all()[1].interval.si();
  };
  CHECK(output(together) == Approx(output_time(machine, together, Bytes(32768)).si()));
  CHECK(output(in_turns) == 0.0);
  const Seconds hidden = gemm_kernel(machine, work(op), in_turns).latency;
  const Seconds plain = gemm_kernel(machine, work(op), together).latency;
  const Cycles last = output_time(machine, in_turns, Bytes(32768));
  CHECK((hidden - plain).si() == Approx((last / machine.clock.datasheet.value).si()));
  // With a second set of accumulators a tile of that size takes both.
  in_turns.accumulator_sets = 2;
  CHECK(output(in_turns) == Approx(output(together)));
  // Of a main loop shorter than the output, half of what sticks out is seen a tile.
  const Operator shallow = test::gemm(8192, 8192, 64);
  in_turns.accumulator_sets = 1;
  const Kernel thin = gemm_kernel(machine, work(shallow), in_turns);
  const Segment& loop = thin.program.all()[0];
  const double main_loop = std::max(loop.interval, loop.busy.largest()).si();
  CHECK(thin.program.all()[1].interval.si() == Approx(0.5 * (last.si() - main_loop)));
}

TEST_CASE("rows that start off a sector cost more L2 traffic") {
  const Machine& machine = test::h100();
  const Kernel even = gemm_kernel(machine, work(test::gemm(1024, 1024, 1024, Dtype::fp8)), config(128, 128, 128));
  const Kernel odd = gemm_kernel(machine, work(test::gemm(1024, 1024, 1040, Dtype::fp8)), config(128, 128, 128));
  const double depth = 9.0 / 8.0;  // 1040 takes nine iterations of 128
  CHECK(odd.l2_read / even.l2_read == Approx(depth * machine.l2.unaligned_read.value));
}

TEST_CASE("Blackwell's copy engine does not compete, and its epilogue hides behind the next tile") {
  const Machine b200 = load_machine("b200");
  const Operator op = test::gemm(8192, 8192, 8192);
  const Kernel kernel = gemm_kernel(b200, work(op), config(128, 256, 64));
  CHECK(kernel.program.all()[0].busy[Resource::tensor].si() == Approx(512));
  CHECK(kernel.program.all()[0].busy[Resource::smem].si() == Approx(384));
  CHECK(kernel.program.all()[1].interval.si() == 0.0);
  // Nothing comes after the last tile to hide its own.
  const Cycles last = output_time(b200, config(128, 256, 64), Bytes(65536));
  CHECK(kernel.latency.si() == Approx((b200.transfer.prologue.value + last / b200.clock.datasheet.value).si()));
}

}  // namespace
}  // namespace perfmodel
