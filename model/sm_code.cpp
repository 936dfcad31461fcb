#include "model/sm_code.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>

#include "model/lower.hpp"
#include "model/sm_graph.hpp"

namespace perfmodel {

namespace {

// Each sub-partition has a quarter of these, which only the warps on it can use.
bool is_divided(std::string_view pipe) { return pipe != "smem" && pipe != "lsu" && pipe != "tensor" && pipe != "port"; }

// Keeps its memory from one program to the next; what it gives follows from its input alone.
class Pricer {
 public:
  SmCode price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline, OpNames names) {
    PricedOps nothing_known;
    return price(machine, point, pipeline, names, nothing_known, {});
  }

  // `changed`: operations whose price may not be what `priced` says, a mark each; all where it is empty.
  SmCode price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline, OpNames names,
               PricedOps& priced, std::span<const char> changed) {
    machine_ = &machine;
    point_ = &point;
    pipeline_ = &pipeline;
    names_ = names;
    priced_ = &priced;
    changed_ = changed;
    code_ = {};
    faults_ = {};
    next_hint_ = 0;
    first_op_ = 0;
    work_.fill(0.0);
    find_pipes();
    reserve();
    for (const PipelineChannel& channel : pipeline.channels) {
      code_.channels.push_back(
          {static_cast<std::int16_t>(channel.depth), static_cast<std::int16_t>(channel.initial), 0});
      if (names_ == OpNames::kept) code_.channel_names.push_back(channel.name);
    }
    find_engines();
    count_takers();
    std::size_t ops = 0;
    for (const PipelineSegment& segment : pipeline.segments) ops += segment.ops.size();
    priced.ops.resize(ops);
    code_.roles = static_cast<int>(pipeline.roles.size());
    code_.persistent = pipeline.persistent;
    code_.restart = (machine.transfer.prologue.value * point.sm_clock).si();
    for (const PipelineSegment& segment : pipeline.segments) add_segment(segment);
    faults_.throw_if_errors();
    add_recurrences();
    return std::move(code_);
  }

 private:
  void find_pipes() {
    code_.tensor_pipe = static_cast<int>(machine_->pipes.size());
    code_.port_pipe = code_.tensor_pipe + 1;
    code_.pipes = code_.tensor_pipe + 2;
    if (code_.pipes > max_sm_pipes) {
      throw InputError({}, fmt::format("{} has {} pipes, {} are the most that a simulation holds", machine_->name,
                                       machine_->pipes.size(), max_sm_pipes - 2));
    }
    smem_ = machine_->find_pipe("smem");
    code_.smem_pipe = smem_.value_or(0);
    divided_ = 0;
    for (std::size_t pipe = 0; pipe < machine_->pipes.size(); ++pipe) {
      if (is_divided(machine_->pipes[pipe].name)) divided_ |= 1U << pipe;
    }
    withhold();
    if (names_ == OpNames::left_out) return;
    for (const Pipe& pipe : machine_->pipes) code_.pipe_names.push_back(pipe.name);
    code_.pipe_names.emplace_back("tensor");
    code_.pipe_names.emplace_back("port");
  }

  // wgmma reads and writes its accumulators at the rate of the register file's ports; an instruction of any kind gets to
  // its operands in the turns that are left, which were counted with LOP3.
  void withhold() {
    if (machine_->tensor.generation != TensorGeneration::wgmma) return;
    const auto issue = machine_->find_pipe("issue");
    const auto alu = machine_->find_pipe("alu");
    const auto xu = machine_->find_pipe("xu");
    if (!issue || !alu || !xu) return;
    const auto rate = [&](int pipe) { return machine_->pipes[static_cast<std::size_t>(pipe)].rate.value.si(); };
    const double turns = (1 - machine_->contention.alu.value) * rate(*alu) / rate(*issue);
    code_.withheld = {{static_cast<std::int16_t>(*issue), std::max(0.0, 1 - turns)},
                      {static_cast<std::int16_t>(*xu), machine_->contention.xu.value}};
  }

