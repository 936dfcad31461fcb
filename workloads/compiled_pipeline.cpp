#include "workloads/compiled_pipeline.hpp"

#include <algorithm>
#include <cmath>

#include "workloads/pipeline_demand.hpp"
#include "workloads/pipeline_holdings.hpp"

namespace perfmodel {

namespace {

constexpr double column_bytes = 128 * 4;  // 128 lanes of 32 bits

double at(const std::vector<double>& values, FormulaSlot slot) { return values[static_cast<std::size_t>(slot)]; }

int whole_at(const std::vector<double>& values, FormulaSlot slot) { return static_cast<int>(at(values, slot)); }

}  // namespace

bool CompiledPipeline::set_inputs(std::span<const SequenceParameter> given, std::vector<double>& values) const {
  for (const SequenceParameter& each : given) {
    const auto found = std::ranges::find(inputs_, each.name, &Input::name);
    if (found == inputs_.end() || !std::isfinite(each.value)) return false;
    double& value = values[static_cast<std::size_t>(found->slot)];
    if (std::isnan(value)) value = each.value;  // the first counts, as in the reader
  }
  return true;
}

bool CompiledPipeline::sound(const std::vector<double>& values) const {
  return std::ranges::all_of(checks_, [&](const Check& check) {
    if (at(values, check.condition) == 0) return true;
    const double value = at(values, check.value);
    const bool low = check.above_min ? value > check.min : value >= check.min;
    return low && value <= check.max && (!check.whole || value == std::floor(value));
  });
}

const std::vector<double>* CompiledPipeline::values_of(std::span<const SequenceParameter> given) const {
  thread_local std::vector<double> values;
  values = sheet_.start();
  if (!set_inputs(given, values)) return nullptr;
  sheet_.evaluate(values);
  return sound(values) ? &values : nullptr;
}

bool CompiledPipeline::evaluate(std::span<const SequenceParameter> given, Pipeline& pipeline) const {
  const std::vector<double>* values = values_of(given);
  if (values == nullptr) return false;
  fill(*values, pipeline);
  return true;
}

std::optional<PipelineTile> CompiledPipeline::tile(std::span<const SequenceParameter> given) const {
  const std::vector<double>* values = values_of(given);
  if (values == nullptr) return std::nullopt;
  return PipelineTile{whole_at(*values, cta_m_), whole_at(*values, cta_n_), head_.longest_first,
                      whole_at(*values, cluster_)};
}

namespace {

// Where the kept ones of a list have gone; -1 for those left out.
template <class Items>
void keep(const Items& items, const std::vector<double>& values, std::vector<int>& where) {
  where.clear();
  int next = 0;
  for (const auto& item : items) where.push_back(at(values, item.when) != 0 ? next++ : -1);
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

}  // namespace

void CompiledPipeline::fill(const std::vector<double>& values, Pipeline& pipeline) const {
  thread_local std::vector<int> roles;
  thread_local std::vector<int> channels;
  keep(roles_, values, roles);
  keep(channels_, values, channels);
  Pipeline& p = pipeline;
  set(p.name, head_.name);
  set(p.description, head_.description);
  p.kind = head_.kind;
  set(p.tensor, head_.tensor);
  p.persistent = head_.persistent;
  p.longest_first = head_.longest_first;
  set(p.location, head_.location);
  p.dtype = head_.dtype;
  p.cluster = whole_at(values, cluster_);
  p.ctas_per_sm = whole_at(values, ctas_per_sm_);
  p.split_k = whole_at(values, split_k_);
  p.stream_k = head_.stream_k;
  p.parameters.resize(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const auto limit = [&](FormulaSlot slot) { return slot < 0 ? std::optional<double>() : at(values, slot); };
    set(p.parameters[i].name, parameter.name);
    p.parameters[i].value = at(values, parameter.value);
    p.parameters[i].low = limit(parameter.low);
    p.parameters[i].high = limit(parameter.high);
  }
  p.cta_m = whole_at(values, cta_m_);
  p.cta_n = whole_at(values, cta_n_);
  p.cta_k = whole_at(values, cta_k_);

  const auto count_of = [](const std::vector<int>& where) {
    return where.size() - static_cast<std::size_t>(std::ranges::count(where, -1));
  };
  std::size_t kept = 0;
  p.roles.resize(count_of(roles));
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    if (roles[i] < 0) continue;
    PipelineRole& role = p.roles[kept++];
    set(role.name, roles_[i].made.name);
    set(role.location, roles_[i].made.location);
    role.warps = whole_at(values, roles_[i].warps);
    role.registers = whole_at(values, roles_[i].registers);
    role.predicted = roles_[i].made.predicted;
    role.spills = roles_[i].made.spills;
  }

  kept = 0;
  p.channels.resize(count_of(channels));
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (channels[i] < 0) continue;
    const Channel& from = channels_[i];
    PipelineChannel& channel = p.channels[kept++];
    set(channel.name, from.made.name);
    set(channel.location, from.made.location);
    channel.depth = whole_at(values, from.depth);
    channel.initial = whole_at(values, from.initial);
    channel.stated = from.made.stated;
    channel.smem = Bytes(at(values, from.smem));
    channel.columns = static_cast<int>(std::min(1e6, std::ceil(at(values, from.tmem) / column_bytes)));
  }

  p.segments.resize(segments_.size());
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const Segment& from = segments_[i];
    PipelineSegment& segment = p.segments[i];
    set(segment.name, from.made.name);
    set(segment.location, from.made.location);
    segment.count = at(values, from.count);
    const auto runs = [&](const Op& each) {
      return at(values, each.when) != 0 && roles[static_cast<std::size_t>(each.made.role)] >= 0;
    };
    kept = 0;
    segment.ops.resize(static_cast<std::size_t>(std::ranges::count_if(from.ops, runs)));
    for (const Op& each : from.ops) {
      if (!runs(each)) continue;
      PipelineOp& op = segment.ops[kept++];
      set(op.name, each.made.name);
      set(op.location, each.made.location);
      op.role = roles[static_cast<std::size_t>(each.made.role)];
      op.engine = each.made.engine;
      op.from_dram = each.made.from_dram;
      op.loaded = Bytes(at(values, each.loaded));
      op.stored = Bytes(at(values, each.stored));
      op.smem = Bytes(at(values, each.smem));
      op.rows = at(values, each.rows);
      op.mma = each.made.mma;
      if (op.mma) {
        op.mma->m = at(values, each.m);
        op.mma->n = at(values, each.n);
        op.mma->k = at(values, each.k);
      }
      op.duties.clear();
      for (const Amount& duty : each.duties) {
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
      counts(each.instructions, op.instructions);
      counts(each.chain, op.chain);
      rename(each.made.takes, channels, op.takes);
      rename(each.made.gives, channels, op.gives);
      op.reads.clear();
      for (const PipelineRead& read : each.made.reads) {
        if (const int now = channels[static_cast<std::size_t>(read.channel)]; now >= 0)
          op.reads.push_back({now, read.ahead});
      }
    }
  }

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
  p.element_bytes = shape.element_bytes;
  p.read_cost = head_.read_cost;
  p.write_cost = head_.write_cost;
  p.demand = demand_of(p, shape);
  predict_holdings(p);
}

}  // namespace perfmodel
