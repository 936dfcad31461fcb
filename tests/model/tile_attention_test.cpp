#include "model/tile_attention.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "model/predict.hpp"
#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

AttentionTileConfig tile(int cta_m, int cta_n, int stages, int warps, int head_dim, bool causal = false) {
  return {cta_m, cta_n, stages, warps, head_dim, causal};
}

TEST_CASE("registers and shared memory of attention tiles, as Triton 3.6 compiled them") {
  struct Case {
    AttentionTileConfig config;
    int registers;
    double smem;
    int within;
  };
  const std::array<Case, 8> cases = {{{tile(64, 32, 2, 4, 64), 82, 24576, 4},
                                      {tile(64, 64, 3, 4, 64), 110, 57344, 0},
                                      {tile(128, 64, 3, 8, 64), 109, 65536, 1},
                                      {tile(128, 128, 3, 8, 64), 158, 114688, 0},
                                      {tile(128, 64, 3, 4, 64), 195, 65536, 3},
                                      {tile(128, 128, 3, 4, 64), 238, 114688, 0},
                                      {tile(128, 32, 3, 4, 128), 216, 81920, 2},
                                      {tile(128, 128, 3, 8, 128, true), 213, 229376, 13}}};
  for (const Case& c : cases) {
    const CompiledTile compiled = compiled_attention(c.config, Dtype::bf16);
    CAPTURE(c.registers);
    CHECK(std::abs(compiled.registers - c.registers) <= c.within);
    CHECK(compiled.smem.si() == c.smem);
    CHECK(compiled.spills == 0);
  }
}

TEST_CASE("attention that does not fit in the registers") {
  // Compiled: 4 spills, 12, and 166 with the causal mask.
  CHECK(compiled_attention(tile(128, 64, 3, 4, 128), Dtype::bf16).spills == 7);
  CHECK(compiled_attention(tile(128, 128, 3, 4, 128), Dtype::bf16).spills == 13);
  CHECK(compiled_attention(tile(128, 128, 3, 4, 128, true), Dtype::bf16).spills == 141);
  // In the SASS of these a WARPGROUP.DEPBAR follows each HGMMA.
  CHECK(waits_for_products(tile(128, 128, 3, 4, 64)));
  CHECK(waits_for_products(tile(256, 128, 3, 8, 64)));
  CHECK(waits_for_products(tile(256, 32, 3, 4, 128)));
  CHECK_FALSE(waits_for_products(tile(256, 32, 3, 4, 64)));
  CHECK_FALSE(waits_for_products(tile(256, 64, 3, 8, 128)));
  CHECK_FALSE(waits_for_products(tile(128, 64, 3, 4, 128)));
}

TEST_CASE("two warpgroups on 64 rows make the same scores and share out the output") {
  const AttentionThread alone = attention_thread(tile(64, 64, 3, 4, 64));
  const AttentionThread both = attention_thread(tile(64, 64, 3, 8, 64));
  CHECK(alone.scores == 32);
  CHECK(alone.output == 32);
  CHECK(both.copies == 2);
  CHECK(both.scores == 32);
  CHECK(both.output == 16);
}

Operator triton(std::int64_t batch, std::int64_t heads, std::int64_t seq, const AttentionTileConfig& config) {
  Operator op = test::attention(batch, heads, seq, config.causal, 0.0, Family::triton);
  auto& work = std::get<Attention>(op.work);
  work.head_dim = work.head_dim_v = config.head_dim;
  work.cta_m = config.cta_m;
  work.cta_n = config.cta_n;
  work.stages = config.stages;
  work.warps = config.warps;
  op.timer = Timer::do_bench;
  return op;
}

KeyTile keys_of(const Machine& machine, const AttentionTileConfig& config, double latency) {
  const Operator op = triton(8, 8, 8192, config);
  const auto& work = std::get<Attention>(op.work);
  return key_tile(machine, work, tile_attention(work, config), Cycles(latency), /*masked=*/false);
}

