#include "model/predict.hpp"

#include "model/library_choice.hpp"
#include "model/lower_pipeline.hpp"
#include "model/operation.hpp"
#include "model/overlap.hpp"
#include "model/program_runs.hpp"

namespace perfmodel {

Estimate predict(const Machine& machine, const Library& library, const Operator& op, const PredictOptions& options) {
  if (std::holds_alternative<Overlap>(op.work) && !op.program) {
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

Estimate predict_program(const Machine& machine, const PipelineFile& file, std::span<const SequenceParameter> settings,
                         const Operator& op, const PredictOptions& options) {
  ProgramRuns runs(machine, file, settings);
  return predict_program(machine, file, runs, op, options);
}

Estimate predict_program(const Machine& machine, const PipelineFile& file, ProgramRuns& runs, const Operator& op,
                         const PredictOptions& options) {
  const Regime regime = regime_of(op, options.regime);
  const auto* attention = std::get_if<Attention>(&op.work);
  if (attention == nullptr) return refused("programs are scored on attention alone so far", regime);
  Plan plan = lower_program(machine, file, runs, *attention,
                            {.regime = regime, .describe = options.describe, .fidelity = options.fidelity});
  // The plan has been simulated; the chip need not do it again.
  PredictOptions planned = options;
  planned.fidelity = Fidelity::bound;
  const Prepared prepared = prepare(machine, std::move(plan), op, regime, planned);
  if (!prepared.feasible()) return refused(prepared.plan.refusal, regime);
  return summarise(machine, op, prepared, clock_of(machine, op, prepared, regime, options), regime);
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
  gemm->mma_pair = config.mma_pair;
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
