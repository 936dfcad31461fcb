// How much the CTAs of two kernels on one SM slow each other.
//
// Three things, found by probes and in the overlap tables (calibrate/FINDINGS.md, "Who slows whom"):
//   turns     A kernel whose warps go step by step (a GEMM's main loop) waits with every instruction until the other's
//             CTAs have had their turn. A scheduler stays with a CTA's warps while one of them can issue, so that a CTA
//             with two or more warps a sub-partition that are hardly ever all stalled lets nobody else in.
//   registers While the tensor cores work they read and write accumulators in the register file, and other warps' ALU,
//   FMA
//             and XU instructions lose a share of their pipe's time; 64-bit products all of it and more.
//   slots     Each instruction of the one takes an issue slot from the other.
// What both ask of a pipe adds up.
#pragma once

#include <array>

#include "arch/machine.hpp"
#include "model/program.hpp"

namespace perfmodel {

// So many CTAs of a kernel on the SM, of which each takes `item` for a work item while no other kernel is there.
struct CoResident {
  const Program* program = nullptr;
  int ctas = 1;
  Cycles item;
};

// What the kernel asks of an SM in a clock, alone: share of its time that each resource is busy.
std::array<double, resource_count> utilisation(const CoResident& resident);

// Times as long as alone that an item of each takes beside the other; infinite for one that gets no turn at all.
std::array<double, 2> slowdowns(const Machine& machine, const CoResident& a, const CoResident& b);

}  // namespace perfmodel
