#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "model/hiding.hpp"
#include "model/interval.hpp"
#include "model/operation.hpp"
#include "model/predict.hpp"
#include "model/steps.hpp"

namespace perfmodel {

namespace {

constexpr std::array<double Utilisation::*, 8> shares{&Utilisation::tensor, &Utilisation::fma,   &Utilisation::alu,
                                                      &Utilisation::xu,     &Utilisation::issue, &Utilisation::smem,
                                                      &Utilisation::l2,     &Utilisation::dram};

// The GEMM's estimate with the mask beside it: their common time, and what both do meanwhile.
Estimate together(const Estimate& gemm, const Estimate& mask, Seconds time) {
  Estimate both = gemm;
  const double stretch = time / gemm.time;
  both.time = time;
  both.lower = stretch * gemm.lower;
  both.upper = stretch * gemm.upper;
  both.parts.steady += time - gemm.time;
  for (const auto share : shares) {
    const double weight = mask.time / gemm.time;
    both.utilisation.*share = std::min(1.0, (gemm.utilisation.*share + weight * mask.utilisation.*share) / stretch);
    both.executed.*share = std::min(1.0, (gemm.executed.*share + weight * mask.executed.*share) / stretch);
  }
  if (mask.time > gemm.time) {
    both.limiter = mask.limiter;
  }
  return both;
}

// Adds the items of a sequence up, one after the other.
class Summation {
 public:
  Summation(const Machine& machine, const Block& block, SequenceEstimate& sequence)
      : machine_(machine), block_(block), sequence_(sequence) {}

  void refuse(const Step& step) { add(item(*step.op, step.run, refused(step.refusal(), sequence_.regime))); }

  void add(const Step& step, const ClockState& clock) {
    Estimate own = summarise(machine_, step.run, step.prepared, clock, sequence_.regime);
    if (step.launch == nullptr) {
      add(item(*step.op, step.run, std::move(own)));
      return;
    }
    Estimate mask = summarise(machine_, step.mask_run, step.mask, clock, sequence_.regime);
    const Seconds time = time_of(machine_, step, clock.clock);
    Estimate both = together(own, mask, time);
    mask.time = time;
    SequenceItem beside = item(block_.operators[step.launch->mask], step.mask_run, std::move(mask));
    beside.name += "/" + step.op->op.name;
    beside.beside = step.op->op.name;
    beside.matmul = false;
    add(item(*step.op, step.run, std::move(both)));
    sequence_.items.push_back(std::move(beside));
  }

  void finish() {
    if (sequence_.total.si() > 0) {
      sequence_.clock = cycles_ / sequence_.total;
      sequence_.power = energy_ / sequence_.total;
    }
  }

 private:
  [[nodiscard]] SequenceItem item(const BlockOperator& op, const Operator& run, Estimate estimate) const {
    SequenceItem result;
    result.name = op.op.name;
    result.op = run;
    result.matmul = op.matmul;
    result.estimate = std::move(estimate);
    result.stream = op.stream;
    result.start = sequence_.total;
    return result;
  }

  void add(SequenceItem item) {
    const Estimate& estimate = item.estimate;
    sequence_.total += estimate.time;
    sequence_.roofline += estimate.roofline;
    if (item.matmul) {
      sequence_.matmul += estimate.time;
    }
    energy_ += estimate.power * estimate.time;
    cycles_ += estimate.clock * estimate.time;
    sequence_.items.push_back(std::move(item));
  }

