// A mask RNG on a second stream beside a GEMM.
#pragma once

#include "model/predict.hpp"

namespace perfmodel {

// First approximation in closed form. The kernels run one after the other where the GEMM's CTAs cannot join the RNG's
// on an SM: with the default carve-out, which leaves the GEMM no shared memory until the RNG has drained, and where
// registers or shared memory do not suffice for both. Otherwise the GEMM proceeds at the share of the issue port
// that the RNG leaves free.
Estimate predict_overlap(const Machine& machine, const Library& library, const Operator& op,
                         const PredictOptions& options);

}  // namespace perfmodel
