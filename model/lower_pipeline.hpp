// Lowering by simulation: an operator whose code family has a pipeline program.
#pragma once

#include <optional>

#include "model/lower.hpp"

namespace perfmodel {

// Nothing where no program stands for the family, the pass, the mask and the machine's tensor cores.
std::optional<Plan> lower_attention_pipeline(const Machine& machine, const Library& library, const Attention& attention,
                                             const LowerOptions& options);

}  // namespace perfmodel
