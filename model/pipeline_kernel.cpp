#include "model/pipeline_kernel.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/pipeline_budget.hpp"
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

// What a role executes itself, one operation after the other.
double serial_time(const SmCode& code, int role) {
  double sum = 0;
  for (const SmSegment& segment : code.segments) {
    const SmRange& range = segment.roles[static_cast<std::size_t>(role)];
    for (int op = range.begin; op < range.end; ++op) {
      const SmOp& each = code.ops[static_cast<std::size_t>(op)];
      sum += segment.count * (each.engine == Engine::none ? each.floor : each.issue);
    }
  }
  return sum;
}

// Roles go from segment to segment by themselves, so that the work of one overlaps that of the next: what bounds an
// item is the busiest pipe of all of it, shared by all CTAs of the SM, the longest loop of dependent steps, or the
// busiest role.
double bound_item(const SmCode& code, int ctas) {
  std::array<double, max_sm_pipes> pipes{};
  double most = 0;
  for (const SmSegment& segment : code.segments) {
    for (std::size_t pipe = 0; pipe < pipes.size(); ++pipe) pipes[pipe] += ctas * segment.count * segment.work[pipe];
    // The last round of a cycle need not end before what follows begins.
    most = std::max(most, (segment.count - 1) * segment.recurrence);
  }
  for (int role = 0; role < code.roles; ++role) most = std::max(most, serial_time(code, role));
  return std::max(most, *std::ranges::max_element(pipes));
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
  return PricedProgram().price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline, names);
}

std::shared_ptr<const SmCode> code_again(const Machine& machine, EvaluatedPipeline& pipeline, PricedProgram& priced,
                                         OpNames names) {
  return priced.price_again(machine, operating_point(machine, machine.clock.datasheet.value), pipeline, names);
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
  // Where a queue is the narrow place, the first item's end waits for what others have put into it of the items after
  // it; in the long run nothing undercuts the bounds.
  const double item = (result.last_item[0] - result.first_item[0]) / (options.items - 1);
  return {std::max(item, bound_item(code, ctas)), result.first_item[0], result.deadlock};
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
