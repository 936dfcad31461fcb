// Lowering: from an operator to the kernels that a code family would launch for it on a machine.
#pragma once

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "model/kernel.hpp"
#include "workloads/library.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct LowerOptions {
  Regime regime = Regime::warm;
  bool describe = true;  // fill in Plan::description
  Fidelity fidelity = Fidelity::bound;
  PerLimiter<bool> without{};  // as in PredictOptions
  bool served = false;         // a serving framework calls it: its own kernels around the main one run as well
};

// The plan of any operator but Overlap and BlockRow (those are put together from plans). A type that the machine
// lacks, or a kernel that does not fit, comes back as a refusal. Where the operator does not give the tile, the
// library's menu is searched for the fastest.
Plan lower(const Machine& machine, const Library& library, const Operator& op, const LowerOptions& options);

Plan lower_gemm(const Machine& machine, const Library& library, const Gemm& gemm, const LowerOptions& options);
// What a code family's forward pass takes beside its main kernel, whichever way that was lowered: its start, and the
// kernels that run with it whatever its shape.
void add_family_parts(const Machine& machine, const Library& library, const Attention& attention, bool served,
                      Plan& plan);

Plan lower_attention(const Machine& machine, const Library& library, const Attention& attention,
                     const LowerOptions& options);
Plan lower_rng(const Machine& machine, const Library& library, const Rng& rng, const LowerOptions& options);
Plan lower_memory_bound(const Machine& machine, const MemoryBound& work, const LowerOptions& options);

// Dense tensor rate of one SM; zero if the machine lacks the type.
FlopsPerCycle tensor_rate(const Machine& machine, Dtype dtype);

}  // namespace perfmodel
