#include "workloads/pipeline_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "support/suggest.hpp"
#include "workloads/pipeline_file.hpp"
#include "workloads/pipeline_holdings.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t most_roles = 16;
constexpr std::size_t most_channels = 32;
constexpr std::size_t most_ops = 64;  // of a segment
constexpr std::size_t most_segments = 8;

constexpr std::array<Choice<PipelineKind>, 4> kinds{{{"attention_forward", PipelineKind::attention_forward},
                                                     {"attention_backward", PipelineKind::attention_backward},
                                                     {"gemm", PipelineKind::gemm},
                                                     {"mask", PipelineKind::mask}}};
constexpr std::array<Choice<int>, 3> generations{{{"mma", 0}, {"wgmma", 1}, {"tcgen05", 2}}};
constexpr std::array<Choice<bool>, 2> orders{{{"natural", false}, {"longest_first", true}}};
constexpr IntegerRange tile_side{.min = 8, .max = 4096};

template <class List>
void at_most(const List& list, std::size_t most, std::string_view what, const Location& where, Diagnostics& faults) {
  if (list.size() > most) {
    faults.error(where, fmt::format("{} {}, {} are the most a program can have", list.size(), what, most));
  }
}

}  // namespace

PipelineReader::PipelineReader(const YamlNode& root, const Sequences& sequences, Given given)
    : root_(root), sequences_(sequences), given_(given) {}

double PipelineReader::number(const YamlNode& node, std::string_view what, const NumberRange& range) {
  if (node.is_missing()) return 0;
  return scope_->number(node, what, range).value_or(0);
}

int PipelineReader::whole(const YamlNode& node, std::string_view what, const IntegerRange& range) {
  if (node.is_missing()) return static_cast<int>(range.min);
  return static_cast<int>(scope_->integer(node, what, range).value_or(range.min));
}

// A parameter is its default, or a map with `default` and the range that a search may move in.
YamlNode PipelineReader::parameter_value(const YamlEntry& entry) {
  const auto own = std::ranges::find(given_, entry.key, &SequenceParameter::name);
  if (own != given_.end()) return make_yaml_scalar(fmt::format("{}", own->value), entry.value.location());
  if (!entry.value.is_map()) return entry.value;
  YamlMap map(entry.value, "the parameter", faults_);
  YamlNode value = map.node("default");
  for (const std::string_view key : {"min", "max", "note"}) map.optional_node(key);
  map.finish();
  return value;
}

std::unique_ptr<ExpressionScope> PipelineReader::scope_with(const YamlNode& overrides) {
  auto scope = std::make_unique<ExpressionScope>(faults_);
  for (const ShapeWord& word : shape_words(pipeline_.kind)) {
    const auto own = std::ranges::find(given_, word.name, &SequenceParameter::name);
    scope->define_constant(word.name, own == given_.end() ? word.value : own->value);
  }
  for (const YamlEntry& entry : parameters_.entries()) {
    if (!overrides.find(entry.key).is_missing()) continue;
    scope->define_parameter(entry.key, parameter_value(entry), entry.key_location);
  }
  for (const YamlEntry& entry : overrides.entries()) {
    scope->define_parameter(entry.key, entry.value, entry.key_location);
  }
  return scope;
}

void PipelineReader::check_given(const YamlNode& parameters) {
  std::vector<std::string> known;
  for (const YamlEntry& entry : parameters.entries()) known.push_back(entry.key);
  for (const ShapeWord& word : shape_words(pipeline_.kind)) known.emplace_back(word.name);
  for (const SequenceParameter& parameter : given_) {
    if (std::ranges::find(known, parameter.name) != known.end()) continue;
    faults_.error(root_.location(), fmt::format("the program has no parameter '{}'", parameter.name))
        .suggest(parameter.name, known)
        .note("its parameters: " + join_names(known));
  }
}

