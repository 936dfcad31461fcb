// The 90 % interval of a prediction, from the errors that the fit left on whole shape families it had not seen.
#pragma once

#include "arch/machine.hpp"
#include "model/estimate.hpp"

namespace perfmodel {

// The class of an operator for residuals: "gemm", "attention_fwd", "attention_bwd", "rng", "membound", "overlap".
std::string_view residual_class(const Operator& op);

// Fills in estimate.lower and .upper from the narrowest class of residuals with enough rows: operator, regime and
// limiter; operator and regime; operator. Without any, 30 % either way.
void set_interval(const Machine& machine, const Operator& op, Estimate& estimate);

// The interval of a block: from the residuals of whole blocks, since the errors of one block's operators go together;
// a single operator keeps its own. Without residuals of blocks, the operators' intervals add up.
void set_interval(const Machine& machine, SequenceEstimate& sequence);

}  // namespace perfmodel
