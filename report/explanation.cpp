#include "report/explanation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>

#include "arch/fields.hpp"
#include "report/levers.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t kept_constants = 6;
constexpr double unlimited = 1000;  // times the power limit

class Explainer {
 public:
  Explainer(const Machine& machine, const Library& library, const Subject& subject, std::size_t item,
            const PredictOptions& options)
      : machine_(machine), library_(library), subject_(subject), options_(options) {
    options_.describe = false;
    found_.item = item;
    found_.alone = single_operator(subject) != nullptr;
    found_.machine = machine.id;
    found_.machine_name = machine.name;
    found_.top_clock = machine.clock.maximum.value;
    found_.power_limit = machine.power.limit.value;
    found_.fidelity = options.fidelity;
    found_.whole = solve(machine, library, subject, options);
    found_.subject = found_.whole.name;
    found_.work = describe_work(op().work);
  }

  Explanation explain() {
    const std::string note = note_of(op());
    if (!note.empty()) found_.notes.push_back(note);
    if (!found_.estimate().feasible() || found_.whole.total.si() <= 0) return std::move(found_);
    found_.held = held_load(machine_, library_, subject_, options_, found_.whole);
    // The kernels stay those that the libraries choose on the machine as it is.
    pinned_ = subject_;
    pin();
    before_ = solve(machine_, library_, pinned_, options_);
    follow();
    add_constants();
    relax_machine();
    relax_model();
    std::ranges::stable_sort(found_.relaxed, {}, &Relaxed::time);
    add_remedies();
    return std::move(found_);
  }

 private:
  [[nodiscard]] const Operator& op() const { return found_.explained().op; }

  void pin() {
    if (auto* block = std::get_if<Block>(&pinned_)) {
      choose_kernels(machine_, library_, *block);
    } else {
      choose_kernels(machine_, library_, std::get<Operator>(pinned_));
    }
  }

  // Its kernels on the SMs, and the simulated iteration where there is a program.
  void follow() {
    const Estimate& estimate = found_.estimate();
    PredictOptions named = options_;
    named.describe = true;  // operations keep their names
    found_.course = course_of(machine_, library_, op(), named, estimate.regime, estimate.clock);
    if (found_.course.kernels.empty()) return;
    const CourseKernel& main = found_.course.kernels.front();
    found_.code = main.kernel.program.code;
    if (found_.code) found_.program = perfmodel::explain(*found_.code, main.sharing);
  }

  void add_constants() {
    PredictOptions bound = options_;
    bound.fidelity = Fidelity::bound;
    const Evidence evidence = evidence_of(machine_, library_, subject_, bound, found_.item);
    Machine machine = machine_;
    for (const Influence& influence : evidence.influences) {
      if (found_.constants.size() >= kept_constants) return;
      const auto constant = find_constant(machine, influence.key);
      if (!constant || influence.count) continue;
      found_.constants.push_back({influence.key, format_constant(*constant->field, constant->constant.get()),
                                  influence.source, constant->constant.ref(), influence.effect});
    }
  }

  // Times as a share of the pinned solution's, so that a library's other choice is not taken for the gain.
  void add(std::string_view constraint, std::string what, const SequenceEstimate& changed) {
    const Seconds time = changed.items[found_.item].estimate.time;
    const Seconds was = before_.items[found_.item].estimate.time;
    if (!changed.items[found_.item].estimate.feasible()) return;
    found_.relaxed.push_back({std::string(constraint), std::move(what), found_.estimate().time * (time / was),
                              found_.whole.total * (changed.total / before_.total)});
  }

  void relax_machine() {
    for (const Lever& lever : levers()) {
      // A half of the latencies is less than doing without, which comes below.
      if (lever.factor < 1) continue;
      Machine changed = machine_;
      if (lever.limiter == Limiter::power) {
        changed.power.limit.value *= unlimited;
        add("power", "no power limit", solve(changed, library_, pinned_, options_));
      } else if (pull(changed, lever)) {
        add(limiter_name(lever.limiter), std::string(lever.change), solve(changed, library_, pinned_, options_));
      }
    }
  }

