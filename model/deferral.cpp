#include "model/deferral.hpp"

#include <algorithm>

#include "model/interval.hpp"
#include "model/tile_attention.hpp"

namespace perfmodel {

namespace {

constexpr double wide = 0.30;            // width of the 90 % interval over the time
constexpr double mostly_latency = 0.55;  // share of the time in fill
constexpr int few_spills = 32;  // an eighth of a thread's registers: the compiler keeps so many out of the loop

int spills_of(const Operator& op) {
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) return gemm->spills.value_or(0);
  if (const auto* attention = std::get_if<Attention>(&op.work)) return attention->spills.value_or(0);
  return 0;
}

// Whether the fit saw rows of this op and regime that this bound; it keeps classes of ten and more.
bool has_residuals(const Machine& machine, std::string_view op, const Estimate& estimate) {
  return std::ranges::any_of(machine.calibration.residuals, [&](const ResidualQuantiles& residual) {
    return residual.op == op && residual.regime == name_of(estimate.regime) &&
           residual.limiter == limiter_name(estimate.limiter);
  });
}

// What a lone warp of attention loses to each step from scores to outputs depends on how the compiler has ordered its
// instructions; a GEMM's steps are waits for products alone. Of a tile's program the order is known unless each product
// is waited for: then some of the softmax runs meanwhile.
bool has_lone_warps(const Machine& machine, const Operator& op, const Estimate& estimate) {
  const auto* attention = std::get_if<Attention>(&op.work);
  if (attention == nullptr || estimate.limiter != Limiter::recurrence) return false;
  if (attention->impl.family == Family::triton && !waits_for_products(tile_attention(*attention, {}).config))
    return false;
  return estimate.resident_warps <= static_cast<double>(machine.limits.sub_partitions.value);
}

// Of a single kernel that moves operands; a small mask or copy is mostly launch, which is known well.
bool has_operands(const Operator& op) {
  return std::holds_alternative<Gemm>(op.work) || std::holds_alternative<Attention>(op.work);
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
  if (std::holds_alternative<BlockRow>(op.work)) return reasons;  // its limiter is only the most frequent of many
  if (!has_residuals(machine, residual_class(op), estimate)) reasons.add(DeferReason::no_residuals);
  if (estimate.upper - estimate.lower > wide * estimate.time) reasons.add(DeferReason::wide_residuals);
  if (spills_of(op) > few_spills) reasons.add(DeferReason::spills);
  if (has_operands(op) && estimate.parts.fill > mostly_latency * estimate.time) reasons.add(DeferReason::latency);
  if (has_lone_warps(machine, op, estimate)) reasons.add(DeferReason::lone_warps);
  return reasons;
}

}  // namespace perfmodel
