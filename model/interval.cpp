#include "model/interval.hpp"

#include <algorithm>

namespace perfmodel {

namespace {

constexpr std::int64_t enough_rows = 20;
constexpr double unknown_error = 0.30;

// How well a class of residuals describes the estimate; 0 if it is of something else.
int match(const ResidualQuantiles& residual, std::string_view op, std::string_view regime, std::string_view limiter) {
  if (residual.op != op || residual.n < enough_rows) {
    return 0;
  }
  if (residual.regime == "any") {
    return 1;
  }
  if (residual.regime != regime) {
    return 0;
  }
  if (residual.limiter == "any") {
    return 2;
  }
  return residual.limiter == limiter ? 3 : 0;
}

}  // namespace

std::string_view residual_class(const Operator& op) {
  if (const auto* attention = std::get_if<Attention>(&op.work)) {
    if (attention->impl.family == Family::triton && attention->cta_m) return "attention_tiles";
    return attention->pass == Pass::fwd ? "attention_fwd" : "attention_bwd";
  }
  if (const auto* gemm = std::get_if<Gemm>(&op.work); gemm != nullptr && gemm->impl.family == Family::triton) {
    return "gemm_tiles";
  }
  static constexpr std::array<std::string_view, 6> names = {"gemm", "attention", "rng", "membound", "overlap", "block"};
  return names[op.work.index()];
}

namespace {

const ResidualQuantiles* narrowest(const Machine& machine, std::string_view op, std::string_view regime,
                                   std::string_view limiter) {
  const ResidualQuantiles* best = nullptr;
  int best_match = 0;
  for (const ResidualQuantiles& residual : machine.calibration.residuals) {
    const int how = match(residual, op, regime, limiter);
    if (how > best_match) {
      best_match = how;
      best = &residual;
    }
  }
  return best;
}

// Tiles of the author's own choice err by themselves; where none were measured, as other code of the operator does.
std::string_view wider(std::string_view op) {
  return op == "gemm_tiles" ? "gemm" : op == "attention_tiles" ? "attention_fwd" : op;
}

}  // namespace

void set_interval(const Machine& machine, const Operator& op, Estimate& estimate) {
  const std::string_view regime = name_of(estimate.regime);
  const std::string_view limiter = limiter_name(estimate.limiter);
  const ResidualQuantiles* residual = narrowest(machine, residual_class(op), regime, limiter);
  if (residual == nullptr) residual = narrowest(machine, wider(residual_class(op)), regime, limiter);
  // A class that is off to one side alone still counts its own prediction as possible.
  estimate.lower = (1.0 + (residual != nullptr ? std::min(0.0, residual->q05) : -unknown_error)) * estimate.time;
  estimate.upper = (1.0 + (residual != nullptr ? std::max(0.0, residual->q95) : unknown_error)) * estimate.time;
}

void set_interval(const Machine& machine, SequenceEstimate& sequence) {
  const ResidualQuantiles* residual =
      sequence.items.size() > 1 ? narrowest(machine, "block", name_of(sequence.regime), "any") : nullptr;
  if (residual != nullptr) {
    sequence.lower = (1.0 + residual->q05) * sequence.total;
    sequence.upper = (1.0 + residual->q95) * sequence.total;
    sequence.matmul_lower = (1.0 + residual->q05) * sequence.matmul;
    sequence.matmul_upper = (1.0 + residual->q95) * sequence.matmul;
    return;
  }
  for (const SequenceItem& item : sequence.items) {
    if (!item.beside.empty()) {
      continue;
    }
    sequence.lower += item.estimate.lower;
    sequence.upper += item.estimate.upper;
    if (item.matmul) {
      sequence.matmul_lower += item.estimate.lower;
      sequence.matmul_upper += item.estimate.upper;
    }
  }
}

}  // namespace perfmodel
