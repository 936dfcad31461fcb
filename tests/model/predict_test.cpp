#include "model/predict.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "arch/fields.hpp"
#include "tests/model/machines.hpp"
#include "workloads/block.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::attention;
using test::gemm;
using test::h100;
using test::in_regime;
using test::library;
using test::rng;
using test::tiled;

Estimate estimate(const Machine& machine, const Operator& op) { return predict(machine, library(), op, {}); }

Operator copy_of(double bytes) {
  Operator op;
  op.work = memory_bound(MemoryKind::copy, Bytes(bytes), Dtype::bf16);
  op.regime = Regime::cold;
  return op;
}

// A spread of operators in every regime.
std::vector<Operator> many() {
  std::vector<Operator> lone = {tiled(gemm(4096, 4096, 4096), 128, 256, 64, 4, 2, 132),
                                tiled(gemm(128, 8192, 8192), 64, 128, 64, 8, 2, 128),
                                tiled(gemm(1024, 11008, 4096, Dtype::fp8), 128, 168, 128, 5, 2, 132),
                                tiled(gemm(288, 112, 528), 64, 8, 64, 16, 8, 96),
                                attention(2, 16, 4096, true),
                                attention(2, 16, 4096, false, 0.1),
                                attention(1, 16, 2048, true, 0.0, Family::flash2),
                                attention(2, 16, 2048, false, 0.1, Family::flash2, Pass::bwd),
                                attention(2, 16, 2048, true, 0.1, Family::cudnn, Pass::bwd),
                                rng(1 << 28, 7, 8),
                                copy_of(1e9)};
  std::vector<Operator> all;
  for (const Operator& op : lone) {
    for (const Regime regime : {Regime::cold, Regime::warm, Regime::sustained}) {
      all.push_back(in_regime(op, regime));
    }
  }
  return all;
}

TEST_CASE("more of anything that is a rate never slows") {
  for (const char* key : {"dram.bandwidth", "l2.bandwidth", "pipes.smem.rate", "pipes.alu.rate", "pipes.xu.rate",
                          "pipes.issue.rate", "tensor.bf16", "tensor.fp8", "transfer.epilogue", "power.limit"}) {
    CAPTURE(key);
    Machine more = h100();
    const auto constant = find_constant(more, key)->constant;
    ConstantRef(constant).set(1.5 * constant.get());
    for (const Operator& op : many()) {
      CAPTURE(op.work.index());
      CHECK(estimate(more, op).time.si() <= estimate(h100(), op).time.si() * (1 + 1e-4));
    }
  }
}

Machine with(const char* key, double factor) {
  Machine machine = h100();
  const auto constant = find_constant(machine, key)->constant;
  ConstantRef(constant).set(factor * constant.get());
  return machine;
}

TEST_CASE("attention follows the pipe that bounds it") {
  const Operator op = in_regime(attention(4, 16, 4096, false, 0.1, Family::flash2), Regime::sustained);
  const PredictOptions options{.clock = Hertz(1.5e9)};
  for (const char* key : {"pipes.alu.rate", "pipes.xu.rate", "pipes.issue.rate"}) {
    CAPTURE(key);
    // With a sixteenth of the pipe nothing else is as slow, and twice that takes half the time, launch and ends aside.
    const Seconds slow = predict(with(key, 1.0 / 16.0), library(), op, options).time;
    const Seconds twice = predict(with(key, 1.0 / 8.0), library(), op, options).time;
    CHECK(twice / slow == Approx(0.5).epsilon(0.1));
  }
}

