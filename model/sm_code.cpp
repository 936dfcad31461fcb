#include "model/sm_code.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>
#include <unordered_map>

#include "model/lower.hpp"
#include "model/sm_graph.hpp"

namespace perfmodel {

namespace {

// Each sub-partition has a quarter of these, which only the warps on it can use.
bool is_divided(std::string_view pipe) { return pipe != "smem" && pipe != "lsu" && pipe != "tensor" && pipe != "port"; }

class Pricer {
 public:
  Pricer(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline)
      : machine_(machine), point_(point), pipeline_(pipeline) {
    for (std::size_t i = 0; i < machine.instructions.size(); ++i)
      instructions_.emplace(machine.instructions[i].name, i);
  }

  SmCode price() {
    name_pipes();
    for (const PipelineChannel& channel : pipeline_.channels) {
      code_.channels.push_back(
          {static_cast<std::int16_t>(channel.depth), static_cast<std::int16_t>(channel.initial), 0});
      code_.channel_names.push_back(channel.name);
    }
    find_engines();
    count_takers();
    code_.roles = static_cast<int>(pipeline_.roles.size());
    code_.persistent = pipeline_.persistent;
    code_.restart = (machine_.transfer.prologue.value * point_.sm_clock).si();
    for (const PipelineSegment& segment : pipeline_.segments) add_segment(segment);
    faults_.throw_if_errors();
    add_recurrences();
    return std::move(code_);
  }

 private:
  void name_pipes() {
    for (const Pipe& pipe : machine_.pipes) code_.pipe_names.push_back(pipe.name);
    code_.tensor_pipe = static_cast<int>(code_.pipe_names.size());
    code_.pipe_names.emplace_back("tensor");
    code_.port_pipe = static_cast<int>(code_.pipe_names.size());
    code_.pipe_names.emplace_back("port");
    code_.smem_pipe = machine_.find_pipe("smem").value_or(0);
    code_.pipes = static_cast<int>(code_.pipe_names.size());
    for (const std::string& pipe : code_.pipe_names) divided_.push_back(is_divided(pipe));
    if (code_.pipes > max_sm_pipes) {
      throw InputError({}, fmt::format("{} has {} pipes, {} are the most that a simulation holds", machine_.name,
                                       machine_.pipes.size(), max_sm_pipes - 2));
    }
  }

  // Of segments that go on for so long that the simulation leaves out repetitions.
  void add_recurrences() {
    constexpr double loop = 4;
    for (int i = 0; i < static_cast<int>(code_.segments.size()); ++i) {
      SmSegment& segment = code_.segments[static_cast<std::size_t>(i)];
      if (segment.count >= loop) segment.recurrence = recurrence_bound(code_, i);
    }
  }

  // Channels that one engine alone fills: what the same engine empties, it may refill without waiting.
  void find_engines() {
    filled_by_.assign(pipeline_.channels.size(), Engine::none);
    std::vector<bool> seen(pipeline_.channels.size(), false);
    for (const PipelineSegment& segment : pipeline_.segments) {
      for (const PipelineOp& op : segment.ops) {
        for (const int channel : op.gives) {
          const auto at = static_cast<std::size_t>(channel);
          filled_by_[at] = seen[at] && filled_by_[at] != op.engine ? Engine::none : op.engine;
          seen[at] = true;
        }
      }
    }
  }

  // Which roles take from a channel, and whether an instruction of two CTAs does.
  void count_takers() {
    std::vector<std::uint32_t> roles(pipeline_.channels.size(), 0);  // a bit each
    pair_takes_.assign(pipeline_.channels.size(), false);
    for (const PipelineSegment& segment : pipeline_.segments) {
      for (const PipelineOp& op : segment.ops) {
        for (const int channel : op.takes) {
          const auto at = static_cast<std::size_t>(channel);
          roles[at] |= 1U << static_cast<unsigned>(op.role);
          if (op.mma && op.mma->pair) pair_takes_[at] = true;
        }
      }
    }
    for (std::size_t channel = 0; channel < roles.size(); ++channel) {
      code_.channels[channel].takers = static_cast<std::int16_t>(std::popcount(roles[channel]));
    }
  }

  void add_segment(const PipelineSegment& segment) {
    SmSegment flat;
    flat.count = std::floor(segment.count);
    int most = -1;
    for (int role = 0; role < code_.roles; ++role) {
      SmRange& range = flat.roles[static_cast<std::size_t>(role)];
      range.begin = static_cast<std::int16_t>(code_.ops.size());
      for (const PipelineOp& op : segment.ops) {
        if (op.role == role) add_op(op, flat);
      }
      range.end = static_cast<std::int16_t>(code_.ops.size());
      if (range.end - range.begin > most) {
        most = range.end - range.begin;
        flat.reference = role;
      }
    }
    code_.segments.push_back(flat);
    code_.segment_names.push_back(segment.name);
  }