  void reserve() {
    std::size_t ops = 0;
    std::size_t waits = 0;
    std::size_t gives = 0;
    for (const PipelineSegment& segment : pipeline_->segments) {
      ops += segment.ops.size();
      for (const PipelineOp& op : segment.ops) {
        waits += op.takes.size() + op.reads.size();
        gives += op.gives.size();
      }
    }
    code_.ops.reserve(ops);
    code_.uses.reserve(6 * ops);
    code_.waits.reserve(waits);
    code_.gives.reserve(gives);
    code_.channels.reserve(pipeline_->channels.size());
    code_.segments.reserve(pipeline_->segments.size());
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
    filled_by_.assign(pipeline_->channels.size(), Engine::none);
    seen_.assign(pipeline_->channels.size(), false);
    for (const PipelineSegment& segment : pipeline_->segments) {
      for (const PipelineOp& op : segment.ops) {
        for (const int channel : op.gives) {
          const auto at = static_cast<std::size_t>(channel);
          filled_by_[at] = seen_[at] && filled_by_[at] != op.engine ? Engine::none : op.engine;
          seen_[at] = true;
        }
      }
    }
  }

  // Which roles take from a channel, and whether an instruction of two CTAs does.
  void count_takers() {
    std::vector<std::uint32_t>& roles = roles_of_channel_;
    roles.assign(pipeline_->channels.size(), 0);
    pair_takes_.assign(pipeline_->channels.size(), false);
    for (const PipelineSegment& segment : pipeline_->segments) {
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
      for (std::size_t i = 0; i < segment.ops.size(); ++i) {
        if (segment.ops[i].role == role) add_op(segment.ops[i], first_op_ + i, flat);
      }
      range.end = static_cast<std::int16_t>(code_.ops.size());
      if (range.end - range.begin > most) {
        most = range.end - range.begin;
        flat.reference = role;
      }
    }
    first_op_ += segment.ops.size();
    set_copied(flat);
    code_.segments.push_back(flat);
    if (names_ == OpNames::kept) code_.segment_names.push_back(segment.name);
  }

  [[nodiscard]] double shared_memory_of(const SmOp& op) const {
    double sum = 0;
    for (int i = 0; i < op.uses; ++i) {
      const PipeUse& use = code_.uses[static_cast<std::size_t>(op.first_use + i)];
      if (use.pipe == code_.smem_pipe) sum += use.work;
    }
    return sum;
  }

  void set_copied(const SmSegment& segment) {
    const std::span<SmOp> ops = std::span(code_.ops).subspan(static_cast<std::size_t>(segment.roles.front().begin));
    double copies = 0;
    double all = 0;
    for (const SmOp& op : ops) {
      if (op.copied <= 0 && op.engine != Engine::tensor) continue;
      (op.copied > 0 ? copies : all) += shared_memory_of(op);
    }
    all += copies;
    for (SmOp& op : ops) op.copied = op.copied > 0 && all > 0 ? copies / all : 0;
  }

  void price_op(const PipelineOp& op, PricedOps::Op& priced) {
    touched_ = 0;
    add_instructions(op);
    add_product(op);
    add_bytes(op);
    priced.times = {};
    priced.times.role = static_cast<std::int16_t>(op.role);
    priced.times.engine = op.engine;
    set_times(op, priced.times);
    priced.times.copied = fills(op) ? 1 : 0;  // until the segment is complete
    priced.uses.clear();
    for (std::uint32_t left = touched_; left != 0; left &= left - 1) {
      const auto pipe = static_cast<std::size_t>(std::countr_zero(left));
      if (work_[pipe] > 0) priced.uses.push_back({static_cast<std::int16_t>(pipe), work_[pipe]});
      work_[pipe] = 0;
    }
  }

