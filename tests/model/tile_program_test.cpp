#include "model/tile_program.hpp"

#include <doctest/doctest.h>

#include "tests/model/machines.hpp"

namespace perfmodel {

using doctest::Approx;

namespace {

Gemm square(std::int64_t size) {
  Gemm gemm;
  gemm.m = gemm.n = gemm.k = size;
  gemm.dtype = gemm.out_dtype = Dtype::bf16;
  return gemm;
}

GemmConfig tile(int cta_m, int cta_n, int cta_k, int stages, int warps, bool tma) {
  GemmConfig config;
  config.cta_m = cta_m;
  config.cta_n = cta_n;
  config.cta_k = cta_k;
  config.stages = stages;
  config.warps = warps;
  config.tma = tma;
  const CompiledTile compiled = compiled_tile(square(4096), config);
  config.registers = compiled.registers;
  config.spills = compiled.spills;
  config.smem = compiled.smem;
  return config;
}

TileIteration iteration(const GemmConfig& config, std::int64_t size = 4096) {
  return tile_iteration(test::h100(), square(size), config);
}

}  // namespace

TEST_CASE("wide tiles merge more of what a GPC asks for than tall ones, and rows of half a line next to nothing") {
  // Counters of an H100 have 0.59 to 0.62 and 0.80 to 0.90 of the operands' bytes at the L2, and 0.92 to 0.97 of
  // 64-byte rows.
  const double wide = iteration(tile(64, 256, 64, 3, 4, false)).l2_share;
  const double tall = iteration(tile(256, 64, 64, 3, 8, false)).l2_share;
  const double narrow = iteration(tile(64, 128, 32, 5, 8, false)).l2_share;
  CHECK(wide < tall - 0.1);
  CHECK(tall < narrow);
  CHECK(narrow > 0.85);
  CHECK(narrow <= 1.0);
}

TEST_CASE("CTAs of a single wave stay in step, and the L2 sees less of what they ask for") {
  const auto share = [](std::int64_t m, std::int64_t n) {
    const Operator op = test::gemm(m, n, 4096);
    return tile_iteration(test::h100(), std::get<Gemm>(op.work), tile(128, 256, 64, 3, 8, true)).l2_share;
  };
  const double one = share(1024, 4096);  // 128 tiles on 132 SMs
  const double four = share(2048, 8192);
  const double many = share(8192, 16384);
  CHECK(one < four - 0.05);
  CHECK(four < many);
  // Counters of an H100: 0.45.
  CHECK(one == Approx(0.45).epsilon(0.25));
}

TEST_CASE("copies by descriptor take more of the L2's time, by what the probe of bulk copies found") {
  const double loads = iteration(tile(64, 64, 64, 5, 4, false)).l2_share;
  const double copies = iteration(tile(64, 64, 64, 5, 4, true)).l2_share;
  CHECK(copies > loads);
  CHECK(copies < 1.1 * loads / test::h100().l2.copy_share.value);
}

TEST_CASE("a tensor map is paid once a CTA, at the top clock, and the bulk stores of an output by descriptor") {
  GemmConfig config = tile(128, 128, 64, 3, 8, true);
  const double by_threads = iteration(config).around.si();
  CHECK(by_threads - iteration(tile(128, 128, 64, 3, 8, false)).around.si() == Approx(2.2e-6 * 1.98e9));
  config.tma_store = true;
  CHECK(iteration(config).around.si() - by_threads == Approx(128 * 128 * 2 / 31.3));
}

TEST_CASE("two warpgroups wait for each product where Triton 3.6's machine code has them wait") {
  struct Case {
    int cta_n;
    int cta_k;
    bool tma;
    bool tma_store;
    bool waits;
  };
  // WARPGROUP.DEPBAR after each HGMMA, or one for all of them.
  for (const Case& c :
       {Case{128, 64, true, true, true}, Case{128, 64, true, false, false}, Case{128, 64, false, false, false},
        Case{256, 64, true, false, true}, Case{256, 128, true, false, false}, Case{256, 128, false, false, true},
        Case{128, 128, true, true, false}, Case{64, 64, true, true, false}}) {
    CAPTURE(c.cta_n);
    CAPTURE(c.cta_k);
    CAPTURE(c.tma);
    CAPTURE(c.tma_store);
    GemmConfig config = tile(64, c.cta_n, c.cta_k, 3, 8, c.tma);
    config.tma_store = c.tma_store;
    CHECK(waits_for_products(config) == c.waits);
  }
}

TEST_CASE("an output by descriptor is staged where the operands were") {
  const GemmConfig config = tile(128, 256, 32, 2, 4, true);
  CHECK(config.smem == Bytes(2 * (128 + 256) * 32 * 2));
  GemmConfig stored = config;
  stored.tma_store = true;
  CHECK(compiled_tile(square(4096), stored).smem == Bytes(128 * 256 * 2));
}

TEST_CASE("what surrounds a tile's loop grows with the tile and with the instructions for an element of it") {
  GemmConfig config = tile(128, 128, 64, 3, 8, false);
  const double bare = iteration(config).around.si();
  config.element.all = 4;
  const double counted = iteration(config).around.si();
  CHECK(counted == Approx(bare + 2.3 * 4 * 128 * 128 / 128));
  config = tile(64, 64, 64, 3, 8, false);
  config.element.all = 4;
  CHECK(iteration(config).around.si() == Approx(bare + (counted - bare) / 4));
}

TEST_CASE("a spilled register goes out and comes back once an iteration") {
  GemmConfig config = tile(128, 256, 64, 3, 4, true);
  REQUIRE(config.spills > 0);
  const TileIteration spilled = iteration(config);
  CHECK(spilled.local.si() == Approx(2.0 * 4 * 32 * 4 * config.spills));
  config.spills = 0;
  CHECK(iteration(config).local.si() == 0);
  CHECK(iteration(config).interval < spilled.interval);
}

TEST_CASE("more stages hide the loads' latency, until something else takes longer") {
  Cycles before = iteration(tile(128, 128, 64, 2, 4, false)).interval;
  for (const int stages : {3, 4, 5}) {
    const Cycles now = iteration(tile(128, 128, 64, stages, 4, false)).interval;
    CHECK(now <= before);
    before = now;
  }
  CHECK(before >= iteration(tile(128, 128, 64, 5, 4, false)).busy[Resource::tensor]);
}

TEST_CASE("spilled registers that do not fit the L2 come back from DRAM") {
  GemmConfig config = tile(256, 256, 64, 2, 4, false);
  config.spills = 512;
  // A CTA keeps 512 x 4 x 128 bytes = 256 KiB in local memory. 16 tiles of 1024 x 1024: 4 MiB of 50, less than a
  // hundredth of what comes back; in 4096 x 4096 132 CTAs have 33 MiB, as much as the L2 holds: 256 tiles of 64
  // iterations.
  GemmConfig kept = config;
  kept.spills = 0;
  const double small = iteration(config, 1024).again.si() - iteration(kept, 1024).again.si();
  const double large = iteration(config, 4096).again.si() - iteration(kept, 4096).again.si();
  const double of_cta = 256.0 * 1024;
  CHECK(small < 0.01 * of_cta * 16 * 16);
  CHECK(large == Approx(of_cta * 256 * 64));
}

TEST_CASE("what fits the L2 is read from DRAM once, what does not again by each pass of a group") {
  // One wave of one group: nothing comes back.
  CHECK(iteration(tile(128, 128, 64, 3, 8, false), 1024).again.si() == 0);
  // 8192 squared: 64 rows of tiles are 8 groups, and the 134 MB of the second operand are lost between two of them.
  const TileIteration large = iteration(tile(128, 128, 64, 3, 8, false), 8192);
  CHECK(large.again.si() == Approx(7.0 * 8192 * 8192 * 2));
}

}  // namespace perfmodel
