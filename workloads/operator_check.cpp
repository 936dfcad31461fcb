#include "workloads/operator_check.hpp"

#include <fmt/format.h>

#include <initializer_list>

namespace perfmodel {
namespace {

bool product_fits(std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return false;
  }
  return true;
}

}  // namespace

std::vector<OperatorFault> faults_of(const Gemm& gemm) {
  // The largest product of all is the count of multiply-adds, doubled, and operands take at most 4 bytes an element.
  if (!product_fits({gemm.m, gemm.n, gemm.k, 8})) {
    return {{"m", fmt::format("m * n * k = {} * {} * {} is too large for 64-bit counts", gemm.m, gemm.n, gemm.k)}};
  }
  return {};
}

std::vector<OperatorFault> faults_of(const Attention& attention) {
  std::vector<OperatorFault> faults;
  if (attention.kv_heads > 0 && attention.heads % attention.kv_heads != 0) {
    faults.push_back(
        {"kv_heads", fmt::format("{} heads cannot share {} kv heads evenly", attention.heads, attention.kv_heads)});
  }
  const std::int64_t head_dim = std::max(attention.head_dim, attention.head_dim_v);
  if (!product_fits({attention.batch, attention.heads, attention.seq_q, attention.seq_kv, head_dim, 16}) ||
      !product_fits({attention.batch, attention.kv_heads, attention.seq_kv, head_dim, 8})) {
    faults.push_back(
        {"batch", fmt::format("batch * heads * seq_q * seq_kv * head_dim = {} * {} * {} * {} * {} is too "
                              "large for 64-bit counts",
                              attention.batch, attention.heads, attention.seq_q, attention.seq_kv, head_dim)});
  }
  return faults;
}

std::vector<OperatorFault> faults_of(const Rng& rng) {
  std::vector<OperatorFault> faults;
  if (rng.bits > 32 || (rng.bits & (rng.bits - 1)) != 0) {
    faults.push_back({"bits", fmt::format("expected 1, 2, 4, 8, 16 or 32 random bits a decision, not {}", rng.bits)});
  }
  if (!product_fits({rng.elements, 64})) {
    faults.push_back({"elements", fmt::format("{} elements are too many for 64-bit counts", rng.elements)});
  }
  return faults;
}

std::vector<OperatorFault> faults_of(const Overlap& overlap) {
  std::vector<OperatorFault> faults = faults_of(overlap.gemm);
  for (OperatorFault& fault : faults_of(overlap.rng)) {
    fault.field = fault.field == "bits" ? "rng_bits" : "rng_elements";
    faults.push_back(std::move(fault));
  }
  return faults;
}

Dtype default_out_dtype(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp16: return Dtype::fp16;
    case Dtype::tf32:
    case Dtype::fp32: return Dtype::fp32;
    case Dtype::bf16:
    case Dtype::fp8:
    case Dtype::nvfp4: return Dtype::bf16;
  }
  return Dtype::bf16;
}

}  // namespace perfmodel