TEST_CASE("a tile of keys, by hand") {
  const Machine& machine = test::h100();
  const KeyTile keys = keys_of(machine, tile(128, 64, 3, 8, 64), 1000);
  // Scores and output: 2 x 128 x 64 x 64 / 4096 = 256 clk each.
  CHECK(keys.tensor.si() == Approx(512));
  // A thread has 32 scores, 32 outputs and one pair of rows, a sub-partition two warps: 2 x 34 exponentials of 8 clk,
  // and 2 (maximum) + 1 (sum) + 1 (half of a conversion) clk a score, one warp's alone, three quarters of both warps'
  // beside other CTAs.
  const double exponentials = 2 * 34 * 8;
  CHECK(keys.port.si() == Approx(exponentials + 0.75 * 2 * 4 * 32 + 2 * 32));
  // Alone: scores and their latency, softmax with four shuffles and an exponential's latency, then the output beside
  // the copies of the next tile: 16 KiB at 128 B/clk and 67 clk.
  const double softmax = exponentials + 4 * 32 + 4 * 24 + 17;
  const double barrier = machine.transfer.cta_barrier.value.si();
  const double copies = 67 + barrier + 128;
  CHECK(copies < 256);
  CHECK(keys.alone.si() == Approx(24 + barrier + 256 + machine.tensor.latency.value.si() + softmax + 256));
}

TEST_CASE("a lone warp's softmax, against what the SASS adds up to") {
  // Stall counts, scoreboards and pipes of the kernels that Triton 3.6 built: 318, 515 and 915 clk for 16, 32 and 64
  // scores a thread, 785 and 1440 for 32 and 64 where two warps of a sub-partition begin together.
  struct Case {
    AttentionTileConfig config;
    double clocks;
  };
  const std::array<Case, 5> cases = {{{tile(64, 32, 3, 4, 64), 318},
                                      {tile(64, 64, 3, 4, 64), 515},
                                      {tile(64, 128, 3, 4, 64), 915},
                                      {tile(128, 64, 3, 8, 64), 785},
                                      {tile(128, 128, 3, 8, 64), 1440}}};
  const Machine& machine = test::h100();
  const double barrier = machine.transfer.cta_barrier.value.si();
  for (const Case& c : cases) {
    const double products = 2.0 * c.config.cta_m * c.config.cta_n * 64 / 4096;
    // Scores of 32 keys: the operands of an instruction come in 24 clk, not 16.
    const double scores = c.config.cta_n == 32 ? 1.5 * products : products;
    const double copies = 67 + barrier + c.config.cta_n * 256 / 128.0;
    const double rest = 24 + barrier + scores + machine.tensor.latency.value.si() + std::max(products, copies);
    CAPTURE(c.clocks);
    CHECK(keys_of(machine, c.config, 0).alone.si() - rest == Approx(c.clocks).epsilon(0.04));
  }
}

TEST_CASE("two stages wait for memory at each tile, three only where a tile is shorter") {
  const Machine& machine = test::h100();
  const double at_1000 = keys_of(machine, tile(64, 32, 2, 4, 64), 1000).alone.si();
  CHECK(keys_of(machine, tile(64, 32, 2, 4, 64), 1500).alone.si() == Approx(at_1000 + 500));
  // 8 KiB take 64 clk more.
  CHECK(keys_of(machine, tile(64, 32, 3, 4, 64), 1000).alone.si() == Approx(1064));
  CHECK(keys_of(machine, tile(64, 32, 4, 4, 64), 1936).alone.si() == Approx(1000));
  CHECK(keys_of(machine, tile(64, 32, 3, 4, 64), 100).alone.si() < at_1000);
  CHECK(at_1000 == Approx(keys_of(machine, tile(64, 32, 3, 4, 64), 0).alone.si() + 1000));
}

TEST_CASE("what a tile's instructions lose beside other CTAs' products is what each pipe loses") {
  const Machine& machine = test::h100();
  const Contention& lost = machine.contention;
  // A warp of 64 x 32 scores has 16 a thread: 18 exponentials of 8 clk, three quarters of maxima and conversion, 3 clk
  // a score, and sums, 1, and the rescaling of 32 output values.
  const double exponentials = 18 * 8;
  const double expected =
      (exponentials * lost.xu.value + 36 * lost.alu.value + (12 + 32) * lost.fma.value) / (exponentials + 36 + 12 + 32);
  CHECK(keys_of(machine, tile(64, 32, 3, 4, 64), 0).lost == Approx(expected));
}

