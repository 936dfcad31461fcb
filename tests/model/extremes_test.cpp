// Operators at the ends of what can be asked for: the answer is finite and positive, or a refusal that says why.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "model/kernel.hpp"
#include "model/overlap.hpp"
#include "model/predict.hpp"
#include "tests/model/machines.hpp"
#include "workloads/block.hpp"
#include "workloads/operator_check.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::attention;
using test::gemm;
using test::h100;
using test::in_regime;
using test::library;

static_assert(max_helper_launches < max_kernels, "helper kernels of a program and its main one fit in a plan");

Estimate estimate(const Operator& op, Fidelity fidelity = Fidelity::pipeline) {
  PredictOptions options;
  options.fidelity = fidelity;
  return predict(h100(), library(), op, options);
}

void check_sound(const Estimate& e) {
  if (!e.feasible()) {
    CHECK(e.limiter == Limiter::infeasible);
    return;
  }
  CHECK(std::isfinite(e.time.si()));
  CHECK(e.time.si() > 0.0);
  CHECK(std::isfinite(e.lower.si()));
  CHECK(std::isfinite(e.upper.si()));
  CHECK(e.lower <= e.time);
  CHECK(e.upper >= e.time);
  CHECK(e.clock.si() > 0.0);
  CHECK(e.clock <= h100().clock.maximum.value);
  CHECK(e.power.si() > 0.0);
  CHECK(e.slack >= 0.0);
  for (const double traffic :
       {e.traffic.smem.si(), e.traffic.l2.si(), e.traffic.dram_read.si(), e.traffic.dram_written.si()}) {
    CHECK(std::isfinite(traffic));
    CHECK(traffic >= 0.0);
  }
  for (const double use : {e.utilisation.tensor, e.utilisation.alu, e.utilisation.xu, e.utilisation.issue,
                           e.utilisation.smem, e.utilisation.l2, e.utilisation.dram}) {
    CHECK(use >= 0.0);
    CHECK(use <= 1.0 + 1e-9);
  }
}

void check_everywhere(const Operator& op) {
  for (const Regime regime : {Regime::cold, Regime::warm, Regime::sustained}) {
    for (const Fidelity fidelity : {Fidelity::bound, Fidelity::pipeline}) {
      check_sound(estimate(in_regime(op, regime), fidelity));
    }
  }
}

TEST_CASE("the smallest operators take a launch, not nothing") {
  Operator one = attention(1, 1, 1, false);
  std::get<Attention>(one.work).head_dim = std::get<Attention>(one.work).head_dim_v = 1;
  for (const Operator& op :
       {gemm(1, 1, 1), attention(1, 1, 1, false), attention(1, 1, 1, true), one, test::rng(1, 1, 1)}) {
    CAPTURE(op.work.index());
    check_everywhere(op);
    CHECK(estimate(op).time >= h100().launch.kernel.value);
    CHECK(estimate(op).time.si() < 20e-6);
  }
}

TEST_CASE("odd sizes, wide heads, grouped heads") {
  for (const auto& [m, n, k] : {std::tuple{1, 1, 1}, {1, 4096, 4096}, {4097, 1, 17}, {3, 5, 1000003}, {129, 257, 65}}) {
    check_everywhere(gemm(m, n, k));
  }
  for (const Family family : {Family::cudnn, Family::flash2, Family::flash3, Family::triton}) {
    for (const Pass pass : {Pass::fwd, Pass::bwd}) {
      for (const double dropout : {0.0, 0.1}) {
        Operator op = attention(3, 12, 333, true, dropout, family, pass);
        auto& work = std::get<Attention>(op.work);
        work.seq_kv = 1055;
        for (const std::int64_t kv_heads : {12, 4, 1}) {
          for (const std::int64_t head_dim : {40, 256}) {
            work.kv_heads = kv_heads;
            work.head_dim = work.head_dim_v = head_dim;
            check_everywhere(op);
          }
        }
      }
    }
  }
}

TEST_CASE("fewer key-value heads never move more from DRAM") {
  Operator op = attention(4, 32, 2048, true);
  double last = 0;
  for (std::int64_t kv_heads = 1; kv_heads <= 32; kv_heads *= 2) {
    std::get<Attention>(op.work).kv_heads = kv_heads;
    const double read = estimate(op).traffic.dram_read.si();
    CHECK(read > last);
    last = read;
  }
}

TEST_CASE("head dimensions above 256 are refused") {
  Operator op = attention(1, 1, 128, false);
  std::get<Attention>(op.work).head_dim = 257;
  CHECK(estimate(op).refusal == "head dimension 257, cudnn goes up to 256");
}

