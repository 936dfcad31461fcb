#include "report/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "arch/fields.hpp"

namespace perfmodel {
namespace {

constexpr double perturbation = 0.01;
constexpr double smallest_effect = 1e-4;   // of the total, by a perturbation of 1 %
constexpr double smallest_saving = 0.005;  // of the total, for advice

// The value 1 % up; a count goes to the next one.
double perturbed(const ConstantRef& constant) {
  const double value = constant.get();
  if (!constant.integral()) return value * (1.0 + perturbation);
  return std::max(std::round(value * (1.0 + perturbation)), value + 1.0);
}

// What relieves a limiter: constants to multiply, and how to say so.
struct Lever {
  Limiter limiter;
  double factor;
  std::vector<std::string_view> keys;  // those that the machine has are changed together
  std::string_view change;
};

const std::vector<Lever>& levers() {
  static const std::vector<Lever> all{
      {Limiter::tensor, 2.0, {"tensor.fp16", "tensor.bf16", "tensor.tf32", "tensor.fp8", "tensor.nvfp4"},
       "twice the tensor rate (tensor.*)"},
      {Limiter::fma, 2.0, {"pipes.fma.rate", "pipes.fma_heavy.rate"}, "twice the FMA rate (pipes.fma.rate)"},
      {Limiter::alu, 2.0, {"pipes.alu.rate"}, "twice the ALU rate (pipes.alu.rate)"},
      {Limiter::xu, 2.0, {"pipes.xu.rate"}, "twice the special-function rate (pipes.xu.rate)"},
      {Limiter::issue, 2.0, {"pipes.issue.rate"}, "twice the issue rate (pipes.issue.rate)"},
      {Limiter::smem, 2.0, {"pipes.smem.rate"}, "twice the shared-memory rate (pipes.smem.rate)"},
      {Limiter::tmem, 2.0, {"pipes.tmem_read.rate", "pipes.tmem_write.rate"},
       "twice the tensor-memory rate (pipes.tmem_*.rate)"},
      {Limiter::l2, 2.0, {"l2.bandwidth", "l2.port"}, "twice the L2 bandwidth (l2.bandwidth, l2.port)"},
      {Limiter::dram, 2.0, {"dram.bandwidth"}, "twice the DRAM bandwidth (dram.bandwidth)"},
      {Limiter::power, 2.0, {"power.limit"}, "twice the power limit (power.limit)"},
      {Limiter::recurrence, 0.5, {"tensor.latency", "transfer.barrier_wait", "shared_memory.latency"},
       "half the pipeline latencies (tensor.latency, transfer.barrier_wait)"},
      {Limiter::fill, 0.5, {"l2.near_latency", "l2.far_latency", "dram.latency"},
       "half the memory latencies (l2.*_latency, dram.latency)"},
      {Limiter::launch, 0.5, {"launch.kernel", "launch.stream", "launch.graph", "launch.event", "launch.do_bench"},
       "half the launch cost (launch.*)"},
  };
  return all;
}

bool pull(Machine& machine, const Lever& lever) {
  bool pulled = false;
  for (const std::string_view key : lever.keys) {
    std::optional<NamedConstant> constant = find_constant(machine, key);
    if (!constant || !constant->constant.present()) continue;
    constant->constant.set(lever.factor * constant->constant.get());
    pulled = true;
  }
  return pulled;
}

bool involves(const SequenceEstimate& sequence, Limiter limiter) {
  return std::ranges::any_of(sequence.items, [&](const SequenceItem& item) {
    const bool clocked = limiter == Limiter::power && item.estimate.clock_limit == ClockLimit::power;
    return item.estimate.limiter == limiter || item.estimate.second == limiter || clocked;
  });
}

bool worth_while(Seconds total, Seconds before) { return total < before * (1.0 - smallest_saving); }

void sort_by_saving(std::vector<Advice>& advice) {
  std::ranges::stable_sort(advice, {}, &Advice::total);
}

std::vector<std::string> notes_of(const SequenceEstimate& sequence) {
  std::vector<std::string> notes;
  for (const SequenceItem& item : sequence.items) {
    std::string note = note_of(item.op);
    if (!note.empty() && std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace

std::size_t Evidence::count(Origin source) const {
  return static_cast<std::size_t>(std::ranges::count(influences, source, &Influence::source));
}

Evidence evidence_of(const Machine& machine, const Library& library, const Subject& subject,
                     const PredictOptions& options) {
  Machine changed = machine;
  std::vector<NamedConstant> constants = present_constants(changed);
  Evidence evidence{.constants = constants.size()};
  PredictOptions quick = options;
  quick.describe = false;
  const Seconds before = solve(changed, library, subject, quick).total;
  for (NamedConstant& named : constants) {
    const double value = named.constant.get();
    if (value == 0.0) continue;
    named.constant.set(perturbed(named.constant));
    const double step = named.constant.get() / value - 1.0;
    const Seconds after = solve(changed, library, subject, quick).total;
    named.constant.set(value);
    const double effect = (after / before - 1.0) * perturbation / step;
    if (!(std::abs(effect) > smallest_effect)) continue;
    evidence.influences.push_back({named.key, named.constant.source(), effect});
  }
  std::ranges::stable_sort(evidence.influences, std::greater<>{},
                           [](const Influence& influence) { return std::abs(influence.effect); });
  return evidence;
}

std::vector<Advice> hardware_advice(const Machine& machine, const Library& library, const Subject& subject,
                                    const SequenceEstimate& estimate, const PredictOptions& options) {
  std::vector<Advice> advice;
  PredictOptions quick = options;
  quick.describe = false;
  for (const Lever& lever : levers()) {
    if (!involves(estimate, lever.limiter)) continue;
    Machine changed = machine;
    if (!pull(changed, lever)) continue;
    const Seconds total = solve(changed, library, subject, quick).total;
    if (worth_while(total, estimate.total)) advice.push_back({std::string(lever.change), /*hardware=*/true, total});
  }
  sort_by_saving(advice);
  return advice;
}

std::vector<Advice> variant_advice(const Machine& machine, const Library& library,
                                   const std::vector<Variant>& variants, const SequenceEstimate& estimate,
                                   const PredictOptions& options) {
  std::vector<Advice> advice;
  PredictOptions quick = options;
  quick.describe = false;
  for (const Variant& variant : variants) {
    const SequenceEstimate changed = solve(machine, library, variant.subject, quick);
    if (!refusal_of(changed).empty() || !worth_while(changed.total, estimate.total)) continue;
    advice.push_back({variant.change, /*hardware=*/false, changed.total});
  }
  sort_by_saving(advice);
  return advice;
}

Study study(const Machine& machine, const Library& library, const StudyRequest& request) {
  Study result;
  result.settings = describe(request.subject);
  result.single = single_operator(request.subject) != nullptr;
  result.machine = machine.id;
  result.machine_name = machine.name;
  result.top_clock = machine.clock.maximum.value;
  result.power_limit = machine.power.limit.value;
  result.calibration = machine.calibration;
  result.fidelity = request.options.fidelity;
  result.estimate = solve(machine, library, request.subject, request.options);
  result.name = result.estimate.name;
  result.notes = notes_of(result.estimate);
  if (!refusal_of(result.estimate).empty()) return result;
  PredictOptions quick = request.options;
  quick.describe = false;
  if (request.without_dropout) {
    result.without_dropout = solve(machine, library, *request.without_dropout, quick);
  }
  // The closed form is enough to see what the answer follows.
  quick.fidelity = Fidelity::bound;
  result.evidence = evidence_of(machine, library, request.subject, quick);
  if (!request.advice) return result;
  result.advice = variant_advice(machine, library, request.variants, result.estimate, request.options);
  for (Advice& more : hardware_advice(machine, library, request.subject, result.estimate, request.options)) {
    result.advice.push_back(std::move(more));
  }
  return result;
}

}  // namespace perfmodel
