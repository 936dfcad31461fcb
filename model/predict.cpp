#include "model/predict.hpp"

#include "model/operation.hpp"
#include "model/overlap.hpp"

namespace perfmodel {

Estimate predict(const Machine& machine, const Library& library, const Operator& op, const PredictOptions& options) {
  if (std::holds_alternative<Overlap>(op.work)) {
    return predict_overlap(machine, library, op, options);
  }
  const Regime regime = regime_of(op, options.regime);
  const Prepared prepared = prepare(machine, library, op, regime, options);
  if (!prepared.feasible()) {
    return refused(prepared.plan.refusal, regime);
  }
  const ClockState clock = clock_of(machine, prepared, regime, options);
  return summarise(machine, op, prepared, clock, regime, options.fidelity);
}

}  // namespace perfmodel
