#include "workloads/operator.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace perfmodel {
namespace {

struct KnownVersion {
  Family family;
  std::string_view version;
};

// Releases that measurements stand behind.
constexpr std::array known_versions{
    KnownVersion{Family::cublas, "13.0"},  KnownVersion{Family::triton, "3.6"},   KnownVersion{Family::cudnn, "9.19"},
    KnownVersion{Family::cudnn, "9.19.0"}, KnownVersion{Family::cudnn, "9.19.1"}, KnownVersion{Family::trtllm, "1.3"},
};

Flops flops(const Gemm& gemm) {
  return Flops(2.0 * static_cast<double>(gemm.m) * static_cast<double>(gemm.n) * static_cast<double>(gemm.k));
}

// Backward recomputes the scores and multiplies four times more: dP = dO V^T and dV over head_dim_v, dQ and dK over
// head_dim (FlashAttention, arXiv 2205.14135, appendix B).
Flops flops(const Attention& attention) {
  const auto qk = static_cast<double>(attention.head_dim);
  const auto pv = static_cast<double>(attention.head_dim_v);
  const double a_score = attention.pass == Pass::fwd ? qk + pv : 3.0 * qk + 2.0 * pv;
  const double heads = static_cast<double>(attention.batch) * static_cast<double>(attention.heads);
  return Flops(2.0 * a_score * heads * visible_scores(attention));
}

}  // namespace

#define PERFMODEL_ENUM(Enum, ...)                                              \
  template <>                                                                  \
  std::span<const std::string> enum_names<Enum>() {                            \
    static const std::array names = std::to_array<std::string>({__VA_ARGS__}); \
    return names;                                                              \
  }                                                                            \
  template <>                                                                  \
  std::optional<Enum> parse_enum<Enum>(std::string_view name) {                \
    const auto names = enum_names<Enum>();                                     \
    const auto found = std::ranges::find(names, name);                         \
    if (found == names.end()) return std::nullopt;                             \
    return static_cast<Enum>(found - names.begin());                           \
  }

PERFMODEL_ENUM(Dtype, "fp16", "bf16", "tf32", "fp8", "nvfp4", "fp32")
PERFMODEL_ENUM(Timer, "cupti", "events", "do_bench", "graph")
PERFMODEL_ENUM(Regime, "cold", "warm", "sustained")
PERFMODEL_ENUM(Pass, "fwd", "bwd")
PERFMODEL_ENUM(DataKind, "random", "zeros", "sparse90")
PERFMODEL_ENUM(Family, "cublas", "triton", "cudnn", "flash2", "flash3", "fa4", "avo", "gluon", "trtllm")
PERFMODEL_ENUM(DropoutSource, "fused", "mask")
PERFMODEL_ENUM(MaskForm, "bits", "bytes")
PERFMODEL_ENUM(MemoryKind, "copy", "read", "write")
PERFMODEL_ENUM(Carveout, "default", "max")
PERFMODEL_ENUM(Order, "rng_first", "gemm_first", "inside")
PERFMODEL_ENUM(BlockPart, "matmul", "all")
#undef PERFMODEL_ENUM

std::optional<Impl> parse_impl(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto family = parse_enum<Family>(text.substr(0, dash));
  if (!family) return std::nullopt;
  if (dash == std::string_view::npos) return Impl{*family, {}};
  const std::string_view version = text.substr(dash + 1);
  if (version.empty()) return std::nullopt;
  return Impl{*family, std::string(version)};
}

std::string impl_name(const Impl& impl) {
  std::string result(name_of(impl.family));
  if (!impl.version.empty()) result += "-" + impl.version;
  return result;
}

std::string impl_note(const Impl& impl) {
  if (impl.version.empty()) return {};
  const bool known = std::ranges::any_of(known_versions, [&](const KnownVersion& entry) {
    return entry.family == impl.family && entry.version == impl.version;
  });
  if (known) return {};
  const std::string family(name_of(impl.family));
  return "unknown version '" + impl.version + "' of " + family + ", predicted as " + family;
}

std::string generator_sequence(const Rng& rng) {
  if (rng.generator.empty()) {
    return rng.packed ? "mask_philox4x32" : "dropout_mask";
  }
  return rng.generator.find_first_of("./") == std::string::npos ? "mask_" + rng.generator : rng.generator;
}

MemoryBound memory_bound(MemoryKind kind, Bytes bytes, Dtype dtype) {
  switch (kind) {
    case MemoryKind::copy: return {kind, bytes / 2.0, bytes / 2.0, dtype};
    case MemoryKind::read: return {kind, bytes, Bytes(0.0), dtype};
    case MemoryKind::write: return {kind, Bytes(0.0), bytes, dtype};
  }
  return {};
}

Regime regime_of(const Operator& op, Regime otherwise) {
  if (op.regime) return *op.regime;
  if (std::holds_alternative<BlockRow>(op.work)) return Regime::sustained;
  if (std::holds_alternative<Overlap>(op.work)) return Regime::cold;
  return otherwise;
}

double visible_scores(const Attention& attention) {
  const auto q = static_cast<double>(attention.seq_q);
  const auto kv = static_cast<double>(attention.seq_kv);
  if (!attention.causal) return q * kv;
  // Query i sees i + 1 + kv - q keys; with more queries than keys the first q - kv see none.
  return q <= kv ? q * (kv - q) + q * (q + 1.0) / 2.0 : kv * (kv + 1.0) / 2.0;
}

Flops flops_of(const Work& work) {
  if (const auto* gemm = std::get_if<Gemm>(&work)) return flops(*gemm);
  if (const auto* attention = std::get_if<Attention>(&work)) return flops(*attention);
  if (const auto* overlap = std::get_if<Overlap>(&work)) return flops(overlap->gemm);
  return Flops(0.0);
}

double mask_elements(const Attention& attention) {
  return static_cast<double>(attention.batch) * static_cast<double>(attention.heads) *
         static_cast<double>(attention.seq_q) * static_cast<double>(attention.seq_kv);
}

}  // namespace perfmodel