  void relax_model() {
    struct Omission {
      Limiter limiter;
      std::string_view what;
    };
    static constexpr std::array<Omission, 4> omissions{{{Limiter::recurrence, "no dependent steps"},
                                                        {Limiter::wave, "no wave tail"},
                                                        {Limiter::fill, "no fill"},
                                                        {Limiter::launch, "no launch cost"}}};
    for (const Omission& omission : omissions) {
      // Of a simulated program the steps are in its code, and its own relaxations say what they cost.
      if (omission.limiter == Limiter::recurrence && found_.program) continue;
      PredictOptions without = options_;
      without.without[omission.limiter] = true;
      add(limiter_name(omission.limiter), std::string(omission.what), solve(machine_, library_, pinned_, without));
    }
  }

  void add_remedies() {
    for (Proposal& proposal : proposals(machine_, library_, op(), found_.estimate())) {
      const SequenceEstimate changed = solve(machine_, library_, with(proposal.op), options_);
      const Estimate& after = changed.items[found_.item].estimate;
      if (!after.feasible()) continue;
      const double gain = found_.estimate().time / after.time - 1;
      if (gain < least_gain) continue;
      for (Edit& edit : proposal.edits) edit.key = path_of(edit.key);
      found_.remedies.push_back({std::move(proposal.symptom), std::move(proposal.change), std::move(proposal.edits),
                                 after.time, gain, after.limiter});
    }
    std::ranges::stable_sort(found_.remedies, std::greater<>{}, &Remedy::gain);
  }

  [[nodiscard]] Subject with(const Operator& op) const {
    Subject changed = subject_;
    if (auto* block = std::get_if<Block>(&changed)) {
      block->operators[found_.item].op = op;
    } else {
      changed = op;
    }
    return changed;
  }

  [[nodiscard]] std::string path_of(const std::string& key) const {
    return found_.alone ? key : fmt::format("operators.{}.{}", found_.explained().name, key);
  }

  const Machine& machine_;
  const Library& library_;
  const Subject& subject_;
  PredictOptions options_;
  Explanation found_;
  Subject pinned_;
  SequenceEstimate before_;
};

}  // namespace

std::size_t longest_item(const SequenceEstimate& sequence) {
  const auto longest =
      std::ranges::max_element(sequence.items, {}, [](const SequenceItem& item) { return item.estimate.time; });
  return static_cast<std::size_t>(longest - sequence.items.begin());
}

Explanation explain_item(const Machine& machine, const Library& library, const Subject& subject, std::size_t item,
                         const PredictOptions& options) {
  return Explainer(machine, library, subject, item, options).explain();
}

std::string_view formula_of(Limiter limiter) {
  switch (limiter) {
    case Limiter::tensor: return "multiply-adds of whole tiles / (tensor.TYPE x SMs x SM clock)";
    case Limiter::fma: return "floating-point and integer multiply-adds / (pipes.fma.rate x SMs x SM clock)";
    case Limiter::alu: return "logic, compares, selects, conversions / (pipes.alu.rate x SMs x SM clock)";
    case Limiter::xu: return "exponentials / (pipes.xu.rate x SMs x SM clock)";
    case Limiter::issue: return "instructions of all threads / (pipes.issue.rate x SMs x SM clock)";
    case Limiter::smem: return "bytes written by copies and read by MMA and warps / (pipes.smem.rate x SMs x SM clock)";
    case Limiter::tmem: return "bytes to and from tensor memory / (pipes.tmem_*.rate x SMs x SM clock)";
    case Limiter::l2: return "bytes between the L2 and the SMs / l2.bandwidth";
    case Limiter::dram: return "bytes read and written / (dram.bandwidth x dram.read or dram.write), after a ramp";
    case Limiter::power: return "the longest bound of the SM at the clock that power.limit leaves";
    case Limiter::recurrence: return "the dependent steps of an SM's items, one after the other / SM clock";
    case Limiter::fill: return "prologue and first operands, until the SMs compute";
    case Limiter::wave: return "the SM that ends last, over the mean";
    case Limiter::launch: return "launch.kernel for every kernel, and what the timer adds";
    case Limiter::spill: return "loads and stores of registers kept in local memory";
    case Limiter::infeasible: return "";
  }
  return "";
}

}  // namespace perfmodel