  void add_op(const PipelineOp& op, SmSegment& segment) {
    SmOp flat;
    flat.role = static_cast<std::int16_t>(op.role);
    flat.engine = op.engine;
    work_.assign(static_cast<std::size_t>(code_.pipes), 0.0);
    add_instructions(op);
    add_product(op);
    add_bytes(op);
    flat.first_use = static_cast<std::int16_t>(code_.uses.size());
    for (std::size_t pipe = 0; pipe < work_.size(); ++pipe) {
      if (work_[pipe] <= 0) continue;
      code_.uses.push_back({static_cast<std::int16_t>(pipe), work_[pipe]});
      segment.work[pipe] += work_[pipe];
    }
    flat.uses = static_cast<std::int16_t>(code_.uses.size() - static_cast<std::size_t>(flat.first_use));
    set_times(op, flat);
    add_channels(op, flat);
    code_.ops.push_back(flat);
    code_.op_names.push_back(op.name);
    code_.op_roles.push_back(pipeline_.roles[static_cast<std::size_t>(op.role)].name);
    code_.op_parts.emplace_back(op.mma ? duty_names[static_cast<std::size_t>(op.duties.front().duty)] : "");
  }

  void use(std::string_view pipe, double slots, const PipelineOp& op) {
    const auto index = machine_.find_pipe(pipe);
    if (!index) {
      faults_.error(op.location, fmt::format("'{}' needs the pipe '{}', which {} lacks", op.name, pipe, machine_.name));
      return;
    }
    const auto at = static_cast<std::size_t>(*index);
    work_[at] += slots / machine_.pipes[at].rate.value.si();
  }

  void add_instructions(const PipelineOp& op) {
    for (const InstructionCount& entry : op.instructions) {
      const auto index = instructions_.find(entry.instruction);
      if (index == instructions_.end()) {
        faults_.error(op.location,
                      fmt::format("'{}': {} has no instruction class '{}'", op.name, machine_.name, entry.instruction));
        continue;
      }
      for (const Occupancy& taken : machine_.instructions[index->second].occupies) {
        const auto at = static_cast<std::size_t>(taken.pipe);
        work_[at] += entry.count * taken.slots.value / machine_.pipes[at].rate.value.si();
      }
    }
  }

  void add_product(const PipelineOp& op) {
    if (!op.mma) return;
    const PipelineMma& mma = *op.mma;
    double rate = tensor_rate(machine_, pipeline_.dtype).si();
    if (rate <= 0) {
      faults_.error(op.location, fmt::format("{} has no {} tensor cores", machine_.name, name_of(pipeline_.dtype)));
      return;
    }
    if (mma.registers_b && machine_.tensor.mma_sync.present()) rate *= machine_.tensor.mma_sync.value;
    const double rows = mma.pair ? mma.m / 2 : mma.m;
    const double down = std::ceil(rows / static_cast<double>(machine_.tensor.rows.value));
    // An instruction of fewer rows takes as long as a full one; of two CTAs' rows, half as many are full.
    const double padded = mma.pair || mma.registers_b ? rows : down * static_cast<double>(machine_.tensor.rows.value);
    const double across = std::ceil(mma.n / static_cast<double>(machine_.tensor.maximum_columns.value));
    work_[static_cast<std::size_t>(code_.tensor_pipe)] += 2 * padded * mma.n * mma.k / rate;
    if (mma.registers_b) return;
    const double first = mma.a == OperandHome::smem ? rows * across : 0;
    const double second = mma.n * down / (mma.pair ? 2 : 1);
    use("smem", bytes_of(pipeline_.dtype, (first + second) * mma.k).si(), op);
  }

  void add_bytes(const PipelineOp& op) {
    const double port = (point_.l2_bandwidth / point_.sm_clock).si();
    const double moved = (op.loaded + op.stored).si();
    work_[static_cast<std::size_t>(code_.port_pipe)] += moved / port;
    const double through = op.smem.si() + machine_.shared_memory.copy_contention.value * moved;
    if (through > 0) use("smem", through, op);
  }

  // The longest of its pipes, of which a few warps have only a part, and then the dependent instructions at its end.
  void set_times(const PipelineOp& op, SmOp& flat) {
    const double partitions = static_cast<double>(machine_.limits.sub_partitions.value);
    const double warps = pipeline_.roles[static_cast<std::size_t>(op.role)].warps;
    const double share = op.engine == Engine::none ? std::min(1.0, warps / partitions) : 1.0;
    for (std::size_t pipe = 0; pipe < work_.size(); ++pipe) {
      const double alone = divided_[pipe] ? work_[pipe] / share : work_[pipe];
      flat.floor = std::max(flat.floor, alone);
    }
    for (const InstructionCount& entry : op.chain) {
      if (const auto index = instructions_.find(entry.instruction); index != instructions_.end()) {
        flat.floor += entry.count * machine_.instructions[index->second].latency.value.si();
      }
    }
    if (machine_.transfer.tma_row.present()) {
      flat.floor = std::max(flat.floor, op.rows * machine_.transfer.tma_row.value.si());
    }
    set_lags(op, flat);
  }

