#include "model/interval.hpp"

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
    return attention->pass == Pass::fwd ? "attention_fwd" : "attention_bwd";
  }
  static constexpr std::array<std::string_view, 6> names = {"gemm", "attention", "rng", "membound", "overlap", "block"};
  return names[op.work.index()];
}

void set_interval(const Machine& machine, const Operator& op, Estimate& estimate) {
  const std::string_view name = residual_class(op);
  const std::string_view regime = name_of(estimate.regime);
  const std::string_view limiter = limiter_name(estimate.limiter);
  const ResidualQuantiles* best = nullptr;
  int best_match = 0;
  for (const ResidualQuantiles& residual : machine.calibration.residuals) {
    const int how = match(residual, name, regime, limiter);
    if (how > best_match) {
      best_match = how;
      best = &residual;
    }
  }
  const double low = best != nullptr ? best->q05 : -unknown_error;
  const double high = best != nullptr ? best->q95 : unknown_error;
  estimate.lower = (1.0 + low) * estimate.time;
  estimate.upper = (1.0 + high) * estimate.time;
}

}  // namespace perfmodel