  // The operation at that place among those of all segments.
  void add_op(const PipelineOp& op, std::size_t place, SmSegment& segment) {
    PricedOps::Op& priced = priced_->ops[place];
    if (changed_.empty() || changed_[place] != 0) price_op(op, priced);
    SmOp flat = priced.times;
    flat.first_use = static_cast<std::int16_t>(code_.uses.size());
    flat.uses = static_cast<std::int16_t>(priced.uses.size());
    for (const PipeUse& use : priced.uses) {
      code_.uses.push_back(use);
      segment.work[static_cast<std::size_t>(use.pipe)] += use.work;
    }
    add_channels(op, flat);
    code_.ops.push_back(flat);
    if (names_ == OpNames::left_out) return;
    code_.op_names.push_back(op.name);
    code_.op_roles.push_back(pipeline_->roles[static_cast<std::size_t>(op.role)].name);
    code_.op_parts.emplace_back(op.mma ? duty_names[static_cast<std::size_t>(op.duties.front().duty)] : "");
  }

  void work_on(std::size_t pipe, double cycles) {
    work_[pipe] += cycles;
    touched_ |= 1U << pipe;
  }

  void use_shared_memory(double slots, const PipelineOp& op) {
    if (!smem_) {
      faults_.error(op.location, fmt::format("'{}' needs the pipe 'smem', which {} lacks", op.name, machine_->name));
      return;
    }
    const auto at = static_cast<std::size_t>(*smem_);
    work_on(at, slots / machine_->pipes[at].rate.value.si());
  }

  // Where the machine has an instruction class. Programs of a search ask for the same ones in the same order, so that
  // the place found last time is the likeliest.
  std::optional<std::size_t> instruction_at(const std::string& name) {
    const std::vector<Instruction>& known = machine_->instructions;
    if (next_hint_ == hints_.size()) hints_.push_back(0);
    std::size_t& hint = hints_[next_hint_++];
    if (hint < known.size() && known[hint].name == name) return hint;
    const auto found = std::ranges::find(known, name, &Instruction::name);
    if (found == known.end()) return std::nullopt;
    return hint = static_cast<std::size_t>(found - known.begin());
  }

  void add_instructions(const PipelineOp& op) {
    for (const InstructionCount& entry : op.instructions) {
      const auto index = instruction_at(entry.instruction);
      if (!index) {
        faults_.error(op.location, fmt::format("'{}': {} has no instruction class '{}'", op.name, machine_->name,
                                               entry.instruction));
        continue;
      }
      for (const Occupancy& taken : machine_->instructions[*index].occupies) {
        const auto at = static_cast<std::size_t>(taken.pipe);
        work_on(at, entry.count * taken.slots.value / machine_->pipes[at].rate.value.si());
      }
    }
  }

  void add_product(const PipelineOp& op) {
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
    work_on(static_cast<std::size_t>(code_.tensor_pipe), 2 * padded * mma.n * mma.k / rate);
    if (mma.registers_b) return;
    const double first = mma.a == OperandHome::smem ? rows * across : 0;
    const double second = mma.n * down / (mma.pair ? 2 : 1);
    use_shared_memory(bytes_of(pipeline_->dtype, (first + second) * mma.k).si(), op);
  }

  static bool fills(const PipelineOp& op) { return op.engine == Engine::tma && op.loaded.si() > 0; }

  void add_bytes(const PipelineOp& op) {
    const double port = (point_->l2_bandwidth / point_->sm_clock).si();
    const double moved = (op.loaded + op.stored).si();
    const double carried = pipeline_->read_cost * op.loaded.si() + pipeline_->write_cost * op.stored.si();
    work_on(static_cast<std::size_t>(code_.port_pipe), carried / port);
    const double contention = machine_->shared_memory.copy_contention.value;
    // What others of a cluster load for this SM comes in like its own loads.
    const double through = (fills(op) ? contention : 1.0) * op.smem.si() + contention * moved;
    if (through > 0) use_shared_memory(through, op);
  }

