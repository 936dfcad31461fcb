// What a program takes of an SM: registers, shared memory, tensor memory, barriers, warps.
#pragma once

#include "arch/machine.hpp"
#include "support/diagnostic.hpp"
#include "workloads/pipeline.hpp"

namespace perfmodel {

// A ring needs two barriers of 8 bytes a slot.
Bytes barrier_bytes(const Pipeline& pipeline);

// A fault for every budget that `ctas_per_sm` CTAs of the program overrun, at the place of the largest part of it.
void check_budget(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults);
// Its errors alone.
void check_limits(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults);

}  // namespace perfmodel
