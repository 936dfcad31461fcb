#include "arch/read.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "arch/field_table.hpp"
#include "support/suggest.hpp"
#include "support/yaml_map.hpp"

namespace perfmodel {

namespace {

constexpr std::array<Choice<Origin>, 6> origins{{{"datasheet", Origin::datasheet},
                                                 {"measured", Origin::measured},
                                                 {"derived", Origin::derived},
                                                 {"published", Origin::published},
                                                 {"assumed", Origin::assumed},
                                                 {"fitted", Origin::fitted}}};

constexpr std::array<Choice<TensorGeneration>, 3> generations{
    {{"mma", TensorGeneration::mma}, {"wgmma", TensorGeneration::wgmma}, {"tcgen05", TensorGeneration::tcgen05}}};

// A machine that lacks what its base has says so by this word.
bool is_absent_mark(const YamlNode& node) { return node.is_scalar() && node.text() == "absent"; }

struct Reader {
  Machine& machine;
  ConstantPlaces& places;
  Diagnostics& diagnostics;

  // {value: 3.35 TB/s, source: datasheet, ref: ...}; `value_key` is "rate" for pipes.
  void read_constant(const YamlNode& node, const Field& field, const std::string& key, ConstantRef constant,
                     const char* value_key = "value") {
    if (node.is_missing()) {
      return;
    }
    if (is_absent_mark(node)) {
      constant.set(0, Origin::absent, "");
      places[key] = node.location();
      return;
    }
    if (node.is_scalar()) {
      diagnostics.error(node.location(), fmt::format("{} has no source", key))
          .note(fmt::format("write {{{}: {}, source: datasheet, ref: \"...\"}}; the sources are datasheet, measured, "
                            "derived, published, assumed and fitted",
                            value_key, node.text()));
      return;
    }
    YamlMap map(node, key, diagnostics);
    if (!map.valid()) {
      return;
    }
    const YamlNode value_node = map.node(value_key);
    const auto si = value_node.is_missing() ? std::nullopt : read_field_value(value_node, field, key, diagnostics);
    const Origin source = map.choice("source", origins);
    const std::string ref = map.optional_string("ref").value_or("");
    map.finish();
    if (si) {
      constant.set(*si, source, ref);
      places[key] = node.location();
    }
  }

  void read_fields(YamlMap& root) {
    std::map<std::string, YamlMap, std::less<>> groups;
    for (const Field& field : fields()) {
      if (field.access == nullptr) {
        continue;
      }
      const std::size_t dot = field.key.find('.');
      YamlMap* map = &root;
      if (dot != std::string::npos) {
        const std::string group = field.key.substr(0, dot);
        const auto known = groups.find(group);
        map = known != groups.end() ? &known->second : &groups.emplace(group, root.optional_map(group)).first->second;
      }
      const std::string name = dot == std::string::npos ? field.key : field.key.substr(dot + 1);
      read_constant(map->optional_node(name), field, field.key, field.access(machine));
    }
    YamlMap& tensor = groups.at("tensor");
    if (const auto generation = tensor.optional_choice("generation", generations)) {
      machine.tensor.generation = *generation;
    }
    read_carveouts(groups.at("shared_memory").optional_node("carveouts"));
    for (auto& [name, group] : groups) {
      group.finish();
    }
  }

  // {value: [0 KiB, 8 KiB], source: datasheet, ref: ...}
  void read_carveouts(const YamlNode& node) {
    const std::string key = "shared_memory.carveouts";
    if (node.is_missing()) {
      return;
    }
    YamlMap map(node, key, diagnostics);
    if (!map.valid()) {
      return;
    }
    std::vector<Bytes> sizes;
    for (const YamlNode& item : map.list("value")) {
      const auto size = read_quantity<Bytes>(item, key, diagnostics);
      if (size && !sizes.empty() && *size <= sizes.back()) {
        diagnostics.error(item.location(), fmt::format("{} must rise", key));
      }
      sizes.push_back(size.value_or(Bytes{}));
    }
    const Origin source = map.choice("source", origins);
    machine.shared_memory.carveouts = {std::move(sizes), source, map.optional_string("ref").value_or("")};
    map.finish();
    places[key] = node.location();
  }

  void read_pipes(YamlMap pipes) {
    for (const YamlEntry& entry : pipes.entries()) {
      auto index = machine.find_pipe(entry.key);
      if (!index) {
        index = static_cast<int>(machine.pipes.size());
        machine.pipes.push_back({entry.key, {}});
      }
      const std::string key = fmt::format("pipes.{}.rate", entry.key);
      Constant<PerCycle>& rate = machine.pipes[static_cast<std::size_t>(*index)].rate;
      read_constant(entry.value, pipe_rate_field(), key, ConstantRef(rate), "rate");
    }
  }

  void read_code(YamlMap code) {
    for (const YamlEntry& entry : code.entries()) {
      auto at = std::find_if(machine.code.begin(), machine.code.end(),
                             [&](const CodeCounts& counts) { return counts.name == entry.key; });
      if (is_absent_mark(entry.value)) {
        if (at != machine.code.end()) {
          machine.code.erase(at);
        }
        continue;
      }
      if (at == machine.code.end()) {
        machine.code.emplace_back().name = entry.key;
      }
      YamlMap map(entry.value, "code." + entry.key, diagnostics);
      if (!map.valid()) {
        continue;
      }
#define PERFMODEL_FIELD(member, low, high, doc) read_code_constant(map, entry.key, #member);
      PERFMODEL_CODE_FIELDS(PERFMODEL_FIELD)
#undef PERFMODEL_FIELD
      map.finish();
    }
  }

