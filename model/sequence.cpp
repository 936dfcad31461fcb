#include <algorithm>
#include <list>
#include <optional>
#include <string>

#include "model/interval.hpp"
#include "model/operation.hpp"
#include "model/predict.hpp"

namespace perfmodel {

namespace {

// What the L2 holds between operators: the tensors used last, up to its capacity. A tensor larger than what is left
// stays in part, and one that alone exceeds the cache washes everything out.
class L2Content {
 public:
  explicit L2Content(Bytes capacity) : capacity_(capacity) {}

  // Share of those bytes that is in the cache.
  [[nodiscard]] double resident(const std::vector<TensorUse>& tensors) const {
    Bytes all;
    Bytes held;
    for (const TensorUse& tensor : tensors) {
      all += tensor.bytes;
      for (const TensorUse& kept : kept_) {
        if (kept.name == tensor.name) {
          held += std::min(kept.bytes, tensor.bytes);
        }
      }
    }
    return all.si() > 0 ? held / all : 0.0;
  }

  void use(const BlockOperator& op) {
    for (const auto* tensors : {&op.reads, &op.writes}) {
      for (const TensorUse& tensor : *tensors) {
        use(tensor);
      }
    }
  }

 private:
  void use(const TensorUse& tensor) {
    kept_.remove_if([&](const TensorUse& kept) { return kept.name == tensor.name; });
    // A stream larger than the cache leaves only its end, and that is not what the next reader starts with.
    if (tensor.bytes <= capacity_) {
      kept_.push_front(tensor);
    }
    Bytes used;
    for (auto at = kept_.begin(); at != kept_.end();) {
      used += at->bytes;
      at = used > capacity_ ? kept_.erase(at) : std::next(at);
    }
    if (tensor.bytes > capacity_) {
      kept_.clear();
    }
  }

  Bytes capacity_;
  std::list<TensorUse> kept_;  // last used first
};

struct Step {
  const BlockOperator* op = nullptr;
  Prepared prepared;
};

// Lowers every operator with the L2 as its predecessors leave it.
std::vector<Step> prepare_all(const Machine& machine, const Library& library, const Block& block, Regime regime,
                              const PredictOptions& options) {
  L2Content content(0.8 * machine.l2.capacity.value);
  std::vector<Step> steps;
  // A steady repetition starts with what its own end leaves.
  if (regime != Regime::cold) {
    for (const BlockOperator& op : block.operators) {
      content.use(op);
    }
  }
  for (const BlockOperator& op : block.operators) {
    Operator timed = op.op;
    if (block.operators.size() > 1 && timed.timer == Timer::cupti) {
      timed.timer = Timer::events;  // kernels of one stream follow each other with the stream's gaps
    }
    std::optional<L2State> start;
    if (!op.reads.empty() && (regime != Regime::cold || !steps.empty())) {
      start = L2State{.resident = content.resident(op.reads), .dirty = Bytes(0)};
    }
    steps.push_back({&op, prepare(machine, library, timed, regime, options, start)});
    content.use(op);
  }
  return steps;
}

// One clock for all: the steady repetition of the whole block.
ClockState common_clock(const Machine& machine, const std::vector<Step>& steps, const PredictOptions& options) {
  const auto total = [&](Hertz clock) {
    Seconds sum;
    for (const Step& step : steps) {
      sum += duration(machine, step.prepared, clock);
    }
    return sum;
  };
  Load load;
  for (const Step& step : steps) {
    load += step.prepared.load;
  }
  if (options.clock) {
    return {*options.clock, ClockLimit::top, power_at(machine, load, total(*options.clock), *options.clock)};
  }
  return steady_clock(machine, load, total);
}

void add_item(const Step& step, Estimate estimate, SequenceEstimate& sequence) {
  sequence.total += estimate.time;
  sequence.roofline += estimate.roofline;
  if (step.op->matmul) {
    sequence.matmul += estimate.time;
  }
  sequence.items.push_back({step.op->op.name, step.op->op, step.op->matmul, std::move(estimate)});
}

}  // namespace

SequenceEstimate predict(const Machine& machine, const Library& library, const Block& block,
                         const PredictOptions& options) {
  SequenceEstimate sequence;
  sequence.name = block.name;
  sequence.regime = block.regime.value_or(block.single_operator ? options.regime : Regime::sustained);
  const std::vector<Step> steps = prepare_all(machine, library, block, sequence.regime, options);
  const bool feasible = std::all_of(steps.begin(), steps.end(), [](const Step& s) { return s.prepared.feasible(); });
  ClockState clock;
  if (sequence.regime == Regime::sustained && feasible) {
    clock = common_clock(machine, steps, options);
  }
  Joules energy;
  Cycles cycles;
  for (const Step& step : steps) {
    if (!step.prepared.feasible()) {
      add_item(step, refused(step.prepared.plan.refusal, sequence.regime), sequence);
      continue;
    }
    const ClockState own = sequence.regime == Regime::sustained && feasible
                               ? clock
                               : clock_of(machine, step.op->op, step.prepared, sequence.regime, options);
    Estimate estimate = summarise(machine, step.op->op, step.prepared, own, sequence.regime);
    energy += estimate.power * estimate.time;
    cycles += estimate.clock * estimate.time;
    sequence.clock_limit = own.limit;
    add_item(step, std::move(estimate), sequence);
  }
  if (sequence.total.si() > 0) {
    sequence.clock = cycles / sequence.total;
    sequence.power = sequence.regime == Regime::sustained && feasible ? clock.power : energy / sequence.total;
  }
  set_interval(machine, sequence);
  return sequence;
}

}  // namespace perfmodel
