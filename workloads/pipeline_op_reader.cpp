// The part of PipelineReader that reads an operation.
#include <fmt/format.h>

#include <algorithm>

#include "support/suggest.hpp"
#include "workloads/pipeline_file.hpp"
#include "workloads/pipeline_reader.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t most_waits = 8;  // channels on one side of an operation

constexpr std::array<Choice<Engine>, 3> engines{
    {{"none", Engine::none}, {"tensor", Engine::tensor}, {"tma", Engine::tma}}};
constexpr std::array<Choice<OperandHome>, 3> homes{
    {{"smem", OperandHome::smem}, {"tmem", OperandHome::tmem}, {"registers", OperandHome::registers}}};
constexpr std::array<Choice<bool>, 2> sources{{{"l2", false}, {"dram", true}}};
constexpr std::array<Choice<Duty>, 7> products{{{"qk", Duty::qk},
                                                {"pv", Duty::pv},
                                                {"dp", Duty::dp},
                                                {"dv", Duty::dv},
                                                {"dk", Duty::dk},
                                                {"dq", Duty::dq},
                                                {"gemm", Duty::gemm}}};

void add_counts(const std::vector<InstructionCount>& more, double factor, std::vector<InstructionCount>& sum) {
  for (const InstructionCount& entry : more) {
    if (entry.count * factor <= 0) continue;
    const auto found = std::ranges::find(sum, entry.instruction, &InstructionCount::instruction);
    if (found == sum.end()) {
      sum.push_back({entry.instruction, entry.count * factor});
    } else {
      found->count += entry.count * factor;
    }
  }
}

bool is_product(std::string_view key) { return key == "mma" || key == "mma_pair" || key == "mma_sync"; }

}  // namespace

void PipelineReader::read_product(const YamlEntry& entry, YamlMap& map, PipelineOp& op) {
  if (entry.value.items().size() != 3) {
    faults_.error(entry.value.location(), fmt::format("'{}': expected a list of three sizes, [m, n, k]", entry.key));
    return;
  }
  if (op.mma) {
    faults_.error(entry.key_location, "two products in one operation");
    return;
  }
  PipelineMma mma;
  const auto side = [&](std::size_t i) {
    return number(entry.value.items()[i], entry.key, {.min = 0, .max = 1e6, .above_min = true});
  };
  mma.m = side(0);
  mma.n = side(1);
  mma.k = side(2);
  mma.pair = entry.key == "mma_pair";
  mma.registers_b = entry.key == "mma_sync";
  mma.a = map.optional_choice("a", homes).value_or(mma.registers_b ? OperandHome::registers : OperandHome::smem);
  if (mma.pair && pipeline_.cluster < 2) {
    faults_.error(entry.key_location, "'mma_pair' is one instruction of two CTAs, the program has no cluster")
        .note("set 'cluster: 2', or write the product of one CTA as 'mma'");
  }
  op.mma = mma;
  op.duties.push_back({map.choice("is", products), mma.multiply_adds()});
}

// Rounds and bits of a random number are the operator's, whatever a program says.
void PipelineReader::check_shape_word(const YamlEntry& field, double value) {
  for (const ShapeWord& word : shape_words(pipeline_.kind)) {
    if (word.name != field.key) continue;
    const auto own = std::ranges::find(given_, word.name, &SequenceParameter::name);
    const double wanted = own == given_.end() ? word.value : own->value;
    if (value == wanted) continue;
    faults_.error(field.value.location(), fmt::format("'{}' is the operator's: {}, not {}", field.key, wanted, value))
        .note(fmt::format("write '{}: {}'", field.key, field.key));
  }
}

