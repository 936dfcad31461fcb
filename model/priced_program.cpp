#include "model/priced_program.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace perfmodel {

namespace {

// Segments that go on for so long have a recurrence bound: the simulation leaves out repetitions.
constexpr double loop = 4;

}  // namespace

bool PricedProgram::same_conditions(const Machine& machine, const OperatingPoint& point,
                                    const Pipeline& pipeline) const {
  const Conditions& known = conditions_;
  return known.machine == &machine && known.point == point && known.dtype == pipeline.dtype &&
         known.read_cost == pipeline.read_cost && known.write_cost == pipeline.write_cost &&
         std::ranges::equal(known.warps, pipeline.roles, {}, {}, &PipelineRole::warps);
}

void PricedProgram::keep_conditions(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline) {
  conditions_.machine = &machine;
  conditions_.point = point;
  conditions_.dtype = pipeline.dtype;
  conditions_.read_cost = pipeline.read_cost;
  conditions_.write_cost = pipeline.write_cost;
  conditions_.warps.clear();
  for (const PipelineRole& role : pipeline.roles) conditions_.warps.push_back(role.warps);
}

std::shared_ptr<const SmCode> PricedProgram::price(const Machine& machine, const OperatingPoint& point,
                                                   const Pipeline& pipeline, OpNames names) {
  conditions_.machine = nullptr;  // should an instruction be unknown
  recurrences_.forget();
  if (machine.pipes.size() + 2 > max_sm_pipes) {
    throw InputError({}, fmt::format("{} has {} pipes, {} are the most that a simulation holds", machine.name,
                                     machine.pipes.size(), max_sm_pipes - 2));
  }
  pricer_.start_anew(machine, point, pipeline);
  find_engines(pipeline);
  price_ops(pipeline, {});
  flatten(machine, point, pipeline, names);
  keep_conditions(machine, point, pipeline);
  return code_;
}

std::shared_ptr<const SmCode> PricedProgram::price_again(const Machine& machine, const OperatingPoint& point,
                                                         EvaluatedPipeline& evaluated, OpNames names) {
  const Pipeline& pipeline = evaluated.pipeline;
  if (evaluated.anew || !same_conditions(machine, point, pipeline)) {
    price(machine, point, pipeline, names);
  } else {
    conditions_.machine = nullptr;
    pricer_.start(machine, point, pipeline);
    price_ops(pipeline, evaluated.changed);
    const bool in_place = names == OpNames::left_out && code_.use_count() == 1 && code_->op_names.empty();
    if (!in_place || !change_in_place(pipeline, evaluated.changed)) flatten(machine, point, pipeline, names);
    conditions_.machine = &machine;
  }
  evaluated.clear_changes();
  return code_;
}

// Channels that one engine alone fills: what the same engine empties, it may refill without waiting.
void PricedProgram::find_engines(const Pipeline& pipeline) {
  filled_by_.assign(pipeline.channels.size(), Engine::none);
  std::vector<bool> seen(pipeline.channels.size(), false);
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      for (const int channel : op.gives) {
        const auto at = static_cast<std::size_t>(channel);
        filled_by_[at] = seen[at] && filled_by_[at] != op.engine ? Engine::none : op.engine;
        seen[at] = true;
      }
    }
  }
}

// `changed`: a mark each; all where it is empty.
void PricedProgram::price_ops(const Pipeline& pipeline, std::span<const char> changed) {
  std::size_t ops = 0;
  for (const PipelineSegment& segment : pipeline.segments) ops += segment.ops.size();
  ops_.resize(ops);
  std::size_t place = 0;
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (changed.empty() || changed[place] != 0) pricer_.price(op, ops_[place]);
      ++place;
    }
  }
  pricer_.throw_if_errors();
}

void PricedProgram::flatten(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline,
                            OpNames names) {
  code_ = std::make_shared<SmCode>();
  places_.clear();
  code_->tensor_pipe = pricer_.pipes().tensor;
  code_->port_pipe = pricer_.pipes().port;
  code_->smem_pipe = pricer_.pipes().smem;
  code_->pipes = code_->port_pipe + 1;
  code_->roles = static_cast<int>(pipeline.roles.size());
  code_->persistent = pipeline.persistent;
  code_->restart = (machine.launch.successor.value * point.sm_clock).si();
  withhold(machine);
  reserve(pipeline);
  count_takers(pipeline);
  std::size_t place = 0;
  for (const PipelineSegment& segment : pipeline.segments) {
    add_segment(pipeline, segment, place, names);
    place += segment.ops.size();
  }
  if (names == OpNames::kept) add_names(machine, pipeline);
  add_recurrences();
}

