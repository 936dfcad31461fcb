// Two operators of a block that exclude each other on a machine, as an error with both places.
#pragma once

#include <string>

#include "model/estimate.hpp"
#include "workloads/block.hpp"

namespace perfmodel {

// Throws InputError if the estimate has a conflict.
void throw_conflict(const SequenceEstimate& estimate, const Block& block, const std::string& machine);

}  // namespace perfmodel