  void set_lags(const PipelineOp& op, SmOp& flat) {
    const double barrier = machine_.transfer.barrier_wait.value.si();
    const double remote = std::max(0.0, machine_.transfer.cluster_barrier.value.si() - barrier);
    flat.give_lag = flat.take_lag = barrier;
    if (op.engine == Engine::tensor) {
      flat.issue = std::min(issue_of_product, flat.floor);
      // tcgen05 arrives on a barrier by itself, and its latency was measured to that wait; wgmma is waited for in its
      // own warps, which then arrive where a slot is to be filled again.
      const bool arrives = machine_.tensor.generation == TensorGeneration::tcgen05;
      const double latency = op.mma ? product_latency(*op.mma) : arrives ? machine_.tensor.latency.value.si() : 0;
      flat.give_lag = latency;
      flat.take_lag = arrives ? latency : barrier + latency;
    } else if (op.engine == Engine::tma) {
      flat.issue = op.loaded.si() + op.stored.si() > 0 ? machine_.transfer.tma_issue.value.si() : 0;
      const Seconds l2 = 0.5 * (machine_.l2.near_latency.value + machine_.l2.far_latency.value);
      const bool outside = op.loaded.si() + op.stored.si() > 0;  // else between two SMs of a cluster
      const double memory =
          outside ? ((op.from_dram ? machine_.dram.latency.value : l2) * point_.sm_clock).si() : remote;
      flat.give_lag += machine_.transfer.tma_latency.value.si() + memory;
      flat.take_lag += machine_.transfer.tma_latency.value.si();
    } else if (feeds_pair(op)) {
      flat.give_lag += remote;
    }
  }

  // Of its last instruction. The constant is that of an instruction whose first operand comes from shared memory.
  [[nodiscard]] double product_latency(const PipelineMma& mma) const {
    const auto full = static_cast<double>(machine_.tensor.rows.value);
    const double rows = mma.a == OperandHome::smem ? std::min(full, mma.pair ? mma.m / 2 : mma.m) : 0;
    const double way = bytes_of_step / machine_.pipes[static_cast<std::size_t>(code_.smem_pipe)].rate.value.si();
    const double pair =
        mma.pair && machine_.tensor.pair_latency.present() ? machine_.tensor.pair_latency.value.si() : 0;
    return std::max(0.0, machine_.tensor.latency.value.si() - (full - rows) * way) + pair;
  }

  // What is handed to an instruction of two CTAs has to be ready in both.
  [[nodiscard]] bool feeds_pair(const PipelineOp& op) const {
    return std::ranges::any_of(op.gives, [&](int channel) { return pair_takes_[static_cast<std::size_t>(channel)]; });
  }

  void add_channels(const PipelineOp& op, SmOp& flat) {
    flat.first_wait = static_cast<std::int16_t>(code_.waits.size());
    for (const int channel : op.takes) {
      const Engine filler = filled_by_[static_cast<std::size_t>(channel)];
      const bool early = op.engine != Engine::none && filler == op.engine;
      code_.waits.push_back({static_cast<std::int16_t>(channel), /*take=*/true, early});
    }
    for (const PipelineRead& read : op.reads) {
      code_.waits.push_back(
          {static_cast<std::int16_t>(read.channel), false, false, static_cast<std::int16_t>(read.ahead)});
    }
    flat.waits = static_cast<std::int16_t>(op.takes.size() + op.reads.size());
    flat.first_give = static_cast<std::int16_t>(code_.gives.size());
    for (const int channel : op.gives) code_.gives.push_back(static_cast<std::int16_t>(channel));
    flat.gives = static_cast<std::int16_t>(op.gives.size());
  }

  // A thread hands a tile's product to the tensor cores instruction by instruction, a clock or so each.
  static constexpr double issue_of_product = 16;
  static constexpr double bytes_of_step = 32;  // of a row that one instruction multiplies: K of wgmma and tcgen05

  const Machine& machine_;
  const OperatingPoint& point_;
  const Pipeline& pipeline_;
  Diagnostics faults_;
  SmCode code_;
  std::vector<double> work_;
  std::vector<Engine> filled_by_;
  std::vector<bool> divided_;     // by pipe
  std::vector<bool> pair_takes_;  // by channel
  std::unordered_map<std::string_view, std::size_t> instructions_;
};

}  // namespace

SmCode price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline) {
  return Pricer(machine, point, pipeline).price();
}

OperatingPoint operating_point(const Machine& machine, Hertz clock) {
  OperatingPoint point;
  point.sm_clock = clock;
  point.l2_bandwidth =
      std::min(machine.l2.port.value * clock, machine.l2.bandwidth.value / static_cast<double>(machine.sms.value));
  point.dram_bandwidth =
      machine.dram.read.value * machine.dram.bandwidth.value / static_cast<double>(machine.sms.value);
  point.l2_latency = machine.l2.near_latency.value;
  point.dram_latency = machine.dram.latency.value;
  return point;
}

}  // namespace perfmodel