void PipelineReader::read_sequence(const YamlEntry& entry, const Sequence& sequence, PipelineOp& op) {
  std::vector<SequenceParameter> parameters;
  YamlNode count = entry.value;
  if (entry.value.is_map()) {
    YamlMap map(entry.value, fmt::format("'{}'", entry.key), faults_);
    count = map.node("count");
    for (const YamlEntry& field : map.entries()) {
      if (field.key == "count") continue;
      parameters.push_back({field.key, number(field.value, field.key, {})});
      check_shape_word(field, parameters.back().value);
    }
  }
  const double amount = number(count, entry.key, NumberRange::not_negative());
  std::string key = entry.key;
  for (const SequenceParameter& parameter : parameters) key += fmt::format(" {}={}", parameter.name, parameter.value);
  auto counts = counted_.find(key);
  if (counts == counted_.end()) {
    try {
      counts = counted_.emplace(key, sequence.counts(parameters)).first;
    } catch (const InputError& error) {
      faults_.append(error.diagnostics());
      faults_.error(entry.key_location, fmt::format("'{}' does not take these values", entry.key));
      return;
    }
  }
  add_counts(counts->second.instructions, amount, op.instructions);
  if (amount > 0) add_counts(counts->second.chain, 1, op.chain);
  const auto duty = std::ranges::find(duty_names, sequence.provides());
  if (duty != duty_names.end()) {
    op.duties.push_back({static_cast<Duty>(duty - duty_names.begin()), amount * sequence.covers()});
  }
}

void PipelineReader::read_work(YamlMap& map, PipelineOp& op) {
  YamlMap does = map.optional_map("does");
  bool product = false;
  for (const YamlEntry& entry : does.entries()) {
    const auto bytes = [&] { return Bytes(number(entry.value, entry.key, NumberRange::not_negative())); };
    if (is_product(entry.key)) {
      read_product(entry, map, op);
      product = true;
    } else if (entry.key == "load") {
      op.loaded = bytes();
      op.duties.push_back({Duty::load, op.loaded.si()});
    } else if (entry.key == "store") {
      op.stored = bytes();
      op.duties.push_back({Duty::store, op.stored.si()});
    } else if (entry.key == "smem") {
      op.smem = bytes();
    } else if (const auto sequence = sequences_.find(entry.key); sequence != sequences_.end()) {
      read_sequence(entry, sequence->second, op);
    } else {
      const double count = number(entry.value, entry.key, NumberRange::not_negative());
      add_counts({{entry.key, 1.0}}, count, op.instructions);
    }
  }
  if (!product && (map.has("is") || map.has("a"))) {
    const std::string_view key = map.has("is") ? "is" : "a";
    map.optional_node(key);
    faults_.error(map.key_location(key), fmt::format("'{}' goes with a product, and the operation has none", key));
  }
}

void PipelineReader::read_op(const YamlNode& node, PipelineSegment& segment) {
  YamlMap map(node, "an operation", faults_);
  PipelineOp op;
  op.location = node.location();
  op.name = map.string("name");
  const std::string role = map.string("role");
  const bool kept = wanted(map);
  op.engine = map.optional_choice("async", engines).value_or(Engine::none);
  if (kept) {
    read_work(map, op);
  } else {
    for (const std::string_view key : {"does", "is", "a"}) map.optional_node(key);
  }
  const YamlNode row = map.optional_node("row");
  if (kept && op.engine == Engine::tma) {
    constexpr double swizzled = 128;  // bytes of the longest row that TMA lays out without bank conflicts
    op.rows =
        op.loaded.si() / (row.is_missing() ? swizzled : std::max(1.0, number(row, "row", {.min = 1, .max = 1e6})));
  }
  op.from_dram = map.optional_choice("source", sources).value_or(false);
  op.takes = read_hand_over(map, "takes");
  op.reads = read_channel_names(map, "reads");
  op.gives = read_hand_over(map, "gives");
  map.finish();
  if (std::max(op.takes.size() + op.reads.size(), op.gives.size()) > most_waits) {
    faults_.error(op.location, fmt::format("'{}' waits for or gives to more than {} channels", op.name, most_waits));
  }
  const auto found = std::ranges::find(pipeline_.roles, role, &PipelineRole::name);
  const bool absent = std::ranges::find(absent_roles_, role) != absent_roles_.end();
  if (found == pipeline_.roles.end() && !absent) {
    std::vector<std::string> known;
    for (const PipelineRole& each : pipeline_.roles) known.push_back(each.name);
    faults_.error(map.location("role"), fmt::format("unknown role '{}'", role))
        .suggest(role, known)
        .note("known roles: " + join_names(known));
    return;
  }
  if (!kept || absent) return;
  if (op.engine != Engine::none && !op.instructions.empty()) {
    faults_.error(op.location, fmt::format("'{}' is done by an engine, which executes no instructions", op.name))
        .note("leave 'async' out, or move the instructions to an operation of their own");
  }
  op.role = static_cast<int>(found - pipeline_.roles.begin());
  segment.ops.push_back(std::move(op));
}

}  // namespace perfmodel
