// The operators of a block on their way through the model, in order of execution, each lowered with the L2 as those
// before it leave it.
#pragma once

#include <vector>

#include "model/clock.hpp"
#include "model/hiding.hpp"
#include "model/operation.hpp"

namespace perfmodel {

// An operator in its turn. `launch`: part of a mask is made beside it, within its time.
struct SequenceStep {
  const BlockOperator* op = nullptr;
  Operator run;  // as it runs: by the kernel that leaves room, where the library's leaves none
  Prepared prepared;
  const HiddenLaunch* launch = nullptr;
  Operator mask_run;
  Prepared mask;
  Beside together;  // of the two, each prepared by itself

  [[nodiscard]] bool feasible() const { return prepared.feasible() && (launch == nullptr || mask.feasible()); }
  [[nodiscard]] const std::string& refusal() const {
    return prepared.feasible() ? mask.plan.refusal : prepared.plan.refusal;
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
