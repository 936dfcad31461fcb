#include "workloads/operator.hpp"

#include <doctest/doctest.h>

#include "workloads/operator_check.hpp"

namespace perfmodel {
namespace {

TEST_CASE("storage of the types is exact, scale factors included") {
  static_assert(bits_of_16(Dtype::nvfp4) == 72);
  static_assert(bytes_of(Dtype::bf16, 3.0) == Bytes(6.0));
  static_assert(bytes_of(Dtype::nvfp4, 32.0) == Bytes(18.0));
  static_assert(bytes_of(Dtype::tf32, 2.0) == Bytes(8.0));
  static_assert(bytes_of(Dtype::fp8, 5.0) == Bytes(5.0));
}

TEST_CASE("every name reads back as its value") {
  for (const std::string& name : enum_names<Dtype>()) CHECK(name_of(*parse_enum<Dtype>(name)) == name);
  for (const std::string& name : enum_names<Family>()) CHECK(name_of(*parse_enum<Family>(name)) == name);
  CHECK(name_of(Carveout::standard) == "default");
  CHECK(name_of(DataKind::sparse90) == "sparse90");
  CHECK_FALSE(parse_enum<Dtype>("BF16"));
  CHECK_FALSE(parse_enum<Timer>(""));
}

TEST_CASE("implementations and their versions") {
  CHECK(parse_impl("cudnn") == Impl{Family::cudnn, ""});
  CHECK(parse_impl("cudnn-9.19.1") == Impl{Family::cudnn, "9.19.1"});
  CHECK(parse_impl("triton-3.6-rc1") == Impl{Family::triton, "3.6-rc1"});
  CHECK_FALSE(parse_impl("cudnn-"));
  CHECK_FALSE(parse_impl("cudn"));
  CHECK(impl_name(*parse_impl("flash2-2.8")) == "flash2-2.8");
  CHECK(impl_note(*parse_impl("cudnn")).empty());
  CHECK(impl_note(*parse_impl("cudnn-9.19.1")).empty());
  CHECK(impl_note(*parse_impl("cudnn-8.0")) == "unknown version '8.0' of cudnn, predicted as cudnn");
}

TEST_CASE("a copy reads half of its bytes and writes the other half") {
  const MemoryBound copy = memory_bound(MemoryKind::copy, Bytes(2.0 * (1 << 30)), Dtype::fp32);
  CHECK(copy.read == Bytes(1 << 30));
  CHECK(copy.written == Bytes(1 << 30));
  CHECK(memory_bound(MemoryKind::read, Bytes(64), Dtype::fp32).written == Bytes(0));
  CHECK(memory_bound(MemoryKind::write, Bytes(64), Dtype::fp32).written == Bytes(64));
}

TEST_CASE("an empty regime means what the op's default says") {
  CHECK(regime_of({.work = Gemm{}}) == Regime::warm);
  CHECK(regime_of({.work = Gemm{}}, Regime::cold) == Regime::cold);
  CHECK(regime_of({.work = BlockRow{}}, Regime::warm) == Regime::sustained);
  CHECK(regime_of({.work = Overlap{}}, Regime::warm) == Regime::cold);
  CHECK(regime_of({.work = BlockRow{}, .regime = Regime::warm}) == Regime::warm);
}

Attention small_attention() {
  Attention attention;
  attention.batch = 2;
  attention.heads = 4;
  attention.kv_heads = 2;
  attention.seq_q = 4;
  attention.seq_kv = 4;
  attention.head_dim = 8;
  attention.head_dim_v = 8;
  return attention;
}

TEST_CASE("floating-point operations, done by hand") {
  Gemm gemm;
  gemm.m = 2;
  gemm.n = 3;
  gemm.k = 5;
  CHECK(flops_of(gemm) == Flops(60));
  Attention attention = small_attention();
  CHECK(flops_of(attention) == Flops(2 * 16 * 2 * 4 * 16));  // 2 (8 + 8) a score, 16 scores, 8 heads
  attention.causal = true;
  CHECK(visible_scores(attention) == 10.0);
  CHECK(flops_of(attention) == Flops(2 * 16 * 2 * 4 * 10));
  attention.pass = Pass::bwd;
  CHECK(flops_of(attention) == Flops(2 * 40 * 2 * 4 * 10));  // five products of 8
  CHECK(flops_of(Rng{.elements = 1000}) == Flops(0));
}

TEST_CASE("causal queries see the keys up to their own place, counted from the end") {
  Attention attention = small_attention();
  attention.causal = true;
  attention.seq_q = 2;  // queries 0 and 1 see 3 and 4 of 4 keys
  CHECK(visible_scores(attention) == 7.0);
  attention.seq_q = 6;  // the first two see none
  CHECK(visible_scores(attention) == 10.0);
  CHECK(mask_elements(attention) == 2 * 4 * 6 * 4);
}

TEST_CASE("rules that an operator has to keep") {
  Gemm gemm;
  gemm.m = gemm.n = gemm.k = 4096;
  CHECK(faults_of(gemm).empty());
  gemm.m = std::int64_t{1} << 62;
  REQUIRE(faults_of(gemm).size() == 1);
  CHECK(faults_of(gemm)[0].field == "m");
  CHECK(faults_of(gemm)[0].message == "m * n * k = 4611686018427387904 * 4096 * 4096 is too large for 64-bit counts");

  Attention attention = small_attention();
  CHECK(faults_of(attention).empty());
  attention.kv_heads = 3;
  REQUIRE(faults_of(attention).size() == 1);
  CHECK(faults_of(attention)[0].message == "4 heads cannot share 3 kv heads evenly");

  CHECK(faults_of(Rng{.elements = 32, .rounds = 7, .bits = 8}).empty());
  CHECK(faults_of(Rng{.elements = 32, .rounds = 7, .bits = 12})[0].message ==
        "expected 1, 2, 4, 8, 16 or 32 random bits a decision, not 12");
  Overlap overlap{.gemm = gemm, .rng = {.elements = 32, .rounds = 7, .bits = 64}};
  REQUIRE(faults_of(overlap).size() == 2);
  CHECK(faults_of(overlap)[1].field == "rng_bits");
}

}  // namespace
}  // namespace perfmodel