TEST_CASE("registers that only hold the copies' addresses cost no traffic when they are spilled") {
  // Two registers for each 16-byte copy: 64 x 128 x 2 x 2 bytes by 128 threads, 16 of them a thread.
  Operator op = test::attention(4, 16, 4096, false, 0.0, Family::triton);
  auto& work = std::get<Attention>(op.work);
  work.cta_m = 128;
  work.cta_n = 64;
  work.stages = 3;
  work.warps = 4;
  work.registers = 255;
  const Machine& machine = test::h100();
  const auto alone = [&](int spills) {
    work.spills = spills;
    return key_tile(machine, work, tile_attention(work, {}), Cycles(100), /*masked=*/false).alone.si();
  };
  CHECK(alone(32) == alone(0));
  // Each of the others goes out and comes back: 4 bytes of 128 threads.
  const double share =
      (machine.l2.bandwidth.value / (static_cast<double>(machine.sms.value) * machine.clock.datasheet.value)).si();
  CHECK(alone(42) - alone(32) == Approx(10 * 2 * 4 * 128 / share));
}

TEST_CASE("products one by one where a thread's values do not fit") {
  const Machine& machine = test::h100();
  const KeyTile four = keys_of(machine, tile(128, 128, 3, 4, 64), 100);
  const KeyTile eight = keys_of(machine, tile(128, 128, 3, 8, 64), 100);
  CHECK(four.tensor.si() == eight.tensor.si());
  // 8 + 16 instructions of one warpgroup, each waited for, against one wait; half the warps meet at the exponential
  // unit.
  const double waits = 23 * machine.tensor.latency.value.si();
  CHECK(four.alone.si() > eight.alone.si());
  CHECK(four.alone.si() - four.tensor.si() > waits);
}

double microseconds(const Operator& op) { return predict(test::h100(), test::library(), op, {}).time.si() * 1e6; }

TEST_CASE("two warpgroups on 64 rows do the softmax twice") {
  // Measured on an H100, 64 x 32, two stages, 40 heads of 4096: 523 us with four warps, 1016 with eight.
  CHECK(microseconds(triton(1, 40, 4096, tile(64, 32, 2, 8, 64))) >
        1.6 * microseconds(triton(1, 40, 4096, tile(64, 32, 2, 4, 64))));
}

TEST_CASE("a mask hides half of the keys and costs what is on the diagonal") {
  const double all = microseconds(triton(4, 16, 4096, tile(128, 64, 3, 8, 128)));
  const double half = microseconds(triton(4, 16, 4096, tile(128, 64, 3, 8, 128, true)));
  CHECK(half > 0.5 * all);
  CHECK(half < 0.65 * all);
}

TEST_CASE("time grows with every dimension of the work") {
  const AttentionTileConfig config = tile(128, 64, 3, 8, 128);
  const double base = microseconds(triton(4, 16, 2048, config));
  CHECK(microseconds(triton(8, 16, 2048, config)) > base);
  CHECK(microseconds(triton(4, 32, 2048, config)) > base);
  CHECK(microseconds(triton(4, 16, 4096, config)) > 3 * base);
}

TEST_CASE("repeated by do_bench a long kernel runs under the power limit") {
  const Operator op = triton(8, 8, 8192, tile(128, 128, 3, 8, 128));
  Operator once = op;
  once.timer = Timer::cupti;
  CHECK(predict(test::h100(), test::library(), op, {}).clock < predict(test::h100(), test::library(), once, {}).clock);
  // The controller takes some 40 ms to begin.
  Operator briefly = op;
  briefly.bench = {Seconds(0), Seconds(30e-3)};
  CHECK(predict(test::h100(), test::library(), op, {}).clock <
        predict(test::h100(), test::library(), briefly, {}).clock);
}

TEST_CASE("a tile whose buffers do not fit is refused") {
  const Estimate estimate = predict(test::h100(), test::library(), triton(4, 16, 4096, tile(128, 128, 4, 8, 128)), {});
  CHECK_FALSE(estimate.feasible());
  CHECK(estimate.refusal == "a CTA needs 288 KiB of shared memory, 227 KiB are the most a CTA can have");
}

}  // namespace
}  // namespace perfmodel
