// The operators of a block on their way through the model, in order of execution, each lowered with the L2 as those
// before it leave it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/clock.hpp"
#include "model/hiding.hpp"
#include "model/operation.hpp"

namespace perfmodel {

// Part of a mask, made beside a GEMM.
struct MaskBeside {
  const HiddenLaunch* launch = nullptr;
  Operator run;
  Prepared prepared;
  Beside together;  // of the two, each prepared by itself
};

// An operator in its turn. `beside`: part of a mask is made within its time.
struct SequenceStep {
  const BlockOperator* op = nullptr;
  Operator run;  // as it runs: by the kernel that leaves room, where the library's leaves none
  Prepared prepared;
  std::unique_ptr<const MaskBeside> beside;

  [[nodiscard]] bool feasible() const {
    return prepared.feasible() && (beside == nullptr || beside->prepared.feasible());
  }
  [[nodiscard]] const std::string& refusal() const {
    return prepared.feasible() && beside != nullptr ? beside->prepared.plan.refusal : prepared.plan.refusal;
  }
};

// Masks that `plans` launch beside GEMMs have no step of their own. Block and plans have to outlive the steps.
std::vector<SequenceStep> prepare_steps(const Machine& machine, const Library& library, const Block& block,
                                        const std::vector<HidingPlan>& plans, const HidingConditions& conditions,
                                        const PredictOptions& options);

bool all_feasible(const std::vector<SequenceStep>& steps);

Seconds time_of(const Machine& machine, const SequenceStep& step, Hertz clock);

// All of them at that clock, each at its own where there is none.
Seconds total_of(const Machine& machine, const std::vector<SequenceStep>& steps, const HidingConditions& conditions,
                 const PredictOptions& options);

// One clock for all: the steady repetition of them.
ClockState common_clock(const Machine& machine, const std::vector<SequenceStep>& steps, const PredictOptions& options);

}  // namespace perfmodel
