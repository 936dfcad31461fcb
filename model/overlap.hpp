// A mask RNG on a second stream beside a GEMM, as the overlap tables have it.
#pragma once

#include "model/predict.hpp"

namespace perfmodel {

// The time to the end of both, from the start of the first. `sequence` of the estimate is the GEMM alone plus the same
// mask by a full-grid RNG kernel alone; utilisation and traffic are of both together.
Estimate predict_overlap(const Machine& machine, const Library& library, const Operator& op,
                         const PredictOptions& options);

}  // namespace perfmodel
