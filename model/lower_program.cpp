#include <fmt/core.h>

#include "model/lower_pipeline.hpp"
#include "model/pipeline_kernel.hpp"

namespace perfmodel {

namespace {

Plan lowered(const Machine& machine, const Library& library, const Operator& op, const LowerOptions& options) {
  const KernelProgram& program = *op.program;
  if (const auto* attention = std::get_if<Attention>(&op.work)) {
    return lower_attention_program(machine, program, *attention, options);
  }
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) {
    return lower_gemm_program(machine, library, program, *gemm, std::nullopt, options);
  }
  if (const auto* both = std::get_if<Overlap>(&op.work)) {
    return lower_gemm_program(machine, library, program, both->gemm, both->rng, options);
  }
  if (const auto* rng = std::get_if<Rng>(&op.work)) return lower_mask_program(machine, program, *rng, options);
  return refused_plan("no program can stand for it");
}

}  // namespace

Plan lower_program(const Machine& machine, const Library& library, const Operator& op, const LowerOptions& options) {
  try {
    const std::string reason = unfit(op.program->pipeline(), op.work);
    if (!reason.empty()) return refused_plan(reason);
    return lowered(machine, library, op, options);
  } catch (const InputError& error) {
    // Instructions that the machine lacks, parameters out of range at this shape.
    return refused_plan(error.diagnostics().all().front().message);
  }
}

}  // namespace perfmodel