  const Machine& machine_;
  const Block& block_;
  SequenceEstimate& sequence_;
  Joules energy_;
  Cycles cycles_;
};

// Where the masks that may be hidden are made; a conflict goes into the sequence.
std::vector<HidingPlan> choose_all(const Machine& machine, const Library& library, const Block& block,
                                   const PredictOptions& options, SequenceEstimate& sequence) {
  std::vector<HidingPlan> plans;
  if (std::ranges::none_of(block.operators, &BlockOperator::hidden)) {
    return plans;
  }
  std::optional<Hertz> clock = options.clock;
  const std::vector<Step> in_turn = prepare_steps(machine, library, block, sequence.regime, {}, options);
  if (!all_feasible(in_turn)) {
    return plans;
  }
  if (sequence.regime == Regime::sustained) {
    clock = common_clock(machine, in_turn, options).clock;
  }
  std::vector<std::size_t> taken;
  for (std::size_t i = 0; i < block.operators.size(); ++i) {
    if (!block.operators[i].hidden) {
      continue;
    }
    HidingChoice choice = choose_hiding(machine, library, block, i, sequence.regime, clock, taken, options);
    if (choice.conflict) {
      sequence.conflict = std::move(choice.conflict);
    }
    for (const HiddenLaunch& launch : choice.plan.launches) {
      taken.push_back(launch.host);
    }
    plans.push_back(std::move(choice.plan));
  }
  return plans;
}

// What became of a mask, once the sequence stands.
Hiding hiding_of(const Block& block, const HidingPlan& plan, Seconds in_turn, const SequenceEstimate& sequence) {
  Hiding hiding;
  hiding.mask = block.operators[plan.mask].op.name;
  hiding.in_turn = in_turn;
  hiding.why = plan.why;
  hiding.exposed = plan.launches.empty() ? in_turn : Seconds(0.0);
  const auto elements = static_cast<double>(std::get<Rng>(block.operators[plan.mask].op.work).elements);
  for (const HiddenLaunch& launch : plan.launches) {
    const std::string& host = block.operators[launch.host].op.name;
    const auto item = std::ranges::find(sequence.items, host, &SequenceItem::name);
    hiding.exposed += item->estimate.time * (1.0 - 1.0 / launch.slowdown);
    hiding.parts.push_back({.host = host,
                            .previous = launch.previous,
                            .kernel = launch.kernel,
                            .share = static_cast<double>(launch.rng.elements) / elements,
                            .ctas = launch.rng.ctas.value_or(0),
                            .threads = launch.rng.threads.value_or(0),
                            .slowdown = launch.slowdown});
  }
  return hiding;
}

void describe_masks(const Machine& machine, const Library& library, const Block& block,
                    const std::vector<HidingPlan>& plans, const PredictOptions& options, SequenceEstimate& sequence) {
  for (const BlockOperator& op : block.operators) {
    Bytes written;
    for (const TensorUse& tensor : op.writes) {
      written += tensor.bytes;
    }
    if (std::holds_alternative<Rng>(op.op.work)) {
      sequence.mask = std::max(sequence.mask, written);
    }
  }
  for (const HidingPlan& plan : plans) {
    PredictOptions alone = options;
    alone.describe = false;
    alone.regime = sequence.regime;
    if (sequence.regime == Regime::sustained) {
      alone.clock = sequence.clock;
    }
    const Operator& mask = block.operators[plan.mask].op;
    const Seconds in_turn = predict(machine, library, mask, alone).time;
    sequence.hiding.push_back(hiding_of(block, plan, in_turn, sequence));
  }
}

}  // namespace

SequenceEstimate predict(const Machine& machine, const Library& library, const Block& block,
                         const PredictOptions& options) {
  SequenceEstimate sequence;
  sequence.name = block.name;
  sequence.regime = block.regime.value_or(block.single_operator ? options.regime : Regime::sustained);
  const std::vector<HidingPlan> plans = choose_all(machine, library, block, options, sequence);
  const std::vector<Step> steps = prepare_steps(machine, library, block, sequence.regime, plans, options);
  const bool feasible = all_feasible(steps);
  const bool steady = sequence.regime == Regime::sustained && feasible;
  ClockState clock;
  if (steady) {
    clock = common_clock(machine, steps, options);
  }
  Summation sum(machine, block, sequence);
  for (const Step& step : steps) {
    if (!step.feasible()) {
      sum.refuse(step);
      continue;
    }
    const ClockState own = steady ? clock : clock_of(machine, step.prepared, sequence.regime, options);
    sequence.clock_limit = own.limit;
    sum.add(step, own);
  }
  sum.finish();
  if (steady) {
    sequence.power = clock.power;
  }
  describe_masks(machine, library, block, plans, options, sequence);
  set_interval(machine, sequence);
  return sequence;
}

}  // namespace perfmodel
