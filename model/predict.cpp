#include "model/predict.hpp"

#include "model/library_choice.hpp"
#include "model/operation.hpp"
#include "model/overlap.hpp"

namespace perfmodel {

Estimate predict(const Machine& machine, const Library& library, const Operator& op, const PredictOptions& options) {
  if (std::holds_alternative<Overlap>(op.work)) {
    return predict_overlap(machine, library, op, options);
  }
  const Regime regime = regime_of(op, options.regime);
  const Prepared prepared = prepare(machine, library, op, regime, options);
  if (!prepared.feasible()) {
    return refused(prepared.plan.refusal, regime);
  }
  const ClockState clock = clock_of(machine, op, prepared, regime, options);
  return summarise(machine, op, prepared, clock, regime);
}

void choose_kernels(const Machine& machine, const Library& library, Operator& op) {
  auto* gemm = std::get_if<Gemm>(&op.work);
  if (gemm == nullptr || gemm->tile || gemm->impl.family == Family::triton ||
      tensor_rate(machine, gemm->dtype).si() <= 0) {
    return;
  }
  const GemmConfig config = chosen_config(machine, library, *gemm);
  gemm->tile = GemmTile{config.cta_m, config.cta_n, config.cta_k};
  gemm->stages = config.stages;
  gemm->cluster = config.cluster;
  gemm->split_k = config.split_k;
  gemm->ctas = static_cast<int>(config.ctas);
  gemm->threads = 32 * config.warps;
  gemm->registers = config.registers;
  gemm->smem = config.smem;
}

void choose_kernels(const Machine& machine, const Library& library, Block& block) {
  for (BlockOperator& op : block.operators) {
    choose_kernels(machine, library, op.op);
  }
}

}  // namespace perfmodel