  void read_code_constant(YamlMap& map, const std::string& name, const char* member) {
    const std::string key = fmt::format("code.{}.{}", name, member);
    const auto named = find_constant(machine, key);
    read_constant(map.optional_node(member), *named->field, key, named->constant);
  }

  void read_instructions(YamlMap instructions) {
    for (const YamlEntry& entry : instructions.entries()) {
      const auto index = machine.find_instruction(entry.key);
      if (is_absent_mark(entry.value)) {
        if (index) {
          machine.instructions.erase(machine.instructions.begin() + *index);
        }
        continue;
      }
      Instruction instruction;
      if (index) {
        instruction = machine.instructions[static_cast<std::size_t>(*index)];
      } else {
        instruction.name = entry.key;
      }
      read_instruction(entry.value, instruction);
      if (index) {
        machine.instructions[static_cast<std::size_t>(*index)] = std::move(instruction);
      } else {
        machine.instructions.push_back(std::move(instruction));
      }
    }
  }

  // {occupies: {alu: 1}, latency: 4 clk, source: measured, ref: ...}; latency and energy may carry a source of their own.
  void read_instruction(const YamlNode& node, Instruction& instruction) {
    const std::string what = "instructions." + instruction.name;
    YamlMap map(node, what, diagnostics);
    if (!map.valid()) {
      return;
    }
    const Origin source = map.choice("source", origins);
    const std::string ref = map.optional_string("ref").value_or("");
    if (map.has("occupies")) {
      read_occupies(map.map("occupies"), instruction, source, ref);
    } else if (instruction.occupies.empty()) {
      map.node("occupies");  // records that it is missing
    }
    read_own(map.optional_node("latency"), latency_field(), what + ".latency", instruction.latency, source, ref);
    read_own(map.optional_node("energy"), energy_field(), what + ".energy", instruction.energy, source, ref);
    map.finish();
  }

  // A bare value takes the source of its instruction.
  template <class Unit>
  void read_own(const YamlNode& node, const Field& field, const std::string& key, Constant<Unit>& constant,
                Origin source, const std::string& ref) {
    if (!node.is_scalar() || is_absent_mark(node)) {
      read_constant(node, field, key, ConstantRef(constant));
    } else if (const auto si = read_field_value(node, field, key, diagnostics)) {
      ConstantRef(constant).set(*si, source, ref);
      places[key] = node.location();
    }
  }

  void read_occupies(YamlMap map, Instruction& instruction, Origin source, const std::string& ref) {
    const Field& field = occupies_field();
    instruction.occupies.clear();
    for (const YamlEntry& entry : map.entries()) {
      const auto pipe = machine.find_pipe(entry.key);
      if (!pipe) {
        std::vector<std::string> known;
        for (const Pipe& candidate : machine.pipes) {
          known.push_back(candidate.name);
        }
        diagnostics.error(entry.key_location, fmt::format("unknown pipe '{}' in {}", entry.key, map.what()))
            .suggest(entry.key, known)
            .note("known pipes: " + join_names(known));
        continue;
      }
      const std::string key = fmt::format("{}.{}", map.what(), entry.key);
      if (const auto slots = read_field_value(entry.value, field, key, diagnostics)) {
        instruction.occupies.push_back({*pipe, {*slots, source, ref}});
      }
    }
    // Every instruction is issued once, unless the file says that it takes more or fewer issue slots.
    const auto issue = machine.find_pipe("issue");
    const auto is_issue = [&](const Occupancy& occupancy) { return issue && occupancy.pipe == *issue; };
    if (issue && std::none_of(instruction.occupies.begin(), instruction.occupies.end(), is_issue)) {
      instruction.occupies.push_back({*issue, {1.0, Origin::derived, "an instruction is issued once"}});
    }
    std::sort(instruction.occupies.begin(), instruction.occupies.end(),
              [](const Occupancy& a, const Occupancy& b) { return a.pipe < b.pipe; });
  }
};

}  // namespace

std::optional<double> read_field_value(const YamlNode& node, const Field& field, std::string_view key,
                                       Diagnostics& diagnostics) {
  std::optional<double> si;
  if (field.integral) {
    if (const auto integer = read_integer(node, key, diagnostics)) {
      si = static_cast<double>(*integer);
    }
  } else if (field.dimension == Dimension{}) {
    si = read_number(node, key, diagnostics);
  } else {
    si = read_quantity(node, key, diagnostics, field.dimension, NumberRange{});
  }
  // Conversions round, so the ends get a little room.
  const double room = 1e-9 * field.high;
  if (si && (*si < field.low - room || *si > field.high + room)) {
    diagnostics.error(node.location(), fmt::format("{} of {} is not plausible", key, node.text()))
        .note(
            fmt::format("plausible: {} to {}", format_constant(field, field.low), format_constant(field, field.high)));
    return std::nullopt;
  }
  return si;
}

void read_machine_file(const YamlNode& root, Machine& machine, ConstantPlaces& places, Diagnostics& diagnostics) {
  YamlMap map(root, "the machine", diagnostics);
  if (!map.valid()) {
    return;
  }
  if (const auto name = map.optional_string("name")) {
    machine.name = *name;
  }
  map.optional_string("based-on");
  map.optional_string("description");
  Reader reader{machine, places, diagnostics};
  reader.read_fields(map);
  reader.read_code(map.optional_map("code"));
  reader.read_pipes(map.optional_map("pipes"));
  reader.read_instructions(map.optional_map("instructions"));
  map.finish();
}

}  // namespace perfmodel