// wgmma reads and writes its accumulators at the rate of the register file's ports; an instruction of any kind gets to
// its operands in the turns that are left, which were counted with LOP3.
void PricedProgram::withhold(const Machine& machine) {
  if (machine.tensor.generation != TensorGeneration::wgmma) return;
  const auto issue = machine.find_pipe("issue");
  const auto alu = machine.find_pipe("alu");
  const auto xu = machine.find_pipe("xu");
  if (!issue || !alu || !xu) return;
  const auto rate = [&](int pipe) { return machine.pipes[static_cast<std::size_t>(pipe)].rate.value.si(); };
  const double turns = (1 - machine.contention.alu.value) * rate(*alu) / rate(*issue);
  code_->withheld = {{static_cast<std::int16_t>(*issue), std::max(0.0, 1 - turns)},
                     {static_cast<std::int16_t>(*xu), machine.contention.xu.value}};
}

void PricedProgram::reserve(const Pipeline& pipeline) {
  std::size_t waits = 0;
  std::size_t gives = 0;
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      waits += op.takes.size() + op.reads.size();
      gives += op.gives.size();
    }
  }
  std::size_t uses = 0;
  for (const PricedOp& op : ops_) uses += op.uses.size();
  code_->ops.reserve(ops_.size());
  code_->uses.reserve(uses);
  code_->waits.reserve(waits);
  code_->gives.reserve(gives);
  code_->channels.reserve(pipeline.channels.size());
  code_->segments.reserve(pipeline.segments.size());
}

void PricedProgram::count_takers(const Pipeline& pipeline) {
  for (const PipelineChannel& channel : pipeline.channels) {
    code_->channels.push_back(
        {static_cast<std::int16_t>(channel.depth), static_cast<std::int16_t>(channel.initial), 0});
  }
  std::vector<std::uint32_t> roles(pipeline.channels.size(), 0);
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      for (const int channel : op.takes)
        roles[static_cast<std::size_t>(channel)] |= 1U << static_cast<unsigned>(op.role);
    }
  }
  for (std::size_t channel = 0; channel < roles.size(); ++channel) {
    code_->channels[channel].takers = static_cast<std::int16_t>(std::popcount(roles[channel]));
  }
}

void PricedProgram::add_segment(const Pipeline& pipeline, const PipelineSegment& segment, std::size_t first_place,
                                OpNames names) {
  SmSegment flat;
  flat.count = std::floor(segment.count);
  int most = -1;
  for (int role = 0; role < code_->roles; ++role) {
    SmRange& range = flat.roles[static_cast<std::size_t>(role)];
    range.begin = static_cast<std::int16_t>(code_->ops.size());
    for (std::size_t i = 0; i < segment.ops.size(); ++i) {
      const PipelineOp& op = segment.ops[i];
      if (op.role != role) continue;
      add_op(op, first_place + i);
      if (names == OpNames::left_out) continue;
      code_->op_names.push_back(op.name);
      code_->op_roles.push_back(pipeline.roles[static_cast<std::size_t>(role)].name);
      code_->op_parts.emplace_back(op.mma ? duty_names[static_cast<std::size_t>(op.duties.front().duty)] : "");
    }
    range.end = static_cast<std::int16_t>(code_->ops.size());
    if (range.end - range.begin > most) {
      most = range.end - range.begin;
      flat.reference = role;
    }
  }
  add_up(flat);
  code_->segments.push_back(flat);
}

// The operation at that place among those of all segments.
void PricedProgram::add_op(const PipelineOp& op, std::size_t place) {
  PricedOp& priced = ops_[place];
  priced.flat = static_cast<std::int16_t>(code_->ops.size());
  places_.push_back(place);
  SmOp flat = priced.times;
  flat.first_use = static_cast<std::int16_t>(code_->uses.size());
  flat.uses = static_cast<std::int16_t>(priced.uses.size());
  code_->uses.insert(code_->uses.end(), priced.uses.begin(), priced.uses.end());
  add_channels(op, flat);
  code_->ops.push_back(flat);
}

void PricedProgram::add_channels(const PipelineOp& op, SmOp& flat) {
  flat.first_wait = static_cast<std::int16_t>(code_->waits.size());
  for (const int channel : op.takes) {
    const Engine filler = filled_by_[static_cast<std::size_t>(channel)];
    const bool early = op.engine != Engine::none && filler == op.engine;
    code_->waits.push_back({static_cast<std::int16_t>(channel), /*take=*/true, early});
  }
  for (const PipelineRead& read : op.reads) {
    code_->waits.push_back(
        {static_cast<std::int16_t>(read.channel), false, false, static_cast<std::int16_t>(read.ahead)});
  }
  flat.waits = static_cast<std::int16_t>(op.takes.size() + op.reads.size());
  flat.first_give = static_cast<std::int16_t>(code_->gives.size());
  for (const int channel : op.gives) code_->gives.push_back(static_cast<std::int16_t>(channel));
  flat.gives = static_cast<std::int16_t>(op.gives.size());
}

