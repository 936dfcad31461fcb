#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "model/hiding.hpp"
#include "model/hiding_plans.hpp"
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

  void refuse(const SequenceStep& step) { add(item(*step.op, step.run, refused(step.refusal(), sequence_.regime))); }

  void add(const SequenceStep& step, const ClockState& clock) {
    Estimate own = summarise(machine_, step.run, step.prepared, clock, sequence_.regime);
    if (step.beside == nullptr) {
      add(item(*step.op, step.run, std::move(own)));
      return;
    }
    Estimate mask = summarise(machine_, step.beside->run, step.beside->prepared, clock, sequence_.regime);
    const Seconds time = time_of(machine_, step, clock.clock);
    Estimate both = together(own, mask, time);
    const Beside& outcome = step.beside->together;
    mask.time = (outcome.mask_end / outcome.both) * time;
    SequenceItem beside = item(block_.operators[step.beside->launch->mask], step.beside->run, std::move(mask));
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

// A prediction on its way: the block, the conditions, and where its masks are made.
class Course {
 public:
  Course(const Machine& machine, const Library& library, const Block& block, const PredictOptions& options)
      : machine_(machine), library_(library), block_(block), options_(options) {
    conditions_.regime = block.regime.value_or(block.single_operator ? options.regime : Regime::sustained);
    conditions_.clock = options.clock;
    conditions_.fidelity = options.fidelity;
  }

  SequenceEstimate predict() {
    sequence_.name = block_.name;
    sequence_.regime = conditions_.regime;
    if (std::ranges::any_of(block_.operators, &BlockOperator::hidden)) {
      plan_masks();
    }
    const std::vector<SequenceStep> steps = prepared(plans_);
    const ClockState clock = add_steps(steps);
    if (steady(steps)) {
      sequence_.power = clock.power;
    }
    describe_masks(steps);
    set_interval(machine_, sequence_);
    return std::move(sequence_);
  }

 private:
  [[nodiscard]] std::vector<SequenceStep> prepared(const std::vector<HidingPlan>& plans) const {
    return prepare_steps(machine_, library_, block_, plans, conditions_, options_);
  }

  [[nodiscard]] bool steady(const std::vector<SequenceStep>& steps) const {
    return sequence_.regime == Regime::sustained && all_feasible(steps);
  }

  // With the masks in their turn first: that gives about the clock, and what hiding has to be better than.
  void plan_masks() {
    const std::vector<SequenceStep> in_turn = prepared({});
    if (!all_feasible(in_turn)) {
      return;
    }
    if (steady(in_turn)) {
      conditions_.clock = common_clock(machine_, in_turn, options_).clock;
    }
    if (options_.hiding) {
      plans_ = *options_.hiding;
    } else {
      choose_plans(total_of(in_turn));
    }
    sequence_.plans = std::make_shared<const std::vector<HidingPlan>>(plans_);
  }

  // At the clock that these steps run at: under the power limit a kernel that takes more energy slows all of them.
  [[nodiscard]] Seconds total_of(const std::vector<SequenceStep>& steps) const {
    HidingConditions own = conditions_;
    if (steady(steps)) {
      own.clock = common_clock(machine_, steps, options_).clock;
    }
    return perfmodel::total_of(machine_, steps, own, options_);
  }

  // Mask by mask, the first of its plans that leaves the whole shorter.
  void choose_plans(Seconds best) {
    constexpr double worth_it = 0.999;
    std::vector<std::size_t> taken;
    for (std::size_t i = 0; i < block_.operators.size(); ++i) {
      if (!block_.operators[i].hidden) {
        continue;
      }
      if (!sequence_.conflict) {
        sequence_.conflict = grid_conflict(machine_, library_, block_, i, conditions_);
      }
      plans_.push_back({i, {}, {}});
      for (HidingPlan& plan : hiding_plans(machine_, library_, block_, i, taken, conditions_)) {
        std::swap(plans_.back(), plan);
        const Seconds total = total_of(prepared(plans_));
        if (total < worth_it * best || plans_.back().launches.empty()) {
          best = std::min(best, total);
          break;
        }
      }
      for (const HiddenLaunch& launch : plans_.back().launches) {
        taken.push_back(launch.host);
      }
    }
  }

  // The clock of the last one, that of all in a steady repetition.
  ClockState add_steps(const std::vector<SequenceStep>& steps) {
    ClockState clock;
    if (steady(steps)) {
      clock = common_clock(machine_, steps, options_);
    }
    Seconds longest;
    Summation sum(machine_, block_, sequence_);
    for (const SequenceStep& step : steps) {
      if (!step.feasible()) {
        sum.refuse(step);
        continue;
      }
      if (!steady(steps)) {
        clock = clock_of(machine_, step.op->op, step.prepared, sequence_.regime, options_);
      }
      sum.add(step, clock);
      // Without a common clock, that of the operator that takes longest.
      const Seconds time = time_of(machine_, step, clock.clock);
      if (time > longest) {
        longest = time;
        sequence_.clock_limit = clock.limit;
      }
    }
    sum.finish();
    return clock;
  }

  void describe_masks(const std::vector<SequenceStep>& steps) {
    for (const BlockOperator& op : block_.operators) {
      Bytes written;
      for (const TensorUse& tensor : op.writes) {
        written += tensor.bytes;
      }
      if (std::holds_alternative<Rng>(op.op.work)) {
        sequence_.mask = std::max(sequence_.mask, written);
      }
    }
    for (const HidingPlan& plan : plans_) {
      sequence_.hiding.push_back(hiding_of(plan, steps));
    }
  }

  // What became of a mask, once the sequence stands.
  [[nodiscard]] Hiding hiding_of(const HidingPlan& plan, const std::vector<SequenceStep>& steps) const {
    const BlockOperator& mask = block_.operators[plan.mask];
    const auto elements = static_cast<double>(std::get<Rng>(mask.op.work).elements);
    Hiding hiding;
    hiding.mask = mask.op.name;
    hiding.in_turn = mask_in_turn(machine_, library_, block_, plan.mask, conditions_);
    hiding.exposed = plan.launches.empty() ? hiding.in_turn : Seconds(0.0);
    std::vector<Beside> outcomes;
    for (const SequenceStep& step : steps) {
      if (step.beside == nullptr || step.beside->launch->mask != plan.mask) {
        continue;
      }
      const HiddenLaunch& launch = *step.beside->launch;
      const Beside& together = step.beside->together;
      outcomes.push_back(together);
      hiding.exposed += together.added();
      hiding.parts.push_back({.host = step.op->op.name,
                              .previous = launch.previous,
                              .kernel = launch.kernel,
                              .share = static_cast<double>(launch.rng.elements) / elements,
                              .ctas = launch.rng.ctas.value_or(0),
                              .threads = launch.rng.threads.value_or(0),
                              .slowdown = together.both / together.library});
    }
    hiding.why = plan.launches.empty() ? plan.why_not : hiding_obstacle(outcomes);
    return hiding;
  }

  const Machine& machine_;
  const Library& library_;
  const Block& block_;
  const PredictOptions& options_;
  HidingConditions conditions_;
  std::vector<HidingPlan> plans_;
  SequenceEstimate sequence_;
};

}  // namespace

SequenceEstimate predict(const Machine& machine, const Library& library, const Block& block,
                         const PredictOptions& options) {
  return Course(machine, library, block, options).predict();
}

}  // namespace perfmodel