TEST_CASE("twice the batch is never faster") {
  for (const Regime regime : {Regime::cold, Regime::sustained}) {
    for (const Family family : {Family::cudnn, Family::flash2}) {
      for (const bool causal : {false, true}) {
        Seconds last;
        for (std::int64_t batch = 1; batch <= 64; batch *= 2) {
          const Seconds time = estimate(h100(), in_regime(attention(batch, 8, 1024, causal, 0.1, family), regime)).time;
          CHECK(time >= last);
          last = time;
        }
      }
    }
    Seconds last;
    for (std::int64_t m = 64; m <= 32768; m *= 2) {
      const Seconds time = estimate(h100(), in_regime(gemm(m, 4096, 4096), regime)).time;
      CHECK(time.si() >= 0.999 * last.si());
      last = time;
    }
  }
}

TEST_CASE("a huge steady GEMM tends to the rate that the power limit leaves") {
  const Operator op = in_regime(tiled(gemm(32768, 32768, 32768), 128, 256, 64, 4, 2, 132), Regime::sustained);
  const Estimate steady = estimate(h100(), op);
  CHECK(steady.limiter == Limiter::power);
  CHECK(steady.clock_limit == ClockLimit::power);
  CHECK(steady.power.si() == Approx((h100().power.held.value * h100().power.limit.value).si()).epsilon(5e-3));
  const double peak = 132 * 4096 * steady.clock.si();
  CHECK(steady.flops.si() / steady.time.si() == Approx(peak).epsilon(0.06));
}

TEST_CASE("a tiny GEMM tends to launch plus fill") {
  const Estimate tiny = estimate(h100(), tiled(gemm(16, 16, 16), 64, 8, 64, 16, 1, 1));
  const double floor =
      (h100().launch.kernel.value + h100().transfer.prologue.value + h100().transfer.cold_prologue.value).si();
  CHECK(tiny.time.si() > floor);
  CHECK(tiny.time.si() < floor + 1.5e-6);
  CHECK((tiny.parts.launch + tiny.parts.fill).si() == Approx(floor));
}

TEST_CASE("the parts make up the time") {
  for (const Operator& op : many()) {
    const Estimate e = estimate(h100(), op);
    const Parts& p = e.parts;
    CHECK((p.launch + p.fill + p.steady + p.tail).si() == Approx(e.time.si()));
    CHECK(e.lower < e.time);
    CHECK(e.upper > e.time);
    CHECK(e.slack >= 0.0);
    CHECK(e.bounds[e.limiter] >= e.bounds[e.second]);
    for (const double use : {e.utilisation.tensor, e.utilisation.alu, e.utilisation.xu, e.utilisation.issue,
                             e.utilisation.smem, e.utilisation.l2, e.utilisation.dram}) {
      CHECK(use >= 0.0);
      CHECK(use <= 1.0);
    }
  }
}

TEST_CASE("a full-grid RNG takes its port's time") {
  // 2^31 elements, 3 rounds, 32 bits: 157 instructions a word on the 64-wide port of 132 SMs at 1980 MHz.
  const Estimate mask = estimate(h100(), rng(std::int64_t{1} << 31, 3, 32));
  const double port = 157.0 * (1 << 26) / (64.0 * 132 * 1.98e9);
  CHECK(mask.time.si() == Approx(port).epsilon(0.01));
  CHECK(mask.limiter == Limiter::alu);
}

TEST_CASE("dropout fused costs time, read from a mask it costs bytes") {
  const Operator plain = attention(2, 16, 4096, false);
  const Operator fused = attention(2, 16, 4096, false, 0.1);
  Operator masked = fused;
  std::get<Attention>(masked.work).dropout_source = DropoutSource::mask;
  const Estimate without = estimate(h100(), plain);
  CHECK(estimate(h100(), fused).time.si() > 1.5 * without.time.si());
  CHECK(estimate(h100(), masked).time.si() < 1.1 * without.time.si());
  const double mask_bytes = 2.0 * 16 * 4096 * 4096 / 8;
  CHECK((estimate(h100(), masked).traffic.dram_read - without.traffic.dram_read).si() == Approx(mask_bytes));
}

