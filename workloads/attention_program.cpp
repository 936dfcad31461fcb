#include "workloads/attention_program.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "support/data_path.hpp"
#include "support/yaml_map.hpp"

namespace perfmodel {

namespace {

constexpr std::array<Choice<HelperWhen>, 4> whens{{{"always", HelperWhen::always},
                                                   {"dropout", HelperWhen::dropout},
                                                   {"grouped", HelperWhen::grouped},
                                                   {"split", HelperWhen::split}}};
constexpr std::array<Choice<Pass>, 2> passes{{{"fwd", Pass::fwd}, {"bwd", Pass::bwd}}};
constexpr std::array<Choice<bool>, 2> orders{{{"natural", false}, {"longest_first", true}}};

int small(YamlMap& map, std::string_view key, int otherwise, std::int64_t max = 4096) {
  return static_cast<int>(map.optional_integer(key, {.min = 0, .max = max}).value_or(otherwise));
}

double ratio(YamlMap& map, std::string_view key, double otherwise) {
  return map.optional_number(key, NumberRange::not_negative()).value_or(otherwise);
}

HelperKernel read_helper(const YamlNode& node, Diagnostics& faults) {
  YamlMap map(node, "a helper kernel", faults);
  HelperKernel helper;
  helper.name = map.string("name");
  helper.when = map.optional_choice("when", whens).value_or(HelperWhen::always);
  helper.count = small(map, "count", 1);
  helper.combine = map.optional_boolean("combine").value_or(false);
  helper.fixed = map.optional_quantity<Seconds>("fixed").value_or(Seconds(0));
  helper.q_bytes = ratio(map, "q_bytes", 0);
  helper.kv_bytes = ratio(map, "kv_bytes", 0);
  helper.expanded_bytes = ratio(map, "expanded_bytes", 0);
  helper.q_slots = ratio(map, "q_slots", 0);
  map.finish();
  return helper;
}

AttentionTile read_tile(const YamlNode& node, Diagnostics& faults) {
  YamlMap map(node, "a tile", faults);
  AttentionTile tile;
  tile.head_dim_at_most = map.optional_integer("head_dim_at_most", IntegerRange::positive()).value_or(1 << 20);
  tile.dropout = map.optional_boolean("dropout");
  tile.cta_m = static_cast<int>(map.integer("cta_m", {.min = 16, .max = 1024}));
  tile.cta_n = static_cast<int>(map.integer("cta_n", {.min = 16, .max = 1024}));
  tile.split_m = small(map, "split_m", 0);
  tile.split_n = small(map, "split_n", 0);
  map.finish();
  return tile;
}

SplitRule read_split(YamlMap map) {
  SplitRule split;
  if (map.valid()) {
    split.slots_per_sm = map.number("slots_per_sm", NumberRange::not_negative());
    split.tiles_above = map.optional_integer("tiles_above", IntegerRange{.min = 0}).value_or(0);
    split.query_rows = small(map, "query_rows", 0);
    split.distinct_only = map.optional_boolean("distinct_only").value_or(false);
    map.finish();
  }
  return split;
}

AttentionProgram read_program(const YamlNode& node, Family family, Diagnostics& faults) {
  YamlMap map(node, "a program", faults);
  AttentionProgram program;
  program.family = family;
  program.pass = map.choice("pass", passes);
  for (const YamlNode& generation : map.list("tensor")) {
    program.tensor.push_back(read_string(generation, "tensor", faults).value_or(""));
  }
  program.code = map.string("code");
  program.persistent = map.optional_boolean("persistent").value_or(false);
  program.threads = small(map, "threads", 128);
  program.registers = small(map, "registers", 255);
  program.ctas_per_sm = std::max(1, small(map, "ctas_per_sm", 1));
  program.alone = ratio(map, "alone", 1);
  program.longest_first = map.optional_choice("order", orders).value_or(false);
  program.pack_heads = map.optional_boolean("pack_heads").value_or(false);
  program.mma_sync = map.optional_boolean("mma_sync").value_or(false);
  program.emulated = ratio(map, "emulated", 0);
  program.mask_slots = ratio(map, "mask_slots", 10);
  program.instructions = ratio(map, "instructions", 7);
  program.dropout_instructions = ratio(map, "dropout_instructions", 11);
  for (const YamlNode& tile : map.list("tiles")) {
    program.tiles.push_back(read_tile(tile, faults));
  }
  program.split = read_split(map.optional_map("split"));
  for (const YamlNode& helper : map.optional_list("helpers")) {
    program.helpers.push_back(read_helper(helper, faults));
  }
  map.finish();
  return program;
}

}  // namespace

std::vector<AttentionProgram> load_attention_programs(const std::string& path) {
  Diagnostics faults;
  YamlMap root(load_yaml_file(path), "the program file", faults);
  root.optional_string("description");
  const std::string name = root.string("family");
  const auto family = parse_enum<Family>(name);
  if (!family && !name.empty()) {
    faults.error(root.location("family"), "unknown family '" + name + "'");
  }
  std::vector<AttentionProgram> programs;
  for (const YamlNode& node : root.list("programs")) {
    programs.push_back(read_program(node, family.value_or(Family::cudnn), faults));
  }
  root.finish();
  faults.throw_if_errors();
  return programs;
}

std::vector<AttentionProgram> load_attention_programs() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(data_path("workloads/programs"))) {
    if (entry.path().extension() == ".yaml") {
      paths.push_back(entry.path().string());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<AttentionProgram> programs;
  for (const std::string& path : paths) {
    for (AttentionProgram& program : load_attention_programs(path)) {
      programs.push_back(std::move(program));
    }
  }
  return programs;
}

}  // namespace perfmodel