void PipelineReader::check_range(const YamlEntry& entry) {
  const std::optional<double> value = scope_->value(entry.key);
  if (!value) return;
  pipeline_.parameters.push_back({entry.key, *value, {}, {}});
  PipelineParameter& parameter = pipeline_.parameters.back();
  const auto bound = [&](std::string_view key, double sign, std::string_view word) {
    const YamlNode node = entry.value.find(key);
    if (node.is_missing()) return;
    const std::optional<double> limit = scope_->number(node, key);
    (sign > 0 ? parameter.low : parameter.high) = limit;
    if (limit && sign * *value < sign * *limit) {
      faults_.error(entry.value.location(), fmt::format("'{}' is {}, {} {}", entry.key, *value, word, *limit));
    }
  };
  bound("min", 1, "at least");
  bound("max", -1, "at most");
}

bool PipelineReader::wanted(YamlMap& map) {
  const YamlNode when = map.optional_node("when");
  return when.is_missing() || scope_->condition(when, "when").value_or(false);
}

void PipelineReader::read_head(YamlMap& map) {
  Pipeline& p = pipeline_;
  p.location = root_.location();
  p.name = map.string("name");
  p.description = map.optional_string("description").value_or("");
  p.kind = map.choice("operator", kinds);
  p.tensor = generations[static_cast<std::size_t>(map.optional_choice("tensor", generations).value_or(0))].name;
  p.persistent = map.optional_boolean("persistent").value_or(false);
  p.longest_first = map.optional_choice("order", orders).value_or(false);
  map.optional_node("problem");  // the operator's, see operator_of_program
  parameters_ = map.optional_node("parameters");
  check_given(parameters_);
  scope_ = scope_with({});
  for (const YamlEntry& entry : parameters_.entries()) check_range(entry);
  const auto optional_count = [&](std::string_view key, int most) {
    const YamlNode node = map.optional_node(key);
    return node.is_missing() ? 1 : whole(node, key, {.min = 1, .max = most});
  };
  p.cluster = optional_count("cluster", 16);
  p.ctas_per_sm = optional_count("ctas_per_sm", 32);
  p.split_k = optional_count("split_k", 64);
  p.stream_k = map.optional_boolean("stream_k").value_or(false);
  YamlMap tile = map.optional_map("cta_tile");
  if (tile.valid()) {
    p.cta_m = whole(tile.node("m"), "m", tile_side);
    p.cta_n = whole(tile.node("n"), "n", tile_side);
    const YamlNode depth = tile.optional_node("k");
    p.cta_k = depth.is_missing() ? 1 : whole(depth, "k", tile_side);
    tile.finish();
  } else if (p.kind != PipelineKind::mask) {
    faults_.error(root_.location(), "missing key 'cta_tile' in the program");
  }
}

void PipelineReader::read_roles(YamlMap map) {
  for (const YamlEntry& entry : map.entries()) {
    YamlMap fields(entry.value, fmt::format("role '{}'", entry.key), faults_);
    PipelineRole role;
    role.name = entry.key;
    role.location = entry.key_location;
    role.warps = whole(fields.node("warps"), "warps", {.min = 1, .max = 32});
    const YamlNode registers = fields.optional_node("registers");
    if (!registers.is_missing()) role.registers = whole(registers, "registers", {.min = 16, .max = 256});
    const bool kept = wanted(fields);
    fields.finish();
    if (kept) {
      pipeline_.roles.push_back(role);
    } else {
      absent_roles_.push_back(entry.key);
    }
  }
  at_most(pipeline_.roles, most_roles, "roles", map.location(), faults_);
}

void PipelineReader::read_channels(YamlMap map) {
  constexpr double column_bytes = 128 * 4;  // 128 lanes of 32 bits
  for (const YamlEntry& entry : map.entries()) {
    YamlMap fields(entry.value, fmt::format("channel '{}'", entry.key), faults_);
    PipelineChannel channel;
    channel.name = entry.key;
    channel.location = entry.key_location;
    const bool kept = wanted(fields);
    const YamlNode depth = fields.optional_node("depth");
    channel.depth = depth.is_missing() ? 1 : whole(depth, "depth", {.min = 1, .max = 32});
    const YamlNode initial = fields.optional_node("initial");
    channel.initial = initial.is_missing() ? 0 : whole(initial, "initial", {.min = 0, .max = channel.depth});
    channel.smem = Bytes(number(fields.optional_node("bytes_smem"), "bytes_smem", NumberRange::not_negative()));
    const double tmem = number(fields.optional_node("bytes_tmem"), "bytes_tmem", NumberRange::not_negative());
    channel.columns = static_cast<int>(std::min(1e6, std::ceil(tmem / column_bytes)));
    channel.stated = fields.has("bytes_smem") || fields.has("bytes_tmem");
    fields.finish();
    if (kept) {
      pipeline_.channels.push_back(channel);
    } else {
      absent_channels_.push_back(entry.key);
    }
  }
  at_most(pipeline_.channels, most_channels, "channels", map.location(), faults_);
}

