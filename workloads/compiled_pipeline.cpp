#include "workloads/compiled_pipeline.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "workloads/pipeline_demand.hpp"
#include "workloads/pipeline_holdings.hpp"

namespace perfmodel {

namespace {

constexpr std::uint64_t all_inputs = ~std::uint64_t{0};
constexpr double column_bytes = 128 * 4;  // 128 lanes of 32 bits

double at(const std::vector<double>& values, FormulaSlot slot) { return values[static_cast<std::size_t>(slot)]; }

int whole_at(const std::vector<double>& values, FormulaSlot slot) { return static_cast<int>(at(values, slot)); }

}  // namespace

// The inputs that each part follows from, once all is compiled.
void CompiledPipeline::find_inputs() {
  const auto of = [&](FormulaSlot slot) { return sheet_.inputs_of(slot); };
  for (Check& check : checks_) check.inputs = of(check.value) | of(check.condition);
  structure_ = 0;
  for (const Role& role : roles_) structure_ |= of(role.when);
  for (const Channel& channel : channels_) structure_ |= of(channel.when);
  for (Segment& segment : segments_) {
    for (Op& op : segment.ops) {
      structure_ |= of(op.when);
      op.inputs = of(op.m) | of(op.n) | of(op.k) | of(op.loaded) | of(op.stored) | of(op.smem) | of(op.rows);
      for (const Amount& duty : op.duties) op.inputs |= duty.amount < 0 ? 0 : of(duty.amount);
      for (const Count& count : op.instructions) op.inputs |= of(count.count);
      for (const Count& count : op.chain) op.inputs |= of(count.count);
    }
  }
}

bool CompiledPipeline::set_inputs(std::span<const SequenceParameter> given, std::vector<double>& values,
                                  std::uint64_t& changed) const {
  thread_local std::vector<double> fresh;
  thread_local std::vector<std::size_t> hints;  // where the names were last time
  fresh.assign(inputs_.size(), std::numeric_limits<double>::quiet_NaN());
  hints.resize(std::max(hints.size(), given.size()));
  for (std::size_t i = 0; i < given.size(); ++i) {
    const SequenceParameter& each = given[i];
    if (!std::isfinite(each.value)) return false;
    std::size_t& place = hints[i];
    if (place >= inputs_.size() || inputs_[place].name != each.name) {
      const auto found = std::ranges::find(inputs_, each.name, &Input::name);
      if (found == inputs_.end()) return false;
      place = static_cast<std::size_t>(found - inputs_.begin());
    }
    if (std::isnan(fresh[place])) fresh[place] = each.value;  // the first counts, as in the reader
  }
  changed = 0;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    double& value = values[static_cast<std::size_t>(inputs_[i].slot)];
    if (std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(fresh[i])) continue;
    value = fresh[i];
    changed |= FormulaSheet::input_bit(i);
  }
  return true;
}

bool CompiledPipeline::holds(const Check& check, const std::vector<double>& values) {
  if (at(values, check.condition) == 0) return true;
  const double value = at(values, check.value);
  const bool low = check.above_min ? value > check.min : value >= check.min;
  return low && value <= check.max && (!check.whole || value == std::floor(value));
}

// A search changes few sets of inputs again and again.
const FormulaRedo& CompiledPipeline::redo_of(std::uint64_t inputs, std::vector<FormulaRedo>& known) const {
  constexpr std::size_t most_known = 16;
  const auto found = std::ranges::find(known, inputs, &FormulaRedo::inputs);
  if (found != known.end()) return *found;
  if (known.size() == most_known) known.erase(known.begin());
  FormulaRedo& redo = known.emplace_back();
  redo.inputs = inputs;
  redo.steps = sheet_.steps_after(inputs);
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    if ((checks_[i].inputs & inputs) != 0) redo.checks.push_back(i);
  }
  return redo;
}

std::optional<std::uint64_t> CompiledPipeline::refresh(std::span<const SequenceParameter> given,
                                                       FormulaValues& values) const {
  const bool fresh = values.of.get() != this;
  if (fresh) {
    values.numbers = sheet_.start();
    values.redo.clear();
  }
  std::uint64_t changed = 0;
  if (!set_inputs(given, values.numbers, changed)) return std::nullopt;
  bool sound = true;
  if (fresh) {
    changed = all_inputs;
    sheet_.evaluate(values.numbers);
    sound = std::ranges::all_of(checks_, [&](const Check& check) { return holds(check, values.numbers); });
  } else {
    const FormulaRedo& redo = redo_of(changed, values.redo);
    FormulaSheet::evaluate(redo.steps, values.numbers);
    sound = std::ranges::all_of(redo.checks, [&](std::size_t i) { return holds(checks_[i], values.numbers); });
  }
  return sound ? std::optional(changed) : std::nullopt;
}

