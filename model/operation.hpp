// An operator on its way through the model: lowered and checked once, timed at any clock. Internal to this room.
#pragma once

#include <optional>
#include <vector>

#include "model/clock.hpp"
#include "model/lower.hpp"
#include "model/predict.hpp"

namespace perfmodel {

// An operator lowered and checked, ready to be timed at any clock.
struct Prepared {
  Plan plan;
  std::vector<KernelWork> work;  // of each kernel
  std::vector<int> residency;    // CTAs of each that fit on an SM
  Load load;                     // of all kernels
  Seconds timer;                 // what the timer adds to the kernels' own time
  Load beside;                   // of what the timer runs between two repetitions
  Seconds beside_time;           // of it; zero where nothing does

  [[nodiscard]] bool feasible() const { return plan.refusal.empty(); }
};

// An operator's kernels at one clock, added up.
struct Timing {
  Seconds time;  // the timer's share included
  Seconds launch;
  Seconds fill;
  Seconds steady;
  Seconds tail;
  PerLimiter<Seconds> bounds;
  Demand busy;
  Demand held;  // of it, without executing
  Traffic traffic;
};

// Residency of every kernel and what the L2 holds when each starts.
// `start` is what the first kernel finds in the L2, where that is known better than from the regime alone.
Prepared prepare(const Machine& machine, const Library& library, const Operator& op, Regime regime,
                 const PredictOptions& options, const std::optional<L2State>& start = {});
// The same for a plan that is there already.
Prepared prepare(const Machine& machine, Plan plan, const Operator& op, Regime regime, const PredictOptions& options,
                 const std::optional<L2State>& start = {});

// All kernels and the timer's share.
Seconds duration(const Machine& machine, const Prepared& prepared, Hertz clock);
Timing timing_at(const Machine& machine, const Prepared& prepared, Hertz clock);

// The clock of the operator alone, measured as its regime and timer say.
ClockState clock_of(const Machine& machine, const Operator& op, const Prepared& prepared, Regime regime,
                    const PredictOptions& options);

// The estimate of an operator whose clock is known.
Estimate summarise(const Machine& machine, const Operator& op, const Prepared& prepared, const ClockState& clock,
                   Regime regime);

// The estimate of what cannot run.
Estimate refused(std::string why, Regime regime);

}  // namespace perfmodel
