#include "model/steps.hpp"

#include <algorithm>
#include <optional>

#include "model/l2_content.hpp"

namespace perfmodel {

namespace {

bool hidden(const std::vector<HidingPlan>& plans, std::size_t op) {
  return std::ranges::any_of(plans, [&](const HidingPlan& plan) { return plan.mask == op && !plan.launches.empty(); });
}

const HiddenLaunch* launch_beside(const std::vector<HidingPlan>& plans, std::size_t op) {
  for (const HidingPlan& plan : plans) {
    const auto found = std::ranges::find(plan.launches, op, &HiddenLaunch::host);
    if (found != plan.launches.end()) {
      return &*found;
    }
  }
  return nullptr;
}

// Kernels of one stream follow each other with the stream's gaps.
Operator in_stream(Operator op, const Block& block) {
  if (block.operators.size() > 1 && op.timer == Timer::cupti) {
    op.timer = Timer::events;
  }
  return op;
}

}  // namespace

std::vector<SequenceStep> prepare_steps(const Machine& machine, const Library& library, const Block& block,
                                        const std::vector<HidingPlan>& plans, const HidingConditions& conditions,
                                        const PredictOptions& options) {
  const Regime regime = conditions.regime;
  L2Content content(0.8 * machine.l2.capacity.value);
  // A steady repetition starts with what its own end leaves.
  if (regime != Regime::cold) {
    for (const BlockOperator& op : block.operators) {
      content.use(op);
    }
  }
  std::vector<SequenceStep> steps;
  steps.reserve(block.operators.size());  // they are large
  for (std::size_t i = 0; i < block.operators.size(); ++i) {
    const BlockOperator& op = block.operators[i];
    if (hidden(plans, i)) {
      continue;
    }
    std::optional<L2State> start;
    if (!op.reads.empty() && (regime != Regime::cold || !steps.empty())) {
      start = L2State{.resident = content.resident(op.reads), .dirty = Bytes(0), .repeated = true};
    }
    SequenceStep& step = steps.emplace_back();
    step.op = &op;
    step.run = op.op;
    content.use(op);
    if (const HiddenLaunch* launch = launch_beside(plans, i)) {
      const BlockOperator& mask = block.operators[launch->mask];
      auto beside_it = std::make_unique<MaskBeside>();
      beside_it->launch = launch;
      beside_it->run = mask.op;
      beside_it->run.work = launch->rng;
      beside_it->prepared = prepare(machine, library, beside_it->run, regime, options);
      beside_it->together = beside(machine, library, block, *launch, conditions);
      step.run.work = launch->gemm;
      step.beside = std::move(beside_it);
      for (const TensorUse& tensor : mask.writes) {
        content.use(tensor);
      }
    }
    step.prepared = prepare(machine, library, in_stream(step.run, block), regime, options, start);
  }
  return steps;
}

bool all_feasible(const std::vector<SequenceStep>& steps) {
  return std::ranges::all_of(steps, &SequenceStep::feasible);
}

Seconds time_of(const Machine& machine, const SequenceStep& step, Hertz clock) {
  const Seconds own = duration(machine, step.prepared, clock);
  if (step.beside == nullptr) {
    return own;
  }
  return step.beside->together.stretch() * (own + duration(machine, step.beside->prepared, clock));
}

Seconds total_of(const Machine& machine, const std::vector<SequenceStep>& steps, const HidingConditions& conditions,
                 const PredictOptions& options) {
  Seconds sum;
  for (const SequenceStep& step : steps) {
    const Hertz clock = conditions.clock
                            ? *conditions.clock
                            : clock_of(machine, step.op->op, step.prepared, conditions.regime, options).clock;
    sum += time_of(machine, step, clock);
  }
  return sum;
}

ClockState common_clock(const Machine& machine, const std::vector<SequenceStep>& steps, const PredictOptions& options) {
  const auto total = [&](Hertz clock) {
    Seconds sum;
    for (const SequenceStep& step : steps) {
      sum += time_of(machine, step, clock);
    }
    return sum;
  };
  Load load;
  for (const SequenceStep& step : steps) {
    load += step.prepared.load;
    if (step.beside != nullptr) {
      load += step.beside->prepared.load;
    }
  }
  if (options.clock) {
    return {*options.clock, ClockLimit::top, power_at(machine, load, total(*options.clock), *options.clock)};
  }
  return steady_clock(machine, load, total);
}

}  // namespace perfmodel
