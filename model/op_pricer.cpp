#include "model/op_pricer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "model/lower.hpp"

namespace perfmodel {

namespace {

// A thread hands a tile's product to the tensor cores instruction by instruction, a clock or so each.
constexpr double issue_of_product = 16;
constexpr double bytes_of_step = 32;  // of a row that one instruction multiplies: K of wgmma and tcgen05

// Each sub-partition has a quarter of these, which only the warps on it can use.
bool is_divided(std::string_view pipe) { return pipe != "smem" && pipe != "lsu" && pipe != "tensor" && pipe != "port"; }

bool fills(const PipelineOp& op) { return op.engine == Engine::tma && op.loaded.si() > 0; }

}  // namespace

void OpPricer::start(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline) {
  machine_ = &machine;
  point_ = point;
  pipeline_ = &pipeline;
  faults_ = {};
  work_.fill(0.0);
}

void OpPricer::start_anew(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline) {
  start(machine, point, pipeline);
  pipes_.tensor = static_cast<int>(machine.pipes.size());
  pipes_.port = pipes_.tensor + 1;
  smem_ = machine.find_pipe("smem");
  pipes_.smem = smem_.value_or(0);
  divided_ = 0;
  for (std::size_t pipe = 0; pipe < machine.pipes.size(); ++pipe) {
    if (is_divided(machine.pipes[pipe].name)) divided_ |= 1U << pipe;
  }
  pair_takes_.assign(pipeline.channels.size(), false);
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (!op.mma || !op.mma->pair) continue;
      for (const int channel : op.takes) pair_takes_[static_cast<std::size_t>(channel)] = true;
    }
  }
}

void OpPricer::price(const PipelineOp& op, PricedOp& priced) {
  touched_ = 0;
  classes_ = &priced.classes;
  next_class_ = 0;
  add_instructions(op);
  add_product(op);
  add_bytes(op);
  priced.times = {};
  priced.times.role = static_cast<std::int16_t>(op.role);
  priced.times.engine = op.engine;
  set_times(op, priced.times);
  priced.fills = fills(op);
  priced.uses.clear();
  for (std::uint32_t left = touched_; left != 0; left &= left - 1) {
    const auto pipe = static_cast<std::size_t>(std::countr_zero(left));
    if (work_[pipe] > 0) priced.uses.push_back({static_cast<std::int16_t>(pipe), work_[pipe]});
    work_[pipe] = 0;
  }
}

void OpPricer::work_on(std::size_t pipe, double cycles) {
  work_[pipe] += cycles;
  touched_ |= 1U << pipe;
}

void OpPricer::use_shared_memory(double slots, const PipelineOp& op) {
  if (!smem_) {
    faults_.error(op.location, fmt::format("'{}' needs the pipe 'smem', which {} lacks", op.name, machine_->name));
    return;
  }
  const auto at = static_cast<std::size_t>(*smem_);
  work_on(at, slots / machine_->pipes[at].rate.value.si());
}

// Where the machine has an instruction class. An operation asks for the same ones in the same order each time, so that
// the place found last time is the likeliest.
std::optional<std::size_t> OpPricer::instruction_at(const std::string& name) {
  const std::vector<Instruction>& known = machine_->instructions;
  if (next_class_ == classes_->size()) classes_->push_back(0);
  std::size_t& hint = (*classes_)[next_class_++];
  if (hint < known.size() && known[hint].name == name) return hint;
  const auto found = std::ranges::find(known, name, &Instruction::name);
  if (found == known.end()) return std::nullopt;
  return hint = static_cast<std::size_t>(found - known.begin());
}

void OpPricer::add_instructions(const PipelineOp& op) {
  for (const InstructionCount& entry : op.instructions) {
    const auto index = instruction_at(entry.instruction);
    if (!index) {
      faults_.error(op.location,
                    fmt::format("'{}': {} has no instruction class '{}'", op.name, machine_->name, entry.instruction));
      continue;
    }
    for (const Occupancy& taken : machine_->instructions[*index].occupies) {
      const auto at = static_cast<std::size_t>(taken.pipe);
      work_on(at, entry.count * taken.slots.value / machine_->pipes[at].rate.value.si());
    }
  }
}

void OpPricer::add_product(const PipelineOp& op) {
  if (!op.mma) return;
  const PipelineMma& mma = *op.mma;
  double rate = tensor_rate(*machine_, pipeline_->dtype).si();
  if (rate <= 0) {
    faults_.error(op.location, fmt::format("{} has no {} tensor cores", machine_->name, name_of(pipeline_->dtype)));
    return;
  }
  if (mma.registers_b && machine_->tensor.mma_sync.present()) rate *= machine_->tensor.mma_sync.value;
  const double rows = mma.pair ? mma.m / 2 : mma.m;
  const double down = std::ceil(rows / static_cast<double>(machine_->tensor.rows.value));
  // An instruction of fewer rows takes as long as a full one; of two CTAs' rows, half as many are full.
  const double padded = mma.pair || mma.registers_b ? rows : down * static_cast<double>(machine_->tensor.rows.value);
  const double across = std::ceil(mma.n / static_cast<double>(machine_->tensor.maximum_columns.value));
  work_on(static_cast<std::size_t>(pipes_.tensor), 2 * padded * mma.n * mma.k / rate);
  if (mma.registers_b) return;
  const double first = mma.a == OperandHome::smem ? rows * across : 0;
  const double second = mma.n * down / (mma.pair ? 2 : 1);
  use_shared_memory(bytes_of(pipeline_->dtype, (first + second) * mma.k).si(), op);
}

