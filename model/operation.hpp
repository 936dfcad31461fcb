// An operator on its way through the model: lowered and checked once, timed at any clock. Internal to this room.
#pragma once

#include <array>

#include "model/clock.hpp"
#include "model/lower.hpp"
#include "model/predict.hpp"

namespace perfmodel {

// An operator lowered and checked, ready to be timed at any clock.
struct Prepared {
  Plan plan;
  std::array<int, max_kernels> residency{};
  std::array<L2State, max_kernels> l2{};
  Timer timer = Timer::cupti;
  DataKind data = DataKind::random;

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
  Traffic traffic;
  Load load;
};

// Residency of every kernel and what the L2 holds when each starts.
Prepared prepare(const Machine& machine, const Library& library, const Operator& op, Regime regime,
                 const PredictOptions& options);

Timing timing_at(const Machine& machine, const Prepared& prepared, Hertz clock, Fidelity fidelity);

// The clock of the operator alone.
ClockState clock_of(const Machine& machine, const Prepared& prepared, Regime regime, const PredictOptions& options);

// The estimate of an operator whose clock is known.
Estimate summarise(const Machine& machine, const Operator& op, const Prepared& prepared, const ClockState& clock,
                   Regime regime, Fidelity fidelity);

// The estimate of what cannot run.
Estimate refused(std::string why, Regime regime);

}  // namespace perfmodel
