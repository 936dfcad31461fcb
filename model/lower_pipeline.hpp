// Lowering by simulation: an operator with a program of its own, or whose code family has one.
#pragma once

#include <optional>
#include <span>

#include "model/lower.hpp"
#include "workloads/kernel_program.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// The program that the operator names. What does not suit the machine or the operator comes back as a refusal.
Plan lower_program(const Machine& machine, const Library& library, const Operator& op, const LowerOptions& options);

Plan lower_attention_program(const Machine& machine, const KernelProgram& program, const Attention& attention,
                             const LowerOptions& options);
// `mask`: made meanwhile by warps of the same kernel.
Plan lower_gemm_program(const Machine& machine, const Library& library, const KernelProgram& program, const Gemm& gemm,
                        const std::optional<Rng>& mask, const LowerOptions& options);
Plan lower_mask_program(const Machine& machine, const KernelProgram& program, const Rng& rng,
                        const LowerOptions& options);

// By code family. Nothing where no program stands for it on the machine's tensor cores, or where that does not suit.
std::optional<Plan> lower_attention_pipeline(const Machine& machine, const Library& library, const Attention& attention,
                                             const LowerOptions& options);
std::optional<Plan> lower_gemm_pipeline(const Machine& machine, const Library& library, const Gemm& gemm,
                                        const LowerOptions& options);
std::optional<Plan> lower_mask_pipeline(const Machine& machine, const Library& library, const Rng& rng,
                                        const LowerOptions& options);

class ProgramRuns;

// The plan of attention by a program and the settings of `runs`, whatever family the operator names. A program that
// does not do all of the work at these shapes, deadlocks or does not fit comes back as a refusal. At Fidelity::bound an
// item takes as long as its bounds say; else it is simulated.
Plan lower_program(const Machine& machine, const PipelineFile& file, ProgramRuns& runs, const Attention& attention,
                   const LowerOptions& options);

}  // namespace perfmodel
