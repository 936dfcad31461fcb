#include "model/course.hpp"

#include <algorithm>
#include <cmath>

#include "model/operation.hpp"
#include "model/residency.hpp"

namespace perfmodel {

namespace {

Resource busiest_of(const Segment& segment) {
  Resource most = Resource::tensor;
  const auto load = [&](Resource resource) { return std::max(segment.busy[resource], segment.aside[resource]); };
  for (const Resource resource : all_resources) {
    if (load(resource) > load(most)) most = resource;
  }
  return most;
}

// CTAs that run at once on an SM, and how often they are replaced or take another item.
void add_waves(const Machine& machine, const Kernel& kernel, CourseKernel& course) {
  const auto sms = static_cast<double>(machine.sms.value);
  const bool stay = kernel.schedule == Schedule::persistent || static_cast<double>(kernel.ctas) < kernel.items;
  const double asked = stay ? static_cast<double>(kernel.ctas) : kernel.items;
  course.sharing = std::clamp(static_cast<int>(std::ceil(asked / sms)), 1, course.residency);
  const double slots = std::min(asked, sms * course.sharing);
  course.waves = slots > 0 ? kernel.items / slots : 0;
}

CourseKernel course_of(const Machine& machine, const Kernel& kernel, const KernelWork& work, int residency,
                       Fidelity fidelity, Hertz clock) {
  CourseKernel course;
  course.kernel = kernel;
  course.residency = residency;
  course.memory = work.memory;
  course.launch = work.launch;
  course.fill = work.fill;
  course.busiest = work.busiest;
  course.even = work.even;
  course.time = duration(machine, work, clock);
  if (kernel.empty()) return course;
  add_waves(machine, kernel, course);
  for (const Segment& segment : kernel.program.all()) {
    course.segments.push_back({segment, segment_time(segment, 1), busiest_of(segment)});
  }
  const Resident resident{&kernel.program, course.sharing};
  course.item = sm_rates(machine, OperatingPoint{}, {&resident, 1}, fidelity).residents[0].item;
  return course;
}

int spills_of(const Operator& op) {
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) return gemm->spills.value_or(0);
  if (const auto* attention = std::get_if<Attention>(&op.work)) return attention->spills.value_or(0);
  return 0;
}

}  // namespace

Course course_of(const Machine& machine, const Library& library, const Operator& op, const PredictOptions& options,
                 Regime regime, Hertz clock) {
  Course course;
  course.clock = clock;
  course.spills = spills_of(op);
  const bool two_kernels = std::holds_alternative<Overlap>(op.work) && !op.program;
  if (two_kernels) return course;
  const Prepared prepared = prepare(machine, library, op, regime, options);
  if (!prepared.feasible()) return course;
  for (int i = 0; i < prepared.plan.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    course.kernels.push_back(course_of(machine, prepared.plan.kernels[at], prepared.work[at], prepared.residency[at],
                                       options.fidelity, clock));
  }
  return course;
}

}  // namespace perfmodel