bool CompiledPipeline::evaluate(std::span<const SequenceParameter> given, EvaluatedPipeline& into) const {
  const auto changed = refresh(given, into.values);
  if (!changed) return false;
  fill(into.values.numbers, *changed, into);
  return true;
}

std::optional<PipelineTile> CompiledPipeline::tile(std::span<const SequenceParameter> given,
                                                   FormulaValues& values) const {
  if (!refresh(given, values)) return std::nullopt;
  const std::vector<double>& numbers = values.numbers;
  return PipelineTile{whole_at(numbers, cta_m_), whole_at(numbers, cta_n_), head_.longest_first,
                      whole_at(numbers, cluster_)};
}

namespace {

// Where the kept ones of a list have gone; -1 for those left out.
template <class Items>
void keep(const Items& items, const std::vector<double>& values, std::vector<int>& where) {
  where.clear();
  int next = 0;
  for (const auto& item : items) where.push_back(at(values, item.when) != 0 ? next++ : -1);
}

std::size_t count_kept(const std::vector<int>& where) {
  return where.size() - static_cast<std::size_t>(std::ranges::count(where, -1));
}

void rename(const std::vector<int>& from, const std::vector<int>& where, std::vector<int>& to) {
  to.clear();
  for (const int channel : from) {
    if (const int now = where[static_cast<std::size_t>(channel)]; now >= 0) to.push_back(now);
  }
}

// Pipelines of a search differ in numbers: what is the same already stays, and takes no memory anew.
template <class Value>
void set(Value& to, const Value& from) {
  if (!(to == from)) to = from;
}

bool any_predicted(const Pipeline& pipeline) {
  return std::ranges::any_of(pipeline.roles, [](const PipelineRole& role) { return role.predicted; });
}

}  // namespace

void CompiledPipeline::fill(const std::vector<double>& values, std::uint64_t inputs, EvaluatedPipeline& into) const {
  thread_local Places places;
  keep(roles_, values, places.roles);
  keep(channels_, values, places.channels);
  Pipeline& pipeline = into.pipeline;
  // Predicted registers leave their spills in the operations.
  const bool anew = inputs == all_inputs || (inputs & structure_) != 0 || any_predicted(pipeline);
  if (anew) {
    inputs = all_inputs;
    into.make_anew();
    name_parts(places, pipeline);
  }
  fill_head(values, pipeline);
  fill_parts(values, places, pipeline);
  fill_segments(values, inputs, places, into);
  const PipelineShape shape = shape_at(values);
  pipeline.element_bytes = shape.element_bytes;
  pipeline.demand = demand_of(pipeline, shape);
  predict_holdings(pipeline);
  if (any_predicted(pipeline)) into.make_anew();
}

// All that no value changes.
void CompiledPipeline::name_parts(const Places& places, Pipeline& p) const {
  set(p.name, head_.name);
  set(p.description, head_.description);
  p.kind = head_.kind;
  set(p.tensor, head_.tensor);
  p.persistent = head_.persistent;
  p.longest_first = head_.longest_first;
  set(p.location, head_.location);
  p.parameters.resize(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) set(p.parameters[i].name, parameters_[i].name);
  p.roles.resize(count_kept(places.roles));
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    if (places.roles[i] < 0) continue;
    PipelineRole& role = p.roles[static_cast<std::size_t>(places.roles[i])];
    set(role.name, roles_[i].made.name);
    set(role.location, roles_[i].made.location);
  }
  p.channels.resize(count_kept(places.channels));
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (places.channels[i] < 0) continue;
    PipelineChannel& channel = p.channels[static_cast<std::size_t>(places.channels[i])];
    set(channel.name, channels_[i].made.name);
    set(channel.location, channels_[i].made.location);
    channel.stated = channels_[i].made.stated;
  }
  p.segments.resize(segments_.size());
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    set(p.segments[i].name, segments_[i].made.name);
    set(p.segments[i].location, segments_[i].made.location);
  }
}

void CompiledPipeline::fill_head(const std::vector<double>& values, Pipeline& p) const {
  p.dtype = head_.dtype;
  p.stream_k = head_.stream_k;
  p.read_cost = head_.read_cost;
  p.write_cost = head_.write_cost;
  p.cluster = whole_at(values, cluster_);
  p.ctas_per_sm = whole_at(values, ctas_per_sm_);
  p.split_k = whole_at(values, split_k_);
  p.cta_m = whole_at(values, cta_m_);
  p.cta_n = whole_at(values, cta_n_);
  p.cta_k = whole_at(values, cta_k_);
  const auto limit = [&](FormulaSlot slot) { return slot < 0 ? std::optional<double>() : at(values, slot); };
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    p.parameters[i].value = at(values, parameters_[i].value);
    p.parameters[i].low = limit(parameters_[i].low);
    p.parameters[i].high = limit(parameters_[i].high);
  }
}