  // The longest of its pipes, of which a few warps have only a part, and then the dependent instructions at its end.
  void set_times(const PipelineOp& op, SmOp& flat) {
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

  void set_lags(const PipelineOp& op, SmOp& flat) {
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
          outside ? ((op.from_dram ? machine_->dram.latency.value : l2) * point_->sm_clock).si() : remote;
      flat.give_lag += machine_->transfer.tma_latency.value.si() + memory;
      flat.take_lag += machine_->transfer.tma_latency.value.si();
    } else if (feeds_pair(op)) {
      flat.give_lag += remote;
    }
  }

  // Of its last instruction. The constant is that of an instruction whose first operand comes from shared memory.
  [[nodiscard]] double product_latency(const PipelineMma& mma) const {
    const auto full = static_cast<double>(machine_->tensor.rows.value);
    const double rows = mma.a == OperandHome::smem ? std::min(full, mma.pair ? mma.m / 2 : mma.m) : 0;
    const double way = bytes_of_step / machine_->pipes[static_cast<std::size_t>(code_.smem_pipe)].rate.value.si();
    const double pair =
        mma.pair && machine_->tensor.pair_latency.present() ? machine_->tensor.pair_latency.value.si() : 0;
    return std::max(0.0, machine_->tensor.latency.value.si() - (full - rows) * way) + pair;
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

  const Machine* machine_ = nullptr;
  const OperatingPoint* point_ = nullptr;
  const Pipeline* pipeline_ = nullptr;
  OpNames names_ = OpNames::kept;
  PricedOps* priced_ = nullptr;
  std::span<const char> changed_;
  std::size_t first_op_ = 0;  // of the segment, among those of all
  Diagnostics faults_;
  SmCode code_;
  std::array<double, max_sm_pipes> work_{};  // of an operation, cycles of each pipe
  std::uint32_t touched_ = 0;                // pipes that it has used, a bit each
  std::uint32_t divided_ = 0;                // a bit for each pipe
  std::optional<int> smem_;
  std::vector<Engine> filled_by_;
  std::vector<bool> seen_;        // by channel
  std::vector<bool> pair_takes_;  // by channel
  std::vector<std::uint32_t> roles_of_channel_;
  std::vector<std::size_t> hints_;  // of each instruction asked for, in order
  std::size_t next_hint_ = 0;
};

}  // namespace

namespace {

Pricer& pricer() {
  thread_local Pricer of_this_thread;
  return of_this_thread;
}

bool same_conditions(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline,
                     const PricedOps& priced) {
  return priced.machine == &machine && priced.point == point && priced.dtype == pipeline.dtype &&
         priced.read_cost == pipeline.read_cost && priced.write_cost == pipeline.write_cost &&
         std::ranges::equal(priced.warps, pipeline.roles, {}, {}, &PipelineRole::warps);
}

}  // namespace

SmCode price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline, OpNames names) {
  return pricer().price(machine, point, pipeline, names);
}

SmCode price_again(const Machine& machine, const OperatingPoint& point, EvaluatedPipeline& evaluated, PricedOps& priced,
                   OpNames names) {
  const Pipeline& pipeline = evaluated.pipeline;
  const bool known = !evaluated.anew && same_conditions(machine, point, pipeline, priced);
  const std::span<const char> changed = known ? std::span<const char>(evaluated.changed) : std::span<const char>();
  priced.machine = nullptr;  // should an instruction be unknown
  SmCode code = pricer().price(machine, point, pipeline, names, priced, changed);
  priced.machine = &machine;
  priced.point = point;
  priced.dtype = pipeline.dtype;
  priced.read_cost = pipeline.read_cost;
  priced.write_cost = pipeline.write_cost;
  priced.warps.clear();
  for (const PipelineRole& role : pipeline.roles) priced.warps.push_back(role.warps);
  evaluated.clear_changes();
  return code;
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
