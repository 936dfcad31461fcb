// What a program holds and does not say: registers of a thread and their spills, bytes of a ring's slots.
#pragma once

#include "workloads/pipeline.hpp"

namespace perfmodel {

// Registers that a thread of the role needs: the accumulators and fragments that are live at once, and what addresses,
// barriers and temporaries take. Seen on compiled kernels: Triton GEMMs of wgmma fed by TMA have 26 over their
// accumulators, exactly; Triton attention a quarter of accumulators more, for the softmax (H100, gemm_tiles.csv and
// attention_tiles.csv).
double needed_registers(const Pipeline& pipeline, int role);

// Registers that a thread cannot do without whatever the compiler does: the accumulators of its products.
double accumulator_registers(const Pipeline& pipeline, int role);

// Fills in what roles and rings leave open. Roles without registers get what they need, rounded to eight, as far as
// the register file holds them; what they lack then is spilled: a store and a load of it in every iteration. Slots
// without bytes that a TMA load fills get the load's. Tensor memory is taken as stated: programs lay results over each
// other in it.
void predict_holdings(Pipeline& pipeline);

}  // namespace perfmodel