// "KV", or "KV+1" for the slot after the next.
std::vector<PipelineRead> PipelineReader::read_channel_names(YamlMap& map, std::string_view key) {
  std::vector<PipelineRead> reads;
  for (const YamlNode& node : map.optional_list(key)) {
    const std::string name = node.text().substr(0, node.text().find('+'));
    int ahead = 0;
    if (name.size() < node.text().size()) {
      ahead = static_cast<int>(parse_integer(std::string_view(node.text()).substr(name.size() + 1), {0, 16}).value);
    }
    const auto found = std::ranges::find(pipeline_.channels, name, &PipelineChannel::name);
    if (found != pipeline_.channels.end()) {
      reads.push_back({static_cast<int>(found - pipeline_.channels.begin()), ahead});
    } else if (std::ranges::find(absent_channels_, name) == absent_channels_.end()) {
      std::vector<std::string> known;
      for (const PipelineChannel& channel : pipeline_.channels) known.push_back(channel.name);
      faults_.error(node.location(), fmt::format("unknown channel '{}'", name))
          .suggest(name, known)
          .note("known channels: " + join_names(known));
    }
  }
  return reads;
}

std::vector<int> PipelineReader::read_hand_over(YamlMap& map, std::string_view key) {
  std::vector<int> channels;
  for (const PipelineRead& read : read_channel_names(map, key)) {
    channels.push_back(read.channel);
    if (read.ahead > 0) {
      faults_.error(map.location(key), fmt::format("'{}' goes in order: only 'reads' may look ahead", key));
    }
  }
  return channels;
}

PipelineSegment PipelineReader::read_segment(const YamlNode& node) {
  YamlMap map(node, "a segment", faults_);
  PipelineSegment segment;
  segment.location = node.location();
  segment.name = map.string("name");
  YamlMap with = map.optional_map("with");
  with.entries();
  const YamlNode count = map.optional_node("count");
  segment.count = count.is_missing() ? 1 : number(count, "count", {.min = 0, .max = 1e9});
  scope_ = scope_with(map.optional_node("with"));
  for (const YamlNode& op : map.list("ops")) read_op(op, segment);
  scope_ = scope_with({});
  at_most(segment.ops, most_ops, "operations of a segment", segment.location, faults_);
  map.finish();
  return segment;
}

void PipelineReader::set_demand() {
  PipelineShape shape;
  const auto word = [&](std::string_view name, double& value) { value = scope_->value(name).value_or(value); };
  word("head_dim", shape.head_dim);
  word("head_dim_v", shape.head_dim_v);
  word("element_bytes", shape.element_bytes);
  pipeline_.element_bytes = shape.element_bytes;
  word("output_bytes", shape.output_bytes);
  word("full_iterations", shape.full_iterations);
  word("masked_iterations", shape.masked_iterations);
  word("dropout", shape.dropout);
  word("k_iterations", shape.k_iterations);
  word("words", shape.words);
  word("fixups", shape.fixups);
  pipeline_.demand = demand_of(pipeline_, shape);
}

Pipeline PipelineReader::read() {
  YamlMap map(root_, "the program", faults_);
  read_head(map);
  read_roles(map.map("roles"));
  read_channels(map.optional_map("channels"));
  for (const YamlNode& node : map.list("segments")) pipeline_.segments.push_back(read_segment(node));
  at_most(pipeline_.segments, most_segments, "segments", root_.location(), faults_);
  map.finish();
  faults_.throw_if_errors();
  set_demand();
  predict_holdings(pipeline_);
  return std::move(pipeline_);
}

}  // namespace perfmodel
