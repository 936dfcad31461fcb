#include "model/remedy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/proposals.hpp"
#include "support/format.hpp"

namespace perfmodel {

std::string wave_symptom(const Situation& now) {
  const CourseKernel& kernel = now.main();
  const double last = kernel.waves - std::floor(kernel.waves);
  const bool partial = last > 0 && last < 0.8 && kernel.waves < 8;
  if (!partial || kernel.kernel.makespan.si() > 0) return {};
  const double slots = kernel.kernel.items / kernel.waves;
  return fmt::format("{:.3g} waves of {:.0f} CTAs: the last is {:.0f} % full", kernel.waves, slots, 100 * last);
}

std::string room_symptom(const Situation& now, Bytes more) {
  const Bytes held = now.main().kernel.program.smem;
  const Bytes most = now.machine.shared_memory.maximum_per_cta.value;
  const Bytes together = now.main().sharing * (held + more + now.machine.shared_memory.reserved_per_cta.value);
  if (held + more > most || together > now.machine.shared_memory.capacity.value) return {};
  return fmt::format("shared memory has room: a CTA holds {} of {}", format_bytes(held), format_bytes(most));
}

std::string limiter_symptom(const Estimate& found) { return fmt::format("limited by {}", limiter_name(found.limiter)); }

std::vector<Proposal> proposals(const Machine& machine, const Library& library, const Operator& op,
                                const Estimate& found) {
  std::vector<Proposal> out;
  if (!found.feasible()) return out;
  PredictOptions options;
  options.fidelity = Fidelity::bound;
  options.describe = false;
  const Course course = course_of(machine, library, op, options, found.regime, found.clock);
  const Situation now{machine, library, op, found, course};
  if (std::holds_alternative<Overlap>(op.work) && !op.program) {
    propose_overlap(now, out);
  } else if (course.kernels.empty()) {
    return out;
  } else if (op.program) {
    propose_program(now, out);
  } else if (std::holds_alternative<Gemm>(op.work)) {
    propose_gemm(now, out);
  } else if (std::holds_alternative<Attention>(op.work)) {
    propose_attention(now, out);
  } else if (std::holds_alternative<Rng>(op.work)) {
    propose_rng(now, out);
  }
  return out;
}

std::vector<Remedy> remedies(const Machine& machine, const Library& library, const Operator& op,
                             const PredictOptions& options, double least) {
  PredictOptions quick = options;
  quick.describe = false;
  const Estimate before = predict(machine, library, op, quick);
  std::vector<Remedy> found;
  for (Proposal& proposal : proposals(machine, library, op, before)) {
    const Estimate after = predict(machine, library, proposal.op, quick);
    if (!after.feasible() || after.time.si() <= 0) continue;
    const double gain = before.time / after.time - 1;
    if (gain < least) continue;
    found.push_back({std::move(proposal.symptom), std::move(proposal.change), std::move(proposal.edits), after.time,
                     gain, after.limiter});
  }
  std::ranges::stable_sort(found, std::greater<>{}, &Remedy::gain);
  return found;
}

}  // namespace perfmodel
