// Predictions: time of one, by operator and fidelity, as the rows of a table and blocks ask for them.
#include <benchmark/benchmark.h>

#include "arch/load.hpp"
#include "model/predict.hpp"
#include "report/study.hpp"
#include "workloads/block.hpp"
#include "workloads/library.hpp"

namespace {

using namespace perfmodel;

const Machine& machine() {
  static const Machine loaded = load_machine("h100-sxm");
  return loaded;
}

const Library& library() {
  static const Library loaded = load_library();
  return loaded;
}

Operator with_work(Work work, Regime regime) {
  Operator op;
  op.work = std::move(work);
  op.regime = regime;
  return op;
}

Gemm plain_gemm() {
  Gemm gemm;
  gemm.m = 4096;
  gemm.n = 11008;
  gemm.k = 4096;
  return gemm;
}

Gemm tiled_gemm() {
  Gemm gemm = plain_gemm();
  gemm.tile = GemmTile{128, 256, 64};
  gemm.stages = 4;
  gemm.cluster = 2;
  gemm.split_k = 1;
  gemm.ctas = 132;
  gemm.threads = 384;
  gemm.registers = 168;
  return gemm;
}

Attention causal_attention(Family family, Pass pass) {
  Attention attention;
  attention.batch = 2;
  attention.heads = attention.kv_heads = 32;
  attention.seq_q = attention.seq_kv = 4096;
  attention.head_dim = attention.head_dim_v = 128;
  attention.causal = true;
  attention.impl = {family, {}};
  attention.pass = pass;
  return attention;
}

// As bulk scoring asks: no description of the kernel.
void predict_one(benchmark::State& state, const Operator& op, Fidelity fidelity) {
  PredictOptions options;
  options.fidelity = fidelity;
  options.describe = false;
  for (auto _ : state) benchmark::DoNotOptimize(predict(machine(), library(), op, options));
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(predict_one, gemm_tiled_cold_bound, with_work(tiled_gemm(), Regime::cold), Fidelity::bound);
BENCHMARK_CAPTURE(predict_one, gemm_tiled_sustained_bound, with_work(tiled_gemm(), Regime::sustained), Fidelity::bound);
BENCHMARK_CAPTURE(predict_one, gemm_tiled_cold_pipeline, with_work(tiled_gemm(), Regime::cold), Fidelity::pipeline)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(predict_one, gemm_chosen_cold_bound, with_work(plain_gemm(), Regime::cold), Fidelity::bound)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(predict_one, attention_cudnn_causal_bound,
                  with_work(causal_attention(Family::cudnn, Pass::fwd), Regime::cold), Fidelity::bound)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(predict_one, attention_flash2_causal_bound,
                  with_work(causal_attention(Family::flash2, Pass::fwd), Regime::cold), Fidelity::bound)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(predict_one, attention_cudnn_causal_backward_bound,
                  with_work(causal_attention(Family::cudnn, Pass::bwd), Regime::cold), Fidelity::bound)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(predict_one, rng_bound, with_work(Rng{.elements = std::int64_t{1} << 30, .rounds = 7, .bits = 8},
                                                    Regime::cold), Fidelity::bound);

// The solution alone, GEMM tiles chosen from the menu.
void predict_block(benchmark::State& state) {
  const Block block = load_block("llama2_block");
  PredictOptions options;
  options.describe = false;
  for (auto _ : state) benchmark::DoNotOptimize(predict(machine(), library(), block, options));
}
BENCHMARK(predict_block)->Unit(benchmark::kMicrosecond);

// With what the report adds: sensitivity to every constant and the advice on hardware.
void study_block(benchmark::State& state) {
  const StudyRequest request{.subject = load_block("llama2_block"), .without_dropout = {}, .variants = {}, .options = {}};
  for (auto _ : state) benchmark::DoNotOptimize(study(machine(), library(), request));
}
BENCHMARK(study_block)->Unit(benchmark::kMicrosecond);

}  // namespace
