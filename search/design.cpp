#include "search/design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/diagnostic.hpp"
#include "support/format.hpp"

namespace perfmodel {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_settings = 128;
constexpr std::size_t most_moves = 64;

[[noreturn]] void refuse(const std::string& what) { throw InputError(file_location(candidate_file), what); }

Json move_json(const Move& move) {
  Json json{{"move", move_kind_names[static_cast<std::size_t>(move.kind)]}, {"value", move.value}};
  if (!move.target.empty()) json["target"] = move.target;
  if (!move.other.empty()) json["other"] = move.other;
  if (!move.operations.empty()) json["operations"] = move.operations;
  return json;
}

std::string text_of(const Json& json, const char* what) {
  if (!json.is_string()) refuse(fmt::format("'{}' is no text", what));
  const auto text = json.get<std::string>();
  if (text.size() > 64) refuse(fmt::format("'{}' has more than 64 characters", what));
  return text;
}

Move read_move(const Json& json) {
  if (!json.is_object()) refuse("a move is no object");
  Move move;
  bool named = false;
  for (const auto& [key, value] : json.items()) {
    if (key == "move") {
      const std::string name = text_of(value, "move");
      const auto found = std::ranges::find(move_kind_names, name);
      if (found == move_kind_names.end()) refuse(fmt::format("there is no move '{}'", name));
      move.kind = static_cast<MoveKind>(found - move_kind_names.begin());
      named = true;
    } else if (key == "target") {
      move.target = text_of(value, "target");
    } else if (key == "other") {
      move.other = text_of(value, "other");
    } else if (key == "value") {
      if (!value.is_number_integer() || value < -1000000 || value > 1000000)
        refuse("a move's 'value' is no whole number");
      move.value = value.get<std::int32_t>();
    } else if (key == "operations") {
      if (!value.is_array() || value.size() > 64) refuse("a move's 'operations' are no list of at most 64");
      for (const Json& operation : value) move.operations.push_back(text_of(operation, "operations"));
    } else {
      refuse(fmt::format("unknown key '{}' in a move", key.substr(0, 64)));
    }
  }
  if (!named) refuse("a move without 'move'");
  return move;
}

void read_settings(const Json& json, Design& design) {
  if (!json.is_object() || json.size() > most_settings) {
    refuse(fmt::format("the settings are no object of at most {} names", most_settings));
  }
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number()) refuse(fmt::format("'{}' is no number", name.substr(0, 64)));
    set(design, name, value.get<double>());
  }
}

Json parse(const std::string& text) {
  // Depth is bounded before nlohmann's recursive reader sees it.
  int depth = 0;
  for (const char c : text) {
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > 16) refuse("nested too deeply");
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) refuse("not a JSON object");
  return json;
}

}  // namespace

std::optional<double> setting_of(const Design& design, std::string_view name) {
  const auto found = std::ranges::find(design.settings, name, &Setting::name);
  return found == design.settings.end() ? std::nullopt : std::optional(found->value);
}

void set(Design& design, std::string_view name, double value) {
  const auto at = std::ranges::lower_bound(design.settings, name, {}, &Setting::name);
  if (at != design.settings.end() && at->name == name) {
    at->value = value;
  } else {
    design.settings.insert(at, {std::string(name), value});
  }
}

std::int32_t move_of(const Design& design, MoveKind kind) {
  const auto found = std::ranges::find(design.moves, kind, &Move::kind);
  return found == design.moves.end() ? 0 : found->value;
}

void set(Design& design, MoveKind kind, std::int32_t value) {
  const auto found = std::ranges::find(design.moves, kind, &Move::kind);
  if (found != design.moves.end()) {
    found->value = value;
  } else if (value != 0) {
    Move move;
    move.kind = kind;
    move.value = value;
    design.moves.push_back(move);
    std::ranges::stable_sort(design.moves, {}, &Move::kind);
  }
}

Candidate candidate_of(const Design& design) {
  if (!design.program.empty()) return ProgramCandidate{design.program, design.moves, design.settings};
  KernelColumns columns;
  for (const Setting& setting : design.settings) {
    if (const auto column = find_kernel_column(setting.name)) {
      columns.set(*column, static_cast<std::int32_t>(setting.value));
    }
  }
  return columns;
}

std::string candidate_json(const Design& design) {
  Json json;
  Json& settings = json[design.program.empty() ? "kernel" : "set"] = Json::object();
  for (const Setting& setting : design.settings) settings[setting.name] = setting.value;
  if (!design.program.empty()) {
    json["moves"] = Json::array();
    for (const Move& move : design.moves) json["moves"].push_back(move_json(move));
  }
  return json.dump();
}

Design read_design(const std::string& candidate_json, std::string program) {
  const Json json = parse(candidate_json);
  Design design;
  design.program = std::move(program);
  for (const auto& [key, value] : json.items()) {
    if (key == (design.program.empty() ? "kernel" : "set")) {
      read_settings(value, design);
    } else if (key == "program" && !design.program.empty()) {
      if (!value.is_string() || !is_program_text(value.get<std::string>())) refuse("'program' is no text of a program");
      design.program = value.get<std::string>();
    } else if (key == "moves" && !design.program.empty()) {
      if (!value.is_array() || value.size() > most_moves) {
        refuse(fmt::format("'moves' is no list of at most {}", most_moves));
      }
      for (const Json& move : value) design.moves.push_back(read_move(move));
    } else {
      refuse(fmt::format("unknown key '{}'", key.substr(0, 64)));
    }
  }
  return design;
}

std::vector<WorkFile> files_of(const Design& design) {
  std::vector<WorkFile> files{{std::string(candidate_file), candidate_json(design) + "\n"}};
  if (!design.program.empty()) files.push_back({std::string(program_file), design.program});
  return files;
}

std::string key_of(const Design& design) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const std::string& part : {candidate_json(design), design.program}) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xffU) * 1099511628211ULL;
  }
  return fmt::format("{:016x}", hash);
}

std::string difference(const Design& before, const Design& after) {
  std::vector<std::string> parts;
  if (before.program != after.program) parts.emplace_back("program text");
  std::vector<Setting> names = before.settings;
  for (const Setting& setting : after.settings) {
    if (!setting_of(before, setting.name)) names.push_back(setting);
  }
  const auto shown = [](std::optional<double> value) { return value ? fmt::format("{:.4g}", *value) : "default"; };
  for (const Setting& setting : names) {
    const auto from = setting_of(before, setting.name);
    const auto to = setting_of(after, setting.name);
    if (from != to) parts.push_back(fmt::format("{} {} -> {}", setting.name, shown(from), shown(to)));
  }
  for (const Move& move : after.moves) {
    if (std::ranges::find(before.moves, move) == before.moves.end()) parts.push_back(describe(move));
  }
  for (const Move& move : before.moves) {
    if (std::ranges::find(after.moves, move.kind, &Move::kind) == after.moves.end()) {
      parts.push_back("without " + describe(move));
    }
  }
  return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace perfmodel
