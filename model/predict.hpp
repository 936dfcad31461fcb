// The way in: from an operator or a block, on a machine, to an estimate.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "workloads/block.hpp"
#include "workloads/library.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

struct HidingPlan;
class ProgramRuns;
// Where the masks of a block are made, one plan a mask that may be hidden (model/hiding.hpp).
using HidingPlans = std::shared_ptr<const std::vector<HidingPlan>>;

struct PredictOptions {
  Regime regime = Regime::warm;  // for operators that say none
  Fidelity fidelity = Fidelity::pipeline;
  bool describe = true;        // fill in Estimate::kernel; bulk scoring leaves it out
  bool emptied = false;  // every kernel finds the L2 empty and clean, as a profiler leaves it between its passes
  std::optional<Hertz> clock;  // run at this SM clock instead of working it out
  // What is left out of the reckoning, to see what it costs: wave (items spread evenly), recurrence (no dependent
  // steps), fill, launch, l2 and dram. The pipes and the power limit are the machine's to change.
  PerLimiter<bool> without{};
  HidingPlans hiding{};  // of an earlier prediction of the same block: not chosen anew
};

// One operator alone. What cannot run comes back with a refusal, not as an exception. A block row must have been
// expanded into its block before (workloads/block.hpp): by itself it is refused. Deterministic, reads no files.
Estimate predict(const Machine& machine, const Library& library, const Operator& op, const PredictOptions& options);

// Attention by a program and its settings, whatever family the operator names. What does not read throws InputError;
// what leaves work out, deadlocks or does not fit comes back with a refusal. Fidelity::bound takes the program's
// bounds, the others simulate it.
Estimate predict_program(const Machine& machine, const PipelineFile& file, std::span<const SequenceParameter> settings,
                         const Operator& op, const PredictOptions& options);
// The same by what earlier predictions of that program with its settings have worked out (model/program_runs.hpp).
Estimate predict_program(const Machine& machine, const PipelineFile& file, ProgramRuns& runs, const Operator& op,
                         const PredictOptions& options);

// The operators of a block in order, the L2's content carried along; one clock for a sustained block.
SequenceEstimate predict(const Machine& machine, const Library& library, const Block& block,
                         const PredictOptions& options);

// Fills in the kernel that the library would choose for every GEMM without a tile, so that later predictions need not
// search again: for what-ifs and fits that should hold the choice still.
void choose_kernels(const Machine& machine, const Library& library, Operator& op);
void choose_kernels(const Machine& machine, const Library& library, Block& block);

}  // namespace perfmodel