void PricedProgram::add_names(const Machine& machine, const Pipeline& pipeline) {
  for (const Pipe& pipe : machine.pipes) code_->pipe_names.push_back(pipe.name);
  code_->pipe_names.emplace_back("tensor");
  code_->pipe_names.emplace_back("port");
  for (const PipelineChannel& channel : pipeline.channels) code_->channel_names.push_back(channel.name);
  for (const PipelineSegment& segment : pipeline.segments) code_->segment_names.push_back(segment.name);
}

void PricedProgram::add_recurrences() {
  for (int i = 0; i < static_cast<int>(code_->segments.size()); ++i) {
    SmSegment& segment = code_->segments[static_cast<std::size_t>(i)];
    segment.recurrence = segment.count >= loop ? recurrences_.bound(*code_, i) : 0;
  }
}

// False where the flat arrays have no room for it.
bool PricedProgram::change_in_place(const Pipeline& pipeline, std::span<const char> changed) {
  const bool other_rings = change_rings(pipeline);
  std::size_t place = 0;
  for (std::size_t i = 0; i < code_->segments.size(); ++i) {
    SmSegment& segment = code_->segments[i];
    bool touched = false;
    for (std::size_t op = 0; op < pipeline.segments[i].ops.size(); ++op, ++place) {
      if (changed[place] == 0) continue;
      if (!change_op(place)) return false;
      touched = true;
    }
    if (touched) add_up(segment);
    if (segment.count < loop) {
      segment.recurrence = 0;
    } else if (touched || other_rings) {
      segment.recurrence = recurrences_.bound(*code_, static_cast<int>(i));
    }
  }
  return true;
}

// Whether slots or iterations differ.
bool PricedProgram::change_rings(const Pipeline& pipeline) {
  bool other = false;
  const auto set = [&](auto& to, auto value) {
    other = other || to != value;
    to = value;
  };
  for (std::size_t i = 0; i < pipeline.channels.size(); ++i) {
    set(code_->channels[i].depth, static_cast<std::int16_t>(pipeline.channels[i].depth));
    set(code_->channels[i].initial, static_cast<std::int16_t>(pipeline.channels[i].initial));
  }
  for (std::size_t i = 0; i < pipeline.segments.size(); ++i) {
    set(code_->segments[i].count, std::floor(pipeline.segments[i].count));
  }
  return other;
}

bool PricedProgram::change_op(std::size_t place) {
  const PricedOp& priced = ops_[place];
  SmOp& flat = code_->ops[static_cast<std::size_t>(priced.flat)];
  if (static_cast<std::size_t>(flat.uses) != priced.uses.size()) return false;
  flat.floor = priced.times.floor;
  flat.issue = priced.times.issue;
  flat.give_lag = priced.times.give_lag;
  flat.take_lag = priced.times.take_lag;
  std::ranges::copy(priced.uses, code_->uses.begin() + flat.first_use);
  return true;
}

double PricedProgram::shared_memory_of(const SmOp& op) const {
  double sum = 0;
  for (int i = 0; i < op.uses; ++i) {
    const PipeUse& use = code_->uses[static_cast<std::size_t>(op.first_use + i)];
    if (use.pipe == code_->smem_pipe) sum += use.work;
  }
  return sum;
}

// The work of its pipes, and which part of what moves in shared memory is copies.
void PricedProgram::add_up(SmSegment& segment) {
  const auto begin = static_cast<std::size_t>(segment.roles.front().begin);
  const auto end = static_cast<std::size_t>(segment.roles[static_cast<std::size_t>(code_->roles - 1)].end);
  segment.work.fill(0.0);
  double copies = 0;
  double all = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const SmOp& op = code_->ops[i];
    for (int u = 0; u < op.uses; ++u) {
      const PipeUse& use = code_->uses[static_cast<std::size_t>(op.first_use + u)];
      segment.work[static_cast<std::size_t>(use.pipe)] += use.work;
    }
    const bool fills = ops_[places_[i]].fills;
    if (fills || op.engine == Engine::tensor) (fills ? copies : all) += shared_memory_of(op);
  }
  all += copies;
  for (std::size_t i = begin; i < end; ++i) {
    code_->ops[i].copied = ops_[places_[i]].fills && all > 0 ? copies / all : 0;
  }
}

}  // namespace perfmodel
