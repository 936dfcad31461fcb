#include "workloads/attention_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "support/yaml_map.hpp"

namespace perfmodel {

namespace {

constexpr std::array<Choice<HelperWhen>, 5> whens{{{"always", HelperWhen::always},
                                                   {"dropout", HelperWhen::dropout},
                                                   {"grouped", HelperWhen::grouped},
                                                   {"split", HelperWhen::split},
                                                   {"served", HelperWhen::served}}};
constexpr std::array<Choice<Pass>, 2> passes{{{"fwd", Pass::fwd}, {"bwd", Pass::bwd}}};
constexpr std::array<Choice<bool>, 2> orders{{{"natural", false}, {"longest_first", true}}};

// Of tensor cores, as machine files name them.
const std::vector<std::string>& generations() {
  static const std::vector<std::string> names{"mma", "wgmma", "tcgen05"};
  return names;
}

constexpr IntegerRange tile_side{.min = 16, .max = 1024};

int small(YamlMap& map, std::string_view key, int otherwise, const IntegerRange& range) {
  return static_cast<int>(map.optional_integer(key, range).value_or(otherwise));
}

double ratio(YamlMap& map, std::string_view key, double otherwise) {
  return map.optional_number(key, NumberRange::not_negative()).value_or(otherwise);
}

HelperKernel read_helper(const YamlNode& node, Diagnostics& faults) {
  YamlMap map(node, "a helper kernel", faults);
  HelperKernel helper;
  helper.name = map.string("name");
  helper.when = map.optional_choice("when", whens).value_or(HelperWhen::always);
  helper.count = small(map, "count", 1, {.min = 1, .max = max_helper_launches});
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
  tile.cta_m = static_cast<int>(map.integer("cta_m", tile_side));
  tile.cta_n = static_cast<int>(map.integer("cta_n", tile_side));
  tile.split_m = small(map, "split_m", 0, tile_side);
  tile.split_n = small(map, "split_n", 0, tile_side);
  if (map.has("split_m") != map.has("split_n")) {
    faults.error(map.location(map.has("split_m") ? "split_m" : "split_n"), "'split_m' and 'split_n' go together");
  }
  map.finish();
  return tile;
}

SplitRule read_split(YamlMap map) {
  SplitRule split;
  if (map.valid()) {
    split.slots_per_sm = map.number("slots_per_sm", NumberRange::not_negative());
    split.tiles_above = map.optional_integer("tiles_above", IntegerRange{.min = 0}).value_or(0);
    split.query_rows = small(map, "query_rows", 0, tile_side);
    split.distinct_only = map.optional_boolean("distinct_only").value_or(false);
    map.finish();
  }
  return split;
}

// At least one of them: a list without items says nothing about what it should be.
std::vector<YamlNode> some(YamlMap& map, std::string_view key, Diagnostics& faults) {
  std::vector<YamlNode> items = map.list(key);
  if (items.empty() && map.has(key) && map.optional_node(key).is_list()) {
    faults.error(map.location(key), fmt::format("'{}' is empty in {}", key, map.what()));
  }
  return items;
}

void read_helpers(YamlMap& map, AttentionProgram& program, Diagnostics& faults) {
  int launches = 0;
  for (const YamlNode& node : map.optional_list("helpers")) {
    program.helpers.push_back(read_helper(node, faults));
    launches += program.helpers.back().count;
  }
  if (launches > max_helper_launches) {
    faults.error(map.key_location("helpers"), fmt::format("{} helper kernels are launched, {} are the most that can be",
                                                          launches, max_helper_launches));
  }
}

AttentionProgram read_program(const YamlNode& node, Family family, Diagnostics& faults) {
  YamlMap map(node, "a program", faults);
  AttentionProgram program;
  program.family = family;
  program.pass = map.choice("pass", passes);
  for (const YamlNode& generation : some(map, "tensor", faults)) {
    if (const auto index = read_choice(generation, "tensor", faults, generations())) {
      program.tensor.push_back(generations()[*index]);
    }
  }
  program.code = map.string("code");
  program.persistent = map.optional_boolean("persistent").value_or(false);
  program.threads = small(map, "threads", 128, {.min = 32, .max = 1024});
  program.registers = small(map, "registers", 255, {.min = 1, .max = 255});
  program.ctas_per_sm = small(map, "ctas_per_sm", 1, {.min = 1, .max = 2});
  program.alone = map.optional_number("alone", {.min = 1, .max = 2}).value_or(1);
  program.longest_first = map.optional_choice("order", orders).value_or(false);
  program.pack_heads = map.optional_boolean("pack_heads").value_or(false);
  program.dropout = map.optional_boolean("dropout").value_or(true);
  program.mma_sync = map.optional_boolean("mma_sync").value_or(false);
  program.emulated = map.optional_number("emulated", NumberRange::fraction()).value_or(0);
  program.mask_slots = ratio(map, "mask_slots", 10);
  program.asked = map.optional_number("asked", NumberRange::fraction()).value_or(1);
  program.dropout_asked = map.optional_number("dropout_asked", NumberRange::fraction()).value_or(program.asked);
  program.instructions = ratio(map, "instructions", 7);
  program.dropout_instructions = ratio(map, "dropout_instructions", 11);
  program.counts = read_tally(map, "counts");
  program.dropout_counts = read_tally(map, "dropout_counts");
  program.mask_counts = read_tally(map, "mask_counts");
  if (program.counts.all > 0) program.instructions = program.counts.all;
  if (program.dropout_counts.all > 0) program.dropout_instructions = program.dropout_counts.all;
  for (const YamlNode& tile : some(map, "tiles", faults)) {
    program.tiles.push_back(read_tile(tile, faults));
  }
  program.split = read_split(map.optional_map("split"));
  read_helpers(map, program, faults);
  map.finish();
  return program;
}

// Any but cublas, which has no attention.
Family read_family(YamlMap& root, Diagnostics& faults) {
  const std::string name = root.string("family");
  const auto family = parse_enum<Family>(name);
  if (!name.empty() && (!family || *family == Family::cublas)) {
    std::vector<std::string> known(enum_names<Family>().begin(), enum_names<Family>().end());
    std::erase(known, name_of(Family::cublas));
    faults.error(root.location("family"), fmt::format("unknown family '{}'", name))
        .suggest(name, known)
        .note("known families: " + join_names(known));
  }
  return family.value_or(Family::cudnn);
}

std::vector<AttentionProgram> read_programs(const YamlNode& node) {
  Diagnostics faults;
  YamlMap root(node, "the program file", faults);
  root.optional_string("description");
  const Family family = read_family(root, faults);
  std::vector<AttentionProgram> programs;
  for (const YamlNode& node : some(root, "programs", faults)) {
    programs.push_back(read_program(node, family, faults));
  }
  root.finish();
  faults.throw_if_errors();
  return programs;
}

}  // namespace

std::vector<AttentionProgram> load_attention_programs(const std::string& path) {
  return read_programs(load_yaml_file(path));
}

std::vector<AttentionProgram> attention_programs_from_text(std::string text, std::string_view name) {
  return read_programs(load_yaml_text(std::move(text), name));
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
