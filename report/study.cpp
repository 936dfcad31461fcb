#include "report/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <optional>
#include <span>
#include <string_view>

#include "arch/fields.hpp"
#include "report/levers.hpp"
#include "report/pinned_kernels.hpp"

namespace perfmodel {
namespace {

constexpr double perturbation = 0.01;
constexpr double smallest_effect = 1e-4;   // of the total, by a perturbation of 1 %
constexpr double smallest_saving = 0.005;  // of the total, for advice

// What sizes are rounded up to or start on: a little more of it is another alignment, and has no slope.
bool is_unit_of_others(std::string_view key) { return key == "l2.line" || key == "shared_memory.granularity"; }

// The value 1 % up; a count goes to the next one.
double perturbed(const NamedConstant& named) {
  const double value = named.constant.get();
  if (is_unit_of_others(named.key)) return value;
  if (!named.constant.integral()) return value * (1.0 + perturbation);
  return std::max(std::round(value * (1.0 + perturbation)), value + 1.0);
}

// Perturbs the constants of a machine. Most move nothing at all, so they are tried in groups, and a group that moves
// the total is halved.
class Sensitivity {
 public:
  // The subject with its kernels given.
  Sensitivity(const Machine& machine, const Library& library, const Subject& subject, PredictOptions options,
              std::optional<std::size_t> item = {})
      : machine_(machine),
        library_(library),
        subject_(subject),
        options_(options),
        item_(item),
        constants_(present_constants(machine_)) {
    options_.describe = false;
    std::erase_if(constants_, [](const NamedConstant& named) { return named.constant.get() == 0.0; });
    const SequenceEstimate before = solve(machine_, library_, subject_, options_);
    before_ = time_of(before);
    options_.hiding = before.plans;
  }

  Evidence evidence() {
    Evidence found{.constants = constants_.size()};
    search(constants_, change_with(constants_), found.influences);
    std::ranges::stable_sort(found.influences, std::greater<>{},
                             [](const Influence& influence) { return std::abs(influence.effect); });
    return found;
  }

 private:
  [[nodiscard]] Seconds time_of(const SequenceEstimate& estimate) const {
    return item_ ? estimate.items[*item_].estimate.time : estimate.total;
  }

  // What the time changes by, relatively, with all of the group up; nothing if it cannot run then.
  std::optional<double> change_with(std::span<NamedConstant> group) {
    std::vector<double> values;
    for (NamedConstant& named : group) {
      values.push_back(named.constant.get());
      named.constant.set(perturbed(named));
    }
    const SequenceEstimate changed = solve(machine_, library_, subject_, options_);
    for (std::size_t i = 0; i < group.size(); ++i) group[i].constant.set(values[i]);
    // A kernel that fills the SM to the last register has no slope there.
    return refusal_of(changed).empty() ? std::optional(time_of(changed) / before_ - 1.0) : std::nullopt;
  }

  // `change` is that of the group: the second half's, where the first changes nothing.
  void search(std::span<NamedConstant> group, std::optional<double> change, std::vector<Influence>& found) {
    if (change && std::abs(*change) < nothing) return;
    if (group.size() == 1) {
      if (change) add(group.front(), *change, found);
      return;
    }
    const std::span<NamedConstant> first = group.first(group.size() / 2);
    const std::span<NamedConstant> second = group.subspan(group.size() / 2);
    const std::optional<double> of_first = change_with(first);
    const bool silent = of_first && std::abs(*of_first) < nothing;
    search(first, of_first, found);
    search(second, silent && second.size() > 1 ? change : change_with(second), found);
  }

  static void add(const NamedConstant& named, double change, std::vector<Influence>& found) {
    const double value = named.constant.get();
    const double effect = change * perturbation / (perturbed(named) / value - 1.0);
    if (!(std::abs(effect) > smallest_effect)) return;
    found.push_back({named.key, named.constant.source(), effect, named.constant.integral()});
  }

  // Effects of opposite sign would have to cancel this well to be missed.
  static constexpr double nothing = 2e-5;

