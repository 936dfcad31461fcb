#include "model/deferral.hpp"

#include "model/interval.hpp"

namespace perfmodel {

namespace {

constexpr double wide = 0.30;            // width of the 90 % interval over the time
constexpr double mostly_latency = 0.60;  // share of the time in launch and fill
constexpr double much_tail = 0.35;       // share of the time in the last wave
constexpr double tie = 0.02;             // slack

int spills_of(const Operator& op) {
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) return gemm->spills.value_or(0);
  if (const auto* attention = std::get_if<Attention>(&op.work)) return attention->spills.value_or(0);
  return 0;
}

bool has_residuals(const Machine& machine, std::string_view op) {
  for (const ResidualQuantiles& residual : machine.calibration.residuals) {
    if (residual.op == op) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string_view> names_of(DeferReasons reasons) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < defer_reason_names.size(); ++i) {
    if (reasons.has(static_cast<DeferReason>(i))) names.push_back(defer_reason_names[i]);
  }
  return names;
}

DeferReasons defer_reasons(const Machine& machine, const Operator& op, const Estimate& estimate) {
  DeferReasons reasons;
  const Seconds time = estimate.time;
  if (!has_residuals(machine, residual_class(op))) {
    reasons.add(DeferReason::no_residuals);
  } else if (estimate.upper - estimate.lower > wide * time) {
    reasons.add(DeferReason::wide_residuals);
  }
  if (spills_of(op) > 0) reasons.add(DeferReason::spills);
  if (estimate.parts.launch + estimate.parts.fill > mostly_latency * time) reasons.add(DeferReason::latency);
  if (estimate.parts.tail > much_tail * time) reasons.add(DeferReason::partial_wave);
  if (estimate.slack < tie) reasons.add(DeferReason::near_tie);
  return reasons;
}

}  // namespace perfmodel
