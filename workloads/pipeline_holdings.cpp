#include "workloads/pipeline_holdings.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

namespace perfmodel {

namespace {

// Of every CUDA GPU since compute capability 3.5: CUDA C++ Programming Guide, technical specifications.
constexpr double register_file = 65536;
constexpr double most_of_a_thread = 255;
constexpr double unit = 8;  // registers come in eights

constexpr double housekeeping = 26;     // addresses, barriers, loop counters
constexpr double softmax_share = 0.25;  // of the accumulators, for temporaries
constexpr double mma_step = 16;         // k of an mma.sync instruction of 16-bit operands

double threads_of(const PipelineRole& role) { return 32.0 * role.warps; }

template <class Action>
void for_each_op(const Pipeline& pipeline, int role, const Action& action) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (op.role == role && segment.count >= 1) action(op);
    }
  }
}

// The largest of each kind of product: its results stay until the next of that kind.
using Largest = std::array<double, duty_count>;

double sum(const Largest& largest) {
  double all = 0;
  for (const double each : largest) all += each;
  return all;
}

// Products whose results the role's own threads hold: all but those of tcgen05, which stay in tensor memory.
bool in_registers(const Pipeline& pipeline, const PipelineOp& op) {
  return op.mma && (op.mma->registers_b || pipeline.tensor != "tcgen05");
}

Largest accumulators(const Pipeline& pipeline, int role) {
  Largest largest{};
  for_each_op(pipeline, role, [&](const PipelineOp& op) {
    if (!in_registers(pipeline, op) || op.duties.empty()) return;
    double& most = largest[static_cast<std::size_t>(op.duties.front().duty)];
    most = std::max(most, op.mma->m * op.mma->n);
  });
  return largest;
}

// Operands in registers: a first operand that is no tile in shared memory, a step's worth of both for mma.sync, and
// what is read from tensor memory.
double fragments(const Pipeline& pipeline, int role) {
  const double element = pipeline.element_bytes;
  double most = 0;
  for_each_op(pipeline, role, [&](const PipelineOp& op) {
    double held = 0;
    if (op.mma && op.mma->registers_b) {
      held = (op.mma->m + op.mma->n) * mma_step * element / 4 * 2;  // the next step is on its way
    } else if (op.mma && op.mma->a == OperandHome::registers) {
      held = op.mma->m * op.mma->k * element / 4;
    }
    for (const InstructionCount& entry : op.instructions) {
      if (entry.instruction == "ldtm") held = std::max(held, entry.count);
    }
    most = std::max(most, held);
  });
  return most;
}

bool does_softmax(const Pipeline& pipeline, int role) {
  bool found = false;
  for_each_op(pipeline, role, [&](const PipelineOp& op) {
    found = found || std::ranges::find(op.duties, Duty::exp, &DutyAmount::duty) != op.duties.end();
  });
  return found;
}

double rounded(double registers) { return std::ceil(registers / unit) * unit; }

// What every role gets, those that say it included: what it needs, where the register file has that; else an equal
// share for each thread of what the modest have left.
std::vector<double> shared_out(const Pipeline& pipeline) {
  std::vector<double> registers;
  std::vector<bool> settled;
  for (int i = 0; i < static_cast<int>(pipeline.roles.size()); ++i) {
    const PipelineRole& role = pipeline.roles[static_cast<std::size_t>(i)];
    settled.push_back(role.registers > 0);
    registers.push_back(settled.back() ? role.registers
                                       : std::min(most_of_a_thread, rounded(needed_registers(pipeline, i))));
  }
  for (bool changed = true; changed;) {
    changed = false;
    double left = register_file / pipeline.ctas_per_sm;
    double threads = 0;
    for (std::size_t i = 0; i < registers.size(); ++i) {
      (settled[i] ? left : threads) +=
          settled[i] ? -threads_of(pipeline.roles[i]) * registers[i] : threads_of(pipeline.roles[i]);
    }
    const double share = std::max(unit, std::floor(left / std::max(1.0, threads) / unit) * unit);
    for (std::size_t i = 0; i < registers.size(); ++i) {
      if (settled[i] || registers[i] > share) continue;
      settled[i] = changed = true;
    }
    if (changed) continue;
    for (std::size_t i = 0; i < registers.size(); ++i) registers[i] = settled[i] ? registers[i] : share;
  }
  return registers;
}

// A store and a load of each in every iteration of every segment that the role takes part in, beside its last
// instructions there.
void add_spills(Pipeline& pipeline, int role, double spills) {
  const double words = spills * threads_of(pipeline.roles[static_cast<std::size_t>(role)]);
  for (PipelineSegment& segment : pipeline.segments) {
    const auto own = [&](const PipelineOp& op) { return op.role == role; };
    const auto executes = [&](const PipelineOp& op) { return own(op) && op.engine == Engine::none; };
    if (std::ranges::none_of(segment.ops, own)) continue;
    auto last = std::find_if(segment.ops.rbegin(), segment.ops.rend(), executes);
    if (last == segment.ops.rend()) {
      PipelineOp spill;
      spill.name = "spill";
      spill.role = role;
      spill.location = pipeline.roles[static_cast<std::size_t>(role)].location;
      segment.ops.push_back(std::move(spill));
      last = segment.ops.rbegin();
    }
    last->instructions.push_back({"stg", words});
    last->instructions.push_back({"ldg", words});
  }
}

void predict_registers(Pipeline& pipeline) {
  const auto said = [](const PipelineRole& role) { return role.registers > 0; };
  if (std::ranges::all_of(pipeline.roles, said)) return;
  const std::vector<double> registers = shared_out(pipeline);
  for (int role = 0; role < static_cast<int>(pipeline.roles.size()); ++role) {
    PipelineRole& own = pipeline.roles[static_cast<std::size_t>(role)];
    if (own.registers > 0) continue;
    own.predicted = true;
    own.registers = static_cast<int>(registers[static_cast<std::size_t>(role)]);
    own.spills = std::max(0.0, std::ceil(needed_registers(pipeline, role) - own.registers));
    if (own.spills > 0) add_spills(pipeline, role, own.spills);
  }
}

void predict_slots(Pipeline& pipeline) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      for (const int given : op.gives) {
        PipelineChannel& channel = pipeline.channels[static_cast<std::size_t>(given)];
        const bool filled = op.engine == Engine::tma && op.loaded.si() > 0;
        if (filled && !channel.stated) channel.smem = std::max(channel.smem, op.loaded + op.smem);
      }
    }
  }
}

}  // namespace

double accumulator_registers(const Pipeline& pipeline, int role) {
  return sum(accumulators(pipeline, role)) / threads_of(pipeline.roles[static_cast<std::size_t>(role)]);
}

double needed_registers(const Pipeline& pipeline, int role) {
  const double threads = threads_of(pipeline.roles[static_cast<std::size_t>(role)]);
  const double results = sum(accumulators(pipeline, role)) / threads;
  const double temporaries = does_softmax(pipeline, role) ? softmax_share * results : 0;
  return results + fragments(pipeline, role) / threads + temporaries + housekeeping;
}

void predict_holdings(Pipeline& pipeline) {
  predict_slots(pipeline);
  predict_registers(pipeline);
}

}  // namespace perfmodel