  Machine machine_;
  const Library& library_;
  const Subject& subject_;
  PredictOptions options_;
  std::optional<std::size_t> item_;  // of the sequence; else all of it
  std::vector<NamedConstant> constants_;
  Seconds before_;
};

bool involves(const SequenceEstimate& sequence, Limiter limiter) {
  return std::ranges::any_of(sequence.items, [&](const SequenceItem& item) {
    const bool clocked = limiter == Limiter::power && item.estimate.clock_limit == ClockLimit::power;
    return item.estimate.limiter == limiter || item.estimate.second == limiter || clocked;
  });
}

// The total that a change of the pinned solution's makes of the whole one.
void add_if_worth_while(std::vector<Advice>& advice, std::string change, bool hardware, double ratio, Seconds total) {
  if (ratio < 1.0 - smallest_saving) advice.push_back({std::move(change), hardware, total * ratio});
}

void sort_by_saving(std::vector<Advice>& advice) { std::ranges::stable_sort(advice, {}, &Advice::total); }

// For each limiter at work, the total with twice of what it is short of, or half of the latency that it stands for.
// `before` is the total of the pinned subject.
std::vector<Advice> hardware_advice(const Machine& machine, const Library& library, const Subject& pinned,
                                    Seconds before, const SequenceEstimate& estimate, const PredictOptions& options) {
  std::vector<Advice> advice;
  for (const Lever& lever : levers()) {
    if (!involves(estimate, lever.limiter)) continue;
    Machine changed = machine;
    if (!pull(changed, lever)) continue;
    const double ratio = solve(changed, library, pinned, options).total / before;
    add_if_worth_while(advice, std::string(lever.change), /*hardware=*/true, ratio, estimate.total);
  }
  sort_by_saving(advice);
  return advice;
}

std::vector<Advice> variant_advice(const Machine& machine, const Library& library, PinnedKernels& kernels,
                                   Seconds before, std::vector<Variant> variants, Seconds total,
                                   const PredictOptions& options) {
  std::vector<Advice> advice;
  for (Variant& variant : variants) {
    const SequenceEstimate changed = solve(machine, library, kernels.pin(std::move(variant.subject)), options);
    if (!refusal_of(changed).empty()) continue;
    add_if_worth_while(advice, std::move(variant.change), /*hardware=*/false, changed.total / before, total);
  }
  sort_by_saving(advice);
  return advice;
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
                     const PredictOptions& options, std::optional<std::size_t> item) {
  const Subject pinned = PinnedKernels(machine, library).pin(subject);
  return Sensitivity(machine, library, pinned, options, item).evidence();
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
  // The closed form is enough to see what the answer follows. It takes as long as all the rest together: both at once.
  PinnedKernels kernels(machine, library);
  const Subject pinned = kernels.pin(request.subject);
  PredictOptions bound = request.options;
  bound.fidelity = Fidelity::bound;
  std::future<Evidence> evidence =
      std::async(std::launch::async, [&] { return Sensitivity(machine, library, pinned, bound).evidence(); });
  result.estimate = solve(machine, library, request.subject, request.options);
  result.name = result.estimate.name;
  result.notes = notes_of(result.estimate);
  if (!refusal_of(result.estimate).empty()) return result;
  PredictOptions quick = request.options;
  quick.describe = false;
  result.held = held_load(machine, library, request.subject, quick, result.estimate);
  if (request.without_dropout) {
    result.without_dropout = solve(machine, library, kernels.pin(*request.without_dropout), quick);
  }
  const SequenceEstimate as_it_is = solve(machine, library, pinned, quick);
  const Seconds before = as_it_is.total;
  if (request.variants) {
    result.advice = variant_advice(machine, library, kernels, before, request.variants(), result.estimate.total, quick);
  }
  quick.hiding = as_it_is.plans;
  for (Advice& more : hardware_advice(machine, library, pinned, before, result.estimate, quick)) {
    result.advice.push_back(std::move(more));
  }
  result.evidence = evidence.get();
  return result;
}

}  // namespace perfmodel
