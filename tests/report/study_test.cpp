// Studies of real predictions: what they rest on and what they advise.
#include "report/study.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "arch/load.hpp"
#include "workloads/library.hpp"

namespace perfmodel {
namespace {

struct Fixture {
  Machine machine = load_machine("h100-sxm");
  Library library = load_library();
  PredictOptions options{.regime = Regime::warm, .fidelity = Fidelity::bound, .describe = true, .clock = {}};

  Study ask(const Subject& subject) {
    return study(machine, library, {.subject = subject, .without_dropout = {}, .variants = {}, .options = options});
  }
};

Operator copy_of(double bytes) {
  Operator op;
  op.name = "copy";
  op.work = memory_bound(MemoryKind::copy, Bytes(bytes), Dtype::fp32);
  return op;
}

double effect_of(const Evidence& evidence, std::string_view key) {
  const auto found = std::ranges::find(evidence.influences, key, &Influence::key);
  return found == evidence.influences.end() ? 0.0 : found->effect;
}

TEST_CASE_FIXTURE(Fixture, "a long copy rests on the DRAM and says so") {
  const Study result = ask(copy_of(8e9));
  CHECK(result.single);
  CHECK(result.name == "copy");
  CHECK(effect_of(result.evidence, "dram.bandwidth") == doctest::Approx(-0.0099).epsilon(0.05));
  CHECK(effect_of(result.evidence, "pipes.xu.rate") == 0.0);
  CHECK(result.evidence.count(Origin::datasheet) >= 1);
  REQUIRE(!result.advice.empty());
  CHECK(result.advice.front().hardware);
  CHECK(result.advice.front().change.starts_with("twice the DRAM bandwidth"));
  CHECK(result.advice.front().total / result.estimate.total == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE_FIXTURE(Fixture, "a cache line has no slope: rows start on it or not") {
  Operator op;
  Gemm work;
  work.m = work.n = work.k = 4096;
  op.work = work;
  CHECK(effect_of(ask(op).evidence, "l2.line") == 0.0);
}

TEST_CASE_FIXTURE(Fixture, "influences are sorted and above the threshold") {
  const Evidence evidence = ask(load_block("llama2_block")).evidence;
  CHECK(evidence.influences.size() >= 5);
  double last = 1.0;
  for (const Influence& influence : evidence.influences) {
    CHECK(std::abs(influence.effect) > 1e-4);
    CHECK(std::abs(influence.effect) <= last);
    last = std::abs(influence.effect);
  }
}

TEST_CASE_FIXTURE(Fixture, "a study changes nothing in the machine") {
  const Study once = ask(load_block("llama2_block"));
  const Study again = ask(load_block("llama2_block"));
  CHECK(once.estimate.total == again.estimate.total);
}

TEST_CASE_FIXTURE(Fixture, "variants that cannot run or do not pay are left out") {
  Operator wide;
  wide.name = "gemm";
  wide.work = Gemm{.m = 8192, .n = 8192, .k = 8192};
  Operator narrow = wide;
  std::get<Gemm>(narrow.work).dtype = Dtype::fp8;
  Operator impossible = wide;
  std::get<Gemm>(impossible.work).dtype = Dtype::nvfp4;
  const auto variants = [&] {
    return std::vector<Variant>{{"dtype=fp8", narrow}, {"dtype=nvfp4", impossible}, {"nothing", wide}};
  };
  const Study result =
      study(machine, library, {.subject = wide, .without_dropout = {}, .variants = variants, .options = options});
  const auto kernels = std::ranges::count(result.advice, false, &Advice::hardware);
  CHECK(kernels == 1);
  CHECK(result.advice.front().change == "dtype=fp8");
}

TEST_CASE_FIXTURE(Fixture, "a refusal ends the study") {
  Operator op;
  op.work = Gemm{.m = 128, .n = 128, .k = 128, .dtype = Dtype::nvfp4};
  const Study result = ask(op);
  CHECK(refusal_of(result.estimate) == "NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores");
  CHECK(result.evidence.influences.empty());
  CHECK(result.advice.empty());
}

TEST_CASE_FIXTURE(Fixture, "subjects in a few words") {
  CHECK(describe(load_block("llama2_block")) == "seq 4096, batch 1, fp8, fwd, dropout 0.1 fused");
  Operator gemm;
  gemm.work = Gemm{.m = 4096, .n = 12288, .k = 4096, .dtype = Dtype::fp8};
  CHECK(describe(gemm) == "4096 x 12288 x 4096 fp8");
  Operator attention;
  attention.work = Attention{.batch = 1,
                             .heads = 32,
                             .kv_heads = 8,
                             .seq_q = 4096,
                             .seq_kv = 8192,
                             .head_dim = 128,
                             .head_dim_v = 128,
                             .causal = true,
                             .dropout = 0.1};
  CHECK(describe(attention) == "1 x 32/8 x 4096/8192 x 128 causal bf16 fwd, dropout 0.1 fused");
}

TEST_CASE_FIXTURE(Fixture, "a sequence as one estimate") {
  const SequenceEstimate sequence = solve(machine, library, load_block("llama2_block"), options);
  const Estimate whole = flattened(sequence);
  CHECK(whole.time == sequence.total);
  CHECK(whole.flops.si() > 1e12);
  CHECK(whole.limiter == limiter_shares(sequence).front().limiter);
  CHECK(whole.parts.launch + whole.parts.fill + whole.parts.steady + whole.parts.tail <= 1.01 * whole.time);
}

}  // namespace
}  // namespace perfmodel
