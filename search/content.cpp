#include "search/content.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "arch/fields.hpp"
#include "support/data_path.hpp"

namespace perfmodel {

namespace {

template <class Value>
void add_optional(Content& content, const std::optional<Value>& value) {
  content.add(value.has_value());
  if (value) content.add(*value);
}

void add_optional(Content& content, const std::optional<Bytes>& bytes) { content.add(bytes ? bytes->si() : -1.0); }

void add(Content& content, const Impl& impl) { content.add(std::string_view(impl_name(impl))); }

void add(Content& content, const Gemm& gemm) {
  content.add(gemm.m).add(gemm.n).add(gemm.k).add(gemm.dtype).add(gemm.out_dtype);
  add(content, gemm.impl);
  content.add(gemm.tile.has_value());
  if (gemm.tile) {
    content.add(gemm.tile->cta_m).add(gemm.tile->cta_n);
    add_optional(content, gemm.tile->cta_k);
  }
  for (const auto* field : {&gemm.stages, &gemm.cluster, &gemm.split_k, &gemm.ctas, &gemm.threads, &gemm.registers,
                            &gemm.warps, &gemm.spills}) {
    add_optional(content, *field);
  }
  add_optional(content, gemm.smem);
  add_optional(content, gemm.tma);
  add_optional(content, gemm.tma_store);
}

void add(Content& content, const Attention& attention) {
  for (const std::int64_t size : {attention.batch, attention.heads, attention.kv_heads, attention.seq_q,
                                  attention.seq_kv, attention.head_dim, attention.head_dim_v}) {
    content.add(size);
  }
  content.add(attention.causal).add(attention.dtype).add(attention.dropout).add(attention.dropout_source);
  content.add(attention.pass);
  add(content, attention.impl);
  for (const auto* field : {&attention.cta_m, &attention.cta_n, &attention.stages, &attention.warps,
                            &attention.registers, &attention.spills}) {
    add_optional(content, *field);
  }
  add_optional(content, attention.smem);
}

void add(Content& content, const Rng& rng) {
  content.add(rng.elements).add(rng.rounds).add(rng.bits);
  for (const auto* field : {&rng.ctas, &rng.threads, &rng.registers}) add_optional(content, *field);
}

template <class Other>
void add(Content&, const Other&) {}  // no suite has it

}  // namespace

Content& Content::add(std::string_view text) {
  add(text.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return *this;
}

ContentKey Content::key() const {
  const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), bytes_.size());
  return {hash.high64, hash.low64};
}

ContentKey key_of(const Machine& machine) {
  Machine copy = machine;
  Content content;
  content.add(perfmodel_version()).add(std::string_view(copy.id));
  for (const NamedConstant& each : present_constants(copy)) {
    content.add(std::string_view(each.key)).add(each.constant.get()).add(each.constant.source());
  }
  for (const ResidualQuantiles& residual : copy.calibration.residuals) {
    content.add(std::string_view(residual.op)).add(std::string_view(residual.regime));
    content.add(std::string_view(residual.limiter)).add(residual.n).add(residual.q05).add(residual.q95);
  }
  return content.key();
}

void add(Content& content, const Operator& op) {
  content.add(op.work.index());
  std::visit([&](const auto& work) { add(content, work); }, op.work);
  content.add(op.data).add(op.timer).add(op.bench.warmup.si()).add(op.bench.repetition.si());
  add_optional(content, op.regime);
}

void add(Content& content, const Move& move) {
  content.add(move.kind).add(std::string_view(move.target)).add(std::string_view(move.other)).add(move.value);
  content.add(move.operations.size());
  for (const std::string& operation : move.operations) content.add(std::string_view(operation));
}

void add(Content& content, const Candidate& candidate) {
  content.add(candidate.index());
  if (const auto* columns = std::get_if<KernelColumns>(&candidate)) {
    content.add(columns->given);
    for (std::size_t i = 0; i < columns->values.size(); ++i) {
      if (columns->has(i)) content.add(columns->values[i]);
    }
    if (columns->impl) add(content, *columns->impl);
    return;
  }
  const auto& program = std::get<ProgramCandidate>(candidate);
  content.add(std::string_view(program.program)).add(program.moves.size());
  for (const Move& move : program.moves) add(content, move);
  for (const Setting& setting : program.settings) content.add(std::string_view(setting.name)).add(setting.value);
}

}  // namespace perfmodel
