// Instructions by class, priced on a machine: how many cycles they keep each resource of an SM busy.
#pragma once

#include <span>

#include "arch/machine.hpp"
#include "model/program.hpp"
#include "workloads/instruction_tally.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

// The demand of `threads` threads that each execute those instructions. A class that the machine does not know costs
// an issue slot only.
Demand price(const Machine& machine, std::span<const InstructionCount> instructions, double threads);

// The same as hardware counts it: an instruction executes on the first pipe it occupies beside `issue`, in one slot. The
// others, and any further slots, it only holds.
Demand executed(const Machine& machine, std::span<const InstructionCount> instructions, double threads);

// How many instructions of `power.instruction` take the energy of these.
double energy_weight(const Machine& machine, std::span<const InstructionCount> instructions);
double energy_weight(const Machine& machine, const InstructionTally& executed);

// Slots, or bytes, that the pipe of a resource takes: of issue, alu or smem, which every machine has.
PerCycle pipe_rate(const Machine& machine, Resource resource);

}  // namespace perfmodel
