#include "model/pipeline_kernel.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/pipeline_budget.hpp"
#include "model/sm_explain.hpp"
#include "model/sm_graph.hpp"
#include "model/sm_simulate.hpp"
#include "workloads/pipeline_check.hpp"

namespace perfmodel {

namespace {

// What an item asks of each pipe.
Demand busy_of(const Machine& machine, const SmCode& code) {
  struct Entry {
    std::string_view pipe;
    Resource resource;
  };
  static constexpr std::array<Entry, 5> entries{{{"fma", Resource::fma},
                                                 {"alu", Resource::alu},
                                                 {"xu", Resource::xu},
                                                 {"issue", Resource::issue},
                                                 {"smem", Resource::smem}}};
  Demand busy;
  const auto add = [&](Resource resource, int pipe) {
    for (const SmSegment& part : code.segments) {
      busy[resource] += Cycles(part.count * part.work[static_cast<std::size_t>(pipe)]);
    }
  };
  add(Resource::tensor, code.tensor_pipe);
  for (const Entry& entry : entries) {
    if (const auto pipe = machine.find_pipe(entry.pipe)) add(entry.resource, *pipe);
  }
  return busy;
}

double instructions_of(const Pipeline& pipeline) {
  double sum = 0;
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      for (const InstructionCount& entry : op.instructions) sum += segment.count * entry.count;
    }
  }
  return sum;
}

bool uses_mma_sync(const Pipeline& pipeline) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (op.mma && op.mma->registers_b) return true;
    }
  }
  return false;
}

// Pricing has worked it out for loops.
double recurrence_of(const SmCode& code, int segment) {
  const double known = code.segments[static_cast<std::size_t>(segment)].recurrence;
  return known > 0 ? known : recurrence_bound(code, segment);
}

// In each segment the busiest pipe, shared by all CTAs of the SM, or the dependent steps.
double bound_item(const SmCode& code, int ctas) {
  double sum = 0;
  for (int i = 0; i < static_cast<int>(code.segments.size()); ++i) {
    const SmSegment& segment = code.segments[static_cast<std::size_t>(i)];
    if (segment.count <= 0) continue;
    const double steps = segment.count > 1 ? recurrence_of(code, i) : 0.0;
    sum += segment.count * std::max(resource_bound(code, i, ctas), steps);
  }
  return sum;
}

}  // namespace

std::string unsuitable(const Machine& machine, const Pipeline& pipeline) {
  Diagnostics faults;
  check_rings(pipeline, faults);
  check_budget(machine, pipeline, faults);
  check_coverage(pipeline, faults);
  if (!faults.has_errors()) return {};
  return std::ranges::find(faults.all(), Severity::error, &Diagnostic::severity)->message;
}

std::shared_ptr<const SmCode> code_of(const Machine& machine, const Pipeline& pipeline, OpNames names) {
  return std::make_shared<const SmCode>(
      price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline, names));
}

ItemTime item_time(const SmCode& code, int ctas, Fidelity fidelity) {
  if (fidelity == Fidelity::bound) {
    const double item = bound_item(code, ctas);
    return {item, item, false};
  }
  thread_local Simulator simulator;
  const std::array<SmResident, 1> resident{SmResident{&code, ctas}};
  SimulationOptions options;
  options.items = 3;
  const SimulationResult result = simulator.run(resident, options);
  return {(result.last_item[0] - result.first_item[0]) / (options.items - 1), result.first_item[0], result.deadlock};
}

void add_program(const Machine& machine, const Pipeline& pipeline, std::shared_ptr<const SmCode> code, double typical,
                 Kernel& kernel) {
  Program& program = kernel.program;
  Segment segment;
  segment.count = 1;
  segment.interval = Cycles(typical / pipeline.ctas_per_sm);
  segment.busy = busy_of(machine, *code);
  program.segments = {};
  program.segment_count = 0;
  program.add(segment);
  program.code = std::move(code);
  program.warps = pipeline.warps();
  program.registers = static_cast<int>(pipeline.registers() / (32.0 * pipeline.warps()));
  program.smem = pipeline.smem();
  program.tmem_columns = pipeline.columns();
  program.cluster = pipeline.cluster;
  kernel.instructions = kernel.items * instructions_of(pipeline);
  if (uses_mma_sync(pipeline)) {
    kernel.tensor_energy = machine.power.mma_sync.value;
    if (machine.tensor.mma_sync.present()) kernel.tensor_share = machine.tensor.mma_sync.value;
  }
}

Plan refused_plan(std::string why) {
  Plan plan;
  plan.refusal = std::move(why);
  return plan;
}

}  // namespace perfmodel