// Sizes spread evenly over their logarithm, so that the small ones and those near the end are as likely.
class Sizes {
 public:
  std::int64_t upto(double log2_max) {
    return static_cast<std::int64_t>(std::exp2(std::uniform_real_distribution<>(0.0, log2_max)(engine_)));
  }
  template <class T>
  T one_of(const std::vector<T>& all) {
    return all[std::uniform_int_distribution<std::size_t>(0, all.size() - 1)(engine_)];
  }

 private:
  std::mt19937_64 engine_{20240611};
};

TEST_CASE("random GEMMs up to the largest that fit 64-bit counts") {
  Sizes sizes;
  for (int i = 0; i < 300; ++i) {
    Operator op = gemm(sizes.upto(31), sizes.upto(31), sizes.upto(31),
                       sizes.one_of<Dtype>({Dtype::bf16, Dtype::fp8, Dtype::tf32}));
    auto& work = std::get<Gemm>(op.work);
    if (!faults_of(work).empty()) continue;
    if (i % 2 == 0) {
      work.tile = GemmTile{sizes.one_of<int>({16, 64, 128, 256}), sizes.one_of<int>({8, 64, 256}), {}};
      work.impl.family = sizes.one_of<Family>({Family::cublas, Family::triton});
      work.split_k = sizes.one_of<int>({1, 2, 64});
    }
    CAPTURE(work.m);
    CAPTURE(work.n);
    CAPTURE(work.k);
    check_sound(estimate(in_regime(op, sizes.one_of<Regime>({Regime::cold, Regime::warm, Regime::sustained}))));
  }
}

TEST_CASE("GEMMs at the very end of 64-bit counts") {
  constexpr std::int64_t large = std::int64_t{1} << 31;
  for (const Operator& op : {gemm(large, large >> 3, 1), gemm(1, large, large >> 3), gemm(std::int64_t{1} << 59, 1, 1),
                             gemm(1, 1, std::int64_t{1} << 59), gemm(1 << 20, 1 << 20, (1 << 19) - 1)}) {
    REQUIRE(faults_of(std::get<Gemm>(op.work)).empty());
    check_everywhere(op);
  }
}

TEST_CASE("random attention") {
  Sizes sizes;
  for (int i = 0; i < 300; ++i) {
    const std::int64_t kv_heads = sizes.upto(10);
    Operator op =
        attention(sizes.upto(16), kv_heads, 1, sizes.one_of<int>({0, 1}) == 1, sizes.one_of<double>({0.0, 0.1}),
                  sizes.one_of<Family>({Family::cudnn, Family::flash2, Family::flash3, Family::triton}),
                  sizes.one_of<Pass>({Pass::fwd, Pass::bwd}));
    auto& work = std::get<Attention>(op.work);
    work.heads = kv_heads * sizes.upto(4);
    work.seq_q = sizes.upto(17);
    work.seq_kv = sizes.upto(17);
    work.head_dim = sizes.upto(8);
    work.head_dim_v = sizes.upto(8);
    if (!faults_of(work).empty()) continue;
    CAPTURE(work.batch);
    CAPTURE(work.heads);
    CAPTURE(work.seq_q);
    CAPTURE(work.seq_kv);
    check_sound(estimate(in_regime(op, sizes.one_of<Regime>({Regime::cold, Regime::sustained}))));
  }
}

TEST_CASE("as many batches and heads as 64-bit counts hold") {
  constexpr std::int64_t large = std::int64_t{1} << 31;
  for (const Family family : {Family::cudnn, Family::flash2, Family::flash3}) {
    Operator op = attention(large, 1 << 10, 1, false, 0.0, family);
    REQUIRE(faults_of(std::get<Attention>(op.work)).empty());
    check_everywhere(op);
    op = attention(1, large, 64, true, 0.0, family);
    REQUIRE(faults_of(std::get<Attention>(op.work)).empty());
    check_everywhere(op);
  }
}

TEST_CASE("RNG and copies from one element to the largest") {
  for (const std::int64_t elements :
       {std::int64_t{1}, std::int64_t{33}, std::int64_t{1} << 31, (std::int64_t{1} << 57) - 1}) {
    for (const int bits : {1, 8, 32}) {
      check_everywhere(test::rng(elements, 10, bits));
    }
  }
  for (const double bytes : {1.0, 1e3, 1e12, 9e18}) {
    Operator op;
    op.work = memory_bound(MemoryKind::copy, Bytes(bytes), Dtype::bf16);
    check_everywhere(op);
  }
}

