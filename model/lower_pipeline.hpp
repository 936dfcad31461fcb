// Lowering by simulation: an operator whose code family has a pipeline program.
#pragma once

#include <optional>
#include <span>

#include "model/lower.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// Nothing where no program stands for the family, the pass, the mask and the machine's tensor cores.
std::optional<Plan> lower_attention_pipeline(const Machine& machine, const Library& library, const Attention& attention,
                                             const LowerOptions& options);

// The plan of attention by a program and its settings, whatever family the operator names. A program that does not do
// all of the work at these shapes, deadlocks or does not fit comes back as a refusal. At Fidelity::bound an item takes
// as long as its bounds say; else it is simulated.
Plan lower_program(const Machine& machine, const PipelineFile& file, std::span<const SequenceParameter> settings,
                   const Attention& attention, const LowerOptions& options);

}  // namespace perfmodel