TEST_CASE("what cannot run is refused with the reason") {
  CHECK(estimate(h100(), gemm(128, 128, 128, Dtype::nvfp4)).refusal ==
        "NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores");
  CHECK(estimate(load_machine("a100-sxm"), gemm(128, 128, 128, Dtype::fp8)).refusal ==
        "NVIDIA A100 SXM4 80GB has no fp8 tensor cores");
  CHECK(estimate(h100(), attention(1, 8, 1024, false, 0, Family::fa4)).refusal ==
        "no forward attention program of fa4 for NVIDIA H100 SXM5 80GB");
  CHECK(estimate(h100(), attention(1, 8, 1024, false, 0.1, Family::flash3)).refusal ==
        "flash3 attention draws no dropout masks");
  CHECK(estimate(h100(), attention(1, 1, std::int64_t{1} << 31, true)).refusal ==
        "more than 1048576 tiles of one head");
  Operator wide = tiled(gemm(4096, 4096, 4096), 256, 256, 64, 4, 1, 132);
  CHECK(estimate(h100(), wide).refusal == "a CTA needs 256 KiB of shared memory, 227 KiB are the most a CTA can have");
  const Estimate refused = estimate(h100(), wide);
  CHECK(refused.limiter == Limiter::infeasible);
  CHECK_FALSE(refused.feasible());
}

TEST_CASE("a GEMM without a tile takes the library's best, and holding the choice changes nothing") {
  for (const Operator& op : {gemm(4096, 4096, 4096), gemm(128, 4096, 4096, Dtype::fp8), gemm(64, 96, 10352)}) {
    Operator held = op;
    choose_kernels(h100(), library(), held);
    CHECK(std::get<Gemm>(held.work).tile);
    CHECK(estimate(h100(), held).time.si() == Approx(estimate(h100(), op).time.si()));
  }
}

TEST_CASE("a steady block runs at one clock, and its operators add up to it") {
  const Block block = load_block("llama2_7b", std::vector<std::string>{"dtype=fp8"});
  const SequenceEstimate sequence = predict(h100(), library(), block, {});
  Seconds total;
  Seconds matmul;
  for (const SequenceItem& item : sequence.items) {
    CHECK(item.estimate.clock == sequence.items[0].estimate.clock);
    total += item.estimate.time;
    matmul += item.matmul ? item.estimate.time : Seconds(0);
  }
  CHECK(total.si() == Approx(sequence.total.si()));
  CHECK(matmul.si() == Approx(sequence.matmul.si()));
  CHECK(sequence.clock_limit == ClockLimit::power);
  CHECK(sequence.lower < sequence.total);
  CHECK(sequence.upper > sequence.total);
}

TEST_CASE("a larger L2 never slows what comes back to it") {
  Machine more = h100();
  more.l2.capacity.value = 1.5 * more.l2.capacity.value;
  for (const Operator& op : many()) {
    if (op.regime != Regime::cold) {  // a flushed L2 that is larger holds more dirty lines
      CHECK(estimate(more, op).time.si() <= estimate(h100(), op).time.si() * (1 + 1e-4));
    }
  }
}

TEST_CASE("an operator finds in the L2 what its predecessor left there") {
  const auto second = [&](const std::string& tensor) {
    const std::string text =
        "name: chain\nregime: warm\ntensors: {a: 8e6, b: 8e6, c: 8e6, other: 900e6}\noperators:\n"
        "  - {name: first, op: membound, reads: [a], writes: [" +
        tensor +
        "]}\n"
        "  - {name: second, op: membound, reads: [b], writes: [c]}\n"
        "  - {name: wash, op: membound, reads: [other], writes: [other]}\n";
    const Block block = BlockFile::from_text(text, "chain.yaml").block();
    return predict(h100(), library(), block, {}).items[1].estimate;
  };
  CHECK(second("b").traffic.dram_read.si() == 0.0);
  CHECK(second("a").traffic.dram_read.si() == Approx(8e6));
  CHECK(second("b").time < second("a").time);
}

}  // namespace
}  // namespace perfmodel
