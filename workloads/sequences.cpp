#include "workloads/sequences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "support/yaml_map.hpp"
#include "workloads/expression.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view folder = "workloads/sequences";

using Given = std::span<const SequenceParameter>;

// The file's parameters, those given in their place.
void define_parameters(YamlMap& map, Given given, ExpressionScope& scope) {
  YamlMap parameters = map.optional_map("parameters");
  std::vector<std::string> known;
  for (const YamlEntry& entry : parameters.entries()) {
    known.push_back(entry.key);
    const auto own = std::ranges::find(given, entry.key, &SequenceParameter::name);
    const YamlNode value =
        own == given.end() ? entry.value : make_yaml_scalar(fmt::format("{}", own->value), entry.value.location());
    scope.define_parameter(entry.key, value, entry.key_location);
  }
  for (const SequenceParameter& parameter : given) {
    if (std::ranges::find(known, parameter.name) != known.end()) continue;
    map.diagnostics()
        .error(map.location(), fmt::format("the sequence has no parameter '{}'", parameter.name))
        .note("its parameters: " + join_names(known));
  }
}

std::vector<InstructionCount> read_counts(YamlMap map, ExpressionScope& scope) {
  std::vector<InstructionCount> counts;
  for (const YamlEntry& entry : map.entries()) {
    const auto count = scope.number(entry.value, entry.key, NumberRange::not_negative());
    if (count && *count > 0.0) counts.push_back({entry.key, *count});
  }
  return counts;
}

// The total counted in compiled code for just these parameters, if the file has it.
std::optional<double> counted_total(YamlMap& map, ExpressionScope& scope) {
  std::optional<double> total;
  for (const YamlNode& item : map.optional_list("counted")) {
    YamlMap entry(item, "the count", map.diagnostics());
    const double value = entry.number("total", NumberRange::positive());
    bool same = true;
    for (const YamlEntry& parameter : entry.entries()) {
      if (parameter.key == "total") continue;
      const auto wanted = scope.number(parameter.value, parameter.key);
      const auto actual = scope.value(parameter.key);
      if (!actual) {
        map.diagnostics().error(parameter.key_location,
                                fmt::format("the sequence has no parameter '{}'", parameter.key));
      }
      same = same && wanted && actual && *wanted == *actual;
    }
    if (same && !total) total = value;
  }
  return total;
}

}  // namespace

double SequenceCounts::total() const {
  double sum = 0.0;
  for (const InstructionCount& entry : instructions) sum += entry.count;
  return sum;
}

namespace {

double count_of(const std::vector<InstructionCount>& counts, std::string_view instruction) {
  const auto found = std::ranges::find(counts, instruction, &InstructionCount::instruction);
  return found == counts.end() ? 0.0 : found->count;
}

}  // namespace

double SequenceCounts::of(std::string_view instruction) const { return count_of(instructions, instruction); }

double SequenceCounts::chain_of(std::string_view instruction) const { return count_of(chain, instruction); }

Sequence::Sequence(YamlNode root) : root_(std::move(root)) {
  Diagnostics faults;
  YamlMap map(root_, "the sequence", faults);
  name_ = map.string("name");
  per_ = map.string("per");
  provides_ = map.optional_string("provides").value_or("");
  covers_ = map.optional_number("covers", NumberRange::positive()).value_or(1);
  map.node("instructions");
  for (const std::string_view key : {"parameters", "counted", "chain", "lone"}) map.optional_node(key);
  map.finish();
  faults.throw_if_errors();
  (void)counts();  // so that a faulty file is refused when it is read
}

Sequence Sequence::load(const std::string& name) {
  return Sequence(load_yaml_file(find_data_file(name, folder, ".yaml").value_or(name)));
}

Sequence Sequence::from_text(std::string text, std::string_view name) {
  return Sequence(load_yaml_text(std::move(text), name));
}

SequenceCounts Sequence::counts(Given parameters) const {
  Diagnostics faults;
  YamlMap map(root_, "the sequence", faults);
  ExpressionScope scope(faults);
  define_parameters(map, parameters, scope);
  SequenceCounts result;
  result.instructions = read_counts(map.map("instructions"), scope);
  result.chain = read_counts(map.optional_map("chain"), scope);
  if (const YamlNode node = map.optional_node("lone"); !node.is_missing()) {
    result.lone = scope.number(node, "lone", NumberRange::not_negative()).value_or(0.0);
  }
  const auto counted = counted_total(map, scope);
  faults.throw_if_errors();
  if (counted && result.total() > 0.0) {
    const double scale = *counted / result.total();
    for (InstructionCount& entry : result.instructions) entry.count *= scale;
  }
  return result;
}

bool Sequence::has_parameter(std::string_view parameter) const {
  Diagnostics faults;
  YamlMap map(root_, "the sequence", faults);
  const auto entries = map.optional_map("parameters").entries();
  return std::ranges::find(entries, parameter, &YamlEntry::key) != entries.end();
}

SequenceCounts mask_word_counts(const Sequence& generator, int rounds, int bits, bool packed) {
  std::vector<SequenceParameter> parameters;
  if (generator.has_parameter("rounds")) parameters.push_back({"rounds", static_cast<double>(rounds)});
  if (generator.has_parameter("bits")) parameters.push_back({"bits", static_cast<double>(bits)});
  if (generator.has_parameter("packed")) parameters.push_back({"packed", packed ? 1.0 : 0.0});
  return generator.counts(parameters);
}

}  // namespace perfmodel