void OpPricer::add_bytes(const PipelineOp& op) {
  const double port = (point_.l2_bandwidth / point_.sm_clock).si();
  const double moved = (op.loaded + op.stored).si();
  const double carried = pipeline_->read_cost * op.loaded.si() + pipeline_->write_cost * op.stored.si();
  work_on(static_cast<std::size_t>(pipes_.port), carried / port);
  const double contention = machine_->shared_memory.copy_contention.value;
  // What others of a cluster load for this SM comes in like its own loads.
  const double through = (fills(op) ? contention : 1.0) * op.smem.si() + contention * moved;
  if (through > 0) use_shared_memory(through, op);
}

// The longest of its pipes, of which a few warps have only a part, and then the dependent instructions at its end.
void OpPricer::set_times(const PipelineOp& op, SmOp& flat) {
  const double partitions = static_cast<double>(machine_->limits.sub_partitions.value);
  const double warps = pipeline_->roles[static_cast<std::size_t>(op.role)].warps;
  const double share = op.engine == Engine::none ? std::min(1.0, warps / partitions) : 1.0;
  for (std::uint32_t left = touched_; left != 0; left &= left - 1) {
    const auto pipe = static_cast<std::size_t>(std::countr_zero(left));
    const bool divided = (divided_ >> pipe & 1U) != 0;
    flat.floor = std::max(flat.floor, divided ? work_[pipe] / share : work_[pipe]);
  }
  for (const InstructionCount& entry : op.chain) {
    if (const auto index = instruction_at(entry.instruction)) {
      flat.floor += entry.count * machine_->instructions[*index].latency.value.si();
    }
  }
  if (machine_->transfer.tma_row.present()) {
    flat.floor = std::max(flat.floor, op.rows * machine_->transfer.tma_row.value.si());
  }
  // Whoever has asked for it, it comes in through the SM's own port.
  if (fills(op)) flat.floor = std::max(flat.floor, (op.loaded + op.smem).si() / machine_->l2.port.value.si());
  set_lags(op, flat);
}

void OpPricer::set_lags(const PipelineOp& op, SmOp& flat) {
  const double barrier = machine_->transfer.barrier_wait.value.si();
  const double remote = std::max(0.0, machine_->transfer.cluster_barrier.value.si() - barrier);
  flat.give_lag = flat.take_lag = barrier;
  if (op.engine == Engine::tensor) {
    flat.issue = std::min(issue_of_product, flat.floor);
    // tcgen05 arrives on a barrier by itself, and its latency was measured to that wait; wgmma is waited for in its
    // own warps, which then arrive where a slot is to be filled again.
    const bool arrives = machine_->tensor.generation == TensorGeneration::tcgen05;
    const double latency = op.mma ? product_latency(*op.mma) : arrives ? machine_->tensor.latency.value.si() : 0;
    flat.give_lag = latency;
    flat.take_lag = arrives ? latency : barrier + latency;
  } else if (op.engine == Engine::tma) {
    flat.issue = op.loaded.si() + op.stored.si() > 0 ? machine_->transfer.tma_issue.value.si() : 0;
    const Seconds l2 = 0.5 * (machine_->l2.near_latency.value + machine_->l2.far_latency.value);
    const bool outside = op.loaded.si() + op.stored.si() > 0;  // else between two SMs of a cluster
    const double memory =
        outside ? ((op.from_dram ? machine_->dram.latency.value : l2) * point_.sm_clock).si() : remote;
    flat.give_lag += machine_->transfer.tma_latency.value.si() + memory;
    flat.take_lag += machine_->transfer.tma_latency.value.si();
  } else if (feeds_pair(op)) {
    flat.give_lag += remote;
  }
}

// Of its last instruction. The constant is that of an instruction whose first operand comes from shared memory.
double OpPricer::product_latency(const PipelineMma& mma) const {
  const auto full = static_cast<double>(machine_->tensor.rows.value);
  const double rows = mma.a == OperandHome::smem ? std::min(full, mma.pair ? mma.m / 2 : mma.m) : 0;
  const double way = bytes_of_step / machine_->pipes[static_cast<std::size_t>(pipes_.smem)].rate.value.si();
  const double pair =
      mma.pair && machine_->tensor.pair_latency.present() ? machine_->tensor.pair_latency.value.si() : 0;
  return std::max(0.0, machine_->tensor.latency.value.si() - (full - rows) * way) + pair;
}

// What is handed to an instruction of two CTAs has to be ready in both.
bool OpPricer::feeds_pair(const PipelineOp& op) const {
  return std::ranges::any_of(op.gives, [&](int channel) { return pair_takes_[static_cast<std::size_t>(channel)]; });
}

}  // namespace perfmodel
