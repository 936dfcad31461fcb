#include "model/tile_product.hpp"

#include <doctest/doctest.h>

#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

TEST_CASE("a product of tiles in wgmma instructions, by hand") {
  const Machine& machine = test::h100();
  // 128 x 128 x 64 by one warpgroup: two blocks of rows, four steps of 16; n = 128 takes 64 clk.
  const TileProduct square = tile_product(machine, Dtype::bf16, {128, 128, 64}, rows_first(machine, 128, 1), false);
  CHECK(square.instructions == 8);
  CHECK(square.interval.si() == Approx(64));
  CHECK(square.busy().si() == Approx(2.0 * 128 * 128 * 64 / 4096));
  CHECK(square.operands.si() == Approx(8 * (64 + 128) * 32));
  // 64 x 64 by two warpgroups: halves of the columns. n = 32 needs 16 clk of MMA but 16 + 8 of shared memory.
  const WarpgroupSplit halves = rows_first(machine, 64, 2);
  CHECK(halves.rows == 1);
  CHECK(halves.columns == 2);
  const TileProduct narrow = tile_product(machine, Dtype::bf16, {64, 64, 64}, halves, false);
  CHECK(narrow.instructions == 8);
  CHECK(narrow.interval.si() == Approx(24));
  // The first operand in registers leaves the 8 clk of the second.
  CHECK(tile_product(machine, Dtype::bf16, {64, 64, 64}, halves, true).interval.si() == Approx(16));
  // fp8 and tf32 take as long for 32 bytes of depth.
  CHECK(tile_product(machine, Dtype::fp8, {128, 128, 128}, {1, 1}, false).busy().si() == Approx(512));
  CHECK(tile_product(machine, Dtype::tf32, {128, 128, 32}, {1, 1}, false).busy().si() == Approx(512));
}

TEST_CASE("an instruction has at most 256 columns") {
  const TileProduct wide = tile_product(test::h100(), Dtype::bf16, {64, 512, 16}, {1, 1}, false);
  CHECK(wide.instructions == 2);
  CHECK(wide.interval.si() == Approx(128));
}

TEST_CASE("instructions one by one wait for each other's latency, unless another warpgroup fills it") {
  const Machine& machine = test::h100();
  const double latency = machine.tensor.latency.value.si();
  const TileProduct one = tile_product(machine, Dtype::bf16, {64, 128, 64}, {1, 1}, false);
  CHECK(one_by_one(machine, one).si() == Approx(4 * (64 + latency)));
  // Two of them at n = 256 keep the tensor cores busy in turn: 128 clk of the other one are more than the latency.
  const TileProduct two = tile_product(machine, Dtype::bf16, {128, 256, 64}, {2, 1}, false);
  CHECK(one_by_one(machine, two).si() == Approx(two.busy().si()));
}

}  // namespace
}  // namespace perfmodel