void CompiledPipeline::fill_parts(const std::vector<double>& values, const Places& places, Pipeline& p) const {
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    if (places.roles[i] < 0) continue;
    PipelineRole& role = p.roles[static_cast<std::size_t>(places.roles[i])];
    role.warps = whole_at(values, roles_[i].warps);
    role.registers = whole_at(values, roles_[i].registers);
    role.predicted = roles_[i].made.predicted;
    role.spills = roles_[i].made.spills;
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (places.channels[i] < 0) continue;
    const Channel& from = channels_[i];
    PipelineChannel& channel = p.channels[static_cast<std::size_t>(places.channels[i])];
    channel.depth = whole_at(values, from.depth);
    channel.initial = whole_at(values, from.initial);
    channel.smem = Bytes(at(values, from.smem));
    channel.columns = static_cast<int>(std::min(1e6, std::ceil(at(values, from.tmem) / column_bytes)));
  }
}

void CompiledPipeline::fill_segments(const std::vector<double>& values, std::uint64_t inputs, const Places& places,
                                     EvaluatedPipeline& into) const {
  std::size_t all = 0;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& from = segments_[i];
    PipelineSegment& segment = into.pipeline.segments[i];
    segment.count = at(values, from.count);
    const auto runs = [&](const Op& each) {
      return at(values, each.when) != 0 && places.roles[static_cast<std::size_t>(each.made.role)] >= 0;
    };
    if (inputs == all_inputs) {
      segment.ops.resize(static_cast<std::size_t>(std::ranges::count_if(from.ops, runs)));
      into.changed.resize(all + segment.ops.size());
    }
    std::size_t next = 0;
    for (const Op& each : from.ops) {
      if (!runs(each)) continue;
      PipelineOp& op = segment.ops[next];
      if (inputs == all_inputs || (each.inputs & inputs) != 0) {
        fill_op(values, each, places, op);
        into.changed[all + next] = 1;
      }
      ++next;
    }
    all += next;
  }
}

void CompiledPipeline::fill_op(const std::vector<double>& values, const Op& from, const Places& places,
                               PipelineOp& op) {
  set(op.name, from.made.name);
  set(op.location, from.made.location);
  op.role = places.roles[static_cast<std::size_t>(from.made.role)];
  op.engine = from.made.engine;
  op.from_dram = from.made.from_dram;
  op.loaded = Bytes(at(values, from.loaded));
  op.stored = Bytes(at(values, from.stored));
  op.smem = Bytes(at(values, from.smem));
  op.rows = at(values, from.rows);
  op.mma = from.made.mma;
  if (op.mma) {
    op.mma->m = at(values, from.m);
    op.mma->n = at(values, from.n);
    op.mma->k = at(values, from.k);
  }
  op.duties.clear();
  for (const Amount& duty : from.duties) {
    op.duties.push_back({duty.duty, duty.amount < 0 ? op.mma->multiply_adds() : at(values, duty.amount)});
  }
  const auto counts = [&](const std::vector<Count>& all, std::vector<InstructionCount>& to) {
    std::size_t size = 0;
    for (const Count& count : all) {
      const double times = at(values, count.count);
      if (!(times > 0)) continue;
      if (size == to.size()) to.emplace_back();
      set(to[size].instruction, count.instruction);
      to[size++].count = times;
    }
    to.resize(size);
  };
  counts(from.instructions, op.instructions);
  counts(from.chain, op.chain);
  rename(from.made.takes, places.channels, op.takes);
  rename(from.made.gives, places.channels, op.gives);
  op.reads.clear();
  for (const PipelineRead& read : from.made.reads) {
    if (const int now = places.channels[static_cast<std::size_t>(read.channel)]; now >= 0)
      op.reads.push_back({now, read.ahead});
  }
}

PipelineShape CompiledPipeline::shape_at(const std::vector<double>& values) const {
  PipelineShape shape;
  const auto word = [&](FormulaSlot slot, double& value) { value = slot < 0 ? value : at(values, slot); };
  word(words_.head_dim, shape.head_dim);
  word(words_.head_dim_v, shape.head_dim_v);
  word(words_.element_bytes, shape.element_bytes);
  word(words_.output_bytes, shape.output_bytes);
  word(words_.full, shape.full_iterations);
  word(words_.masked, shape.masked_iterations);
  word(words_.dropout, shape.dropout);
  word(words_.k_iterations, shape.k_iterations);
  word(words_.words, shape.words);
  word(words_.fixups, shape.fixups);
  return shape;
}

}  // namespace perfmodel