// A GEMM of one warpgroup with little shared memory, beside which RNG CTAs find room.
Operator overlap(Carveout carveout, Order order) {
  Overlap work;
  work.gemm = std::get<Gemm>(test::tiled(gemm(4096, 4096, 4096), 128, 128, 64, 3, 1, 132).work);
  work.gemm.impl.family = Family::triton;
  work.gemm.threads = 128;
  work.gemm.registers = 128;
  work.gemm.smem = Bytes(96 * 1024);
  work.rng =
      Rng{.elements = std::int64_t{1} << 28, .rounds = 7, .bits = 8, .ctas = 132, .threads = 128, .registers = 32};
  work.carveout = carveout;
  work.order = order;
  Operator op;
  op.work = work;
  op.regime = Regime::cold;
  return op;
}

TEST_CASE("with the default carve-out both kernels take the sum of their times") {
  for (const Order order : {Order::rng_first, Order::gemm_first}) {
    const Operator op = overlap(Carveout::standard, order);
    const auto& work = std::get<Overlap>(op.work);
    Operator lone = op;
    lone.work = work.gemm;
    const Seconds matrix = estimate(lone).time;
    lone.work = work.rng;
    const Seconds random = estimate(lone).time;
    CHECK(estimate(op).time.si() == Approx((matrix + random).si()).epsilon(1e-3));
    lone.work = Rng{.elements = work.rng.elements, .rounds = 7, .bits = 8, .ctas = {}, .threads = {}, .registers = {}};
    CHECK(estimate(op).sequence.si() == Approx((matrix + estimate(lone).time).si()).epsilon(1e-3));
  }
}

TEST_CASE("an overlap lies between the longer of the two and a little more than their sum") {
  const Operator op = overlap(Carveout::maximum, Order::rng_first);
  const auto& work = std::get<Overlap>(op.work);
  Operator lone = op;
  lone.work = work.gemm;
  const Seconds matrix = estimate(lone).time;
  lone.work = work.rng;
  const Seconds random = estimate(lone).time;
  const Estimate both = estimate(op);
  check_sound(both);
  CHECK(both.time >= std::max(matrix, random));
  CHECK(both.time.si() <= 1.1 * (matrix + random).si());
}

TEST_CASE("an overlap of which one part cannot run is refused with that part's reason") {
  Operator op = overlap(Carveout::maximum, Order::rng_first);
  std::get<Overlap>(op.work).gemm.dtype = Dtype::nvfp4;
  CHECK(estimate(op).refusal == "NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores");
  op = overlap(Carveout::standard, Order::gemm_first);
  std::get<Overlap>(op.work).gemm.smem = Bytes(512 * 1024);
  CHECK(estimate(op).refusal == "a CTA needs 512 KiB of shared memory, 227 KiB are the most a CTA can have");
  op = overlap(Carveout::maximum, Order::rng_first);
  std::get<Overlap>(op.work).rng.threads = 2048;
  CHECK_FALSE(estimate(op).feasible());
}

TEST_CASE("a block in every mode of dropout, pass and kind of heads") {
  for (const char* model : {"llama2_7b", "llama2_70b", "gpt3_175b"}) {
    for (const char* mode : {"none", "fused", "sequential", "overlapped"}) {
      for (const char* pass : {"fwd", "bwd", "training"}) {
        CAPTURE(model);
        CAPTURE(mode);
        CAPTURE(pass);
        const std::vector<std::string> settings = {"seq=1000", "dropout=0.1", std::string("dropout_mode=") + mode,
                                                   std::string("pass=") + pass};
        const SequenceEstimate sequence = predict(h100(), library(), load_block(model, settings), {});
        CHECK(std::isfinite(sequence.total.si()));
        CHECK(sequence.total.si() > 0.0);
        CHECK(sequence.matmul <= sequence.total);
        for (const SequenceItem& item : sequence.items) {
          CAPTURE(item.name);
          CHECK(item.estimate.feasible());
          check_sound(item.estimate);
        }
      }
    }
  }
}

TEST_CASE("one query against many keys: FlashAttention-2 splits them as the schema page says") {
  Operator op = attention(1, 32, 2048, true, 0.0, Family::flash2);
  CHECK(estimate(op).kernel == "128x64, 128 threads, 512 CTAs");
  std::get<Attention>(op.work).seq_q = 1;
  CHECK(estimate(op).kernel == "64x128, 128 threads, 256 CTAs, keys in 8 splits");
}

}  // namespace
}  // namespace perfmodel
