#include <nlohmann/json.hpp>

#include "report/explanation_words.hpp"
#include "report/json.hpp"

namespace perfmodel {
namespace {

using nlohmann::ordered_json;

ordered_json busy_json(const CourseSegment& segment) {
  ordered_json json = ordered_json::object();
  for (const Resource resource : all_resources) {
    const Cycles cycles = segment.segment.busy[resource] + segment.segment.aside[resource];
    if (cycles.si() > 0) json[std::string(limiter_name(limiter_of(resource)))] = cycles.si();
  }
  return json;
}

ordered_json kernel_json(const CourseKernel& kernel) {
  ordered_json segments = ordered_json::array();
  for (const CourseSegment& segment : kernel.segments) {
    segments.push_back({{"count", segment.segment.count}, {"cycles", segment.time.si()}, {"busy", busy_json(segment)}});
  }
  const Program& program = kernel.kernel.program;
  return {{"items", kernel.kernel.items},
          {"ctas", kernel.kernel.ctas},
          {"ctas_per_sm", kernel.sharing},
          {"ctas_that_fit", kernel.residency},
          {"waves", kernel.waves},
          {"threads", 32 * program.warps},
          {"registers", program.registers},
          {"smem", program.smem.si()},
          {"item_cycles", kernel.item.si()},
          {"last_sm_cycles", kernel.busiest.si()},
          {"mean_sm_cycles", kernel.even.si()},
          {"l2_time", kernel.memory.l2.si()},
          {"dram_time", kernel.memory.dram.si()},
          {"time", kernel.time.si()},
          {"segments", std::move(segments)}};
}

ordered_json program_json(const Explanation& explanation) {
  if (!explanation.program) return nullptr;
  const SmExplanation& program = *explanation.program;
  ordered_json cycle = ordered_json::array();
  for (const CycleStep& step : program.cycle) {
    cycle.push_back({{"op", step.op}, {"actor", step.actor}, {"cycles", step.cycles}, {"hand_over", step.hand_over}});
  }
  ordered_json pipes = ordered_json::object();
  for (const PipeShare& pipe : program.pipes) pipes[pipe.pipe] = pipe.utilisation;
  ordered_json relaxed = ordered_json::array();
  for (const Relaxation& each : program.relaxations) {
    relaxed.push_back({{"what", each.what}, {"interval_cycles", each.interval}});
  }
  return {{"segment", program.segment},
          {"ctas_per_sm", program.ctas},
          {"interval_cycles", program.interval},
          {"resource_bound_cycles", program.resource_bound},
          {"recurrence_bound_cycles", program.recurrence_bound},
          {"limiter", program.limiter},
          {"busiest_pipe", program.busiest},
          {"critical_cycle", std::move(cycle)},
          {"critical_cycle_words", cycle_words(program)},
          {"utilisation", std::move(pipes)},
          {"relaxed", std::move(relaxed)}};
}

ordered_json constants_json(const Explanation& explanation) {
  ordered_json list = ordered_json::array();
  for (const BindingConstant& constant : explanation.constants) {
    list.push_back({{"constant", constant.key},
                    {"value", constant.value},
                    {"source", origin_name(constant.source)},
                    {"reference", constant.ref},
                    {"effect", constant.effect}});
  }
  return list;
}

ordered_json relaxed_json(const Explanation& explanation) {
  ordered_json list = ordered_json::array();
  for (const Relaxed& relaxed : explanation.relaxed) {
    list.push_back({{"constraint", relaxed.constraint},
                    {"what", relaxed.what},
                    {"time", relaxed.time.si()},
                    {"total", relaxed.total.si()}});
  }
  return list;
}

ordered_json remedies_json(const Explanation& explanation) {
  ordered_json list = ordered_json::array();
  for (const Remedy& remedy : explanation.remedies) {
    ordered_json edits = ordered_json::object();
    for (const Edit& edit : remedy.edits) edits[edit.key] = edit.value;
    list.push_back({{"symptom", remedy.symptom},
                    {"change", remedy.change},
                    {"set", std::move(edits)},
                    {"time", remedy.time.si()},
                    {"gain", remedy.gain},
                    {"limiter", limiter_name(remedy.limiter)}});
  }
  return list;
}

}  // namespace

std::string json_explanation(const Explanation& explanation) {
  ordered_json json = document("explanation");
  json["machine"] = {{"id", explanation.machine},
                     {"name", explanation.machine_name},
                     {"clock_maximum", explanation.top_clock.si()},
                     {"power_limit", explanation.power_limit.si()}};
  json["fidelity"] = fidelity_name(explanation.fidelity);
  json["subject"] = explanation.subject;
  json["total"] = explanation.whole.total.si();
  json["prediction"] = operator_json(explanation.explained().op, explanation.estimate());
  json["prediction"]["name"] = explanation.explained().name;
  if (explanation.held) json["prediction"]["held"] = held_json(*explanation.held);
  if (!explanation.estimate().feasible()) return json.dump(2) + '\n';
  ordered_json kernels = ordered_json::array();
  for (const CourseKernel& kernel : explanation.course.kernels) kernels.push_back(kernel_json(kernel));
  json["kernels"] = std::move(kernels);
  json["program"] = program_json(explanation);
  json["relaxed"] = relaxed_json(explanation);
  json["formulas"] = ordered_json::object();
  for (const Limiter limiter : {explanation.estimate().limiter, explanation.estimate().second}) {
    json["formulas"][std::string(limiter_name(limiter))] = formula_of(limiter);
  }
  json["constants"] = constants_json(explanation);
  json["remedies"] = remedies_json(explanation);
  return json.dump(2) + '\n';
}

}  // namespace perfmodel
