#include "arch/load.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "arch/overlay.hpp"
#include "arch/read.hpp"
#include "support/data_path.hpp"
#include "support/suggest.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

// One file of a `based-on` chain.
struct Level {
  std::string id;
  std::string file;
  YamlNode root;
  Location based_on;  // place of the key's value
};

std::string id_of(const std::string& file) { return fs::path(file).stem().string(); }

bool is_file(const std::string& path) {
  std::error_code code;
  return fs::exists(path, code) && !fs::is_directory(path, code);
}

bool names_file(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.ends_with(".yaml") || name.ends_with(".yml");
}

// A bare name is a shipped machine; anything with a directory or an extension is looked up as a file first.
std::optional<std::string> find_machine_file(std::string_view name) {
  if (names_file(name)) {
    return find_data_file(name, "arch", ".yaml");
  }
  const std::string shipped = data_path(fmt::format("arch/{}.yaml", name));
  if (!name.empty() && is_file(shipped)) {
    return shipped;
  }
  return std::nullopt;
}

// `based-on: x` is x.yaml beside the file, else a shipped machine.
std::optional<std::string> find_base_file(const std::string& file, const std::string& base) {
  const std::string beside = (fs::path(file).parent_path() / (base + ".yaml")).string();
  if (is_file(beside)) {
    return beside;
  }
  const std::string shipped = data_path(fmt::format("arch/{}.yaml", base));
  if (is_file(shipped)) {
    return shipped;
  }
  return find_machine_file(base);
}

[[noreturn]] void throw_unknown(std::string_view name, const Location& where) {
  const std::vector<std::string> known = machine_names();
  Diagnostics diagnostics;
  diagnostics.error(where, fmt::format("{} '{}'", names_file(name) ? "no machine file" : "unknown machine", name))
      .suggest(name, known)
      .note("known machines: " + join_names(known))
      .note("a machine file of your own is named by its path, such as ./my-gpu.yaml");
  throw InputError(std::move(diagnostics));
}

std::string chain_text(const std::vector<Level>& leaf_first, const std::string& last) {
  std::string text;
  for (const Level& level : leaf_first) {
    text += level.id + " -> ";
  }
  return text + last;
}

// The files from the root of the chain to the machine itself.
std::vector<Level> read_chain(std::string_view name, const Location& where) {
  const auto file = find_machine_file(name);
  if (!file) {
    throw_unknown(name, where);
  }
  std::vector<Level> levels;  // leaf first
  std::string next = *file;
  for (;;) {
    levels.push_back({id_of(next), next, load_yaml_file(next), {}});
    Level& level = levels.back();
    const YamlNode based_on = level.root.find("based-on");
    if (based_on.is_missing()) {
      break;
    }
    level.based_on = based_on.location();
    if (based_on.text().empty()) {
      throw InputError(level.based_on, "'based-on': expected the name of a machine");
    }
    const auto base = find_base_file(level.file, based_on.text());
    if (!base) {
      throw_unknown(based_on.text(), level.based_on);
    }
    std::error_code code;
    const bool seen = std::any_of(levels.begin(), levels.end(),
                                  [&](const Level& one) { return fs::equivalent(one.file, *base, code); });
    if (seen) {
      throw InputError(level.based_on, fmt::format("cyclic 'based-on': {}", chain_text(levels, id_of(*base))));
    }
    next = *base;
  }
  std::reverse(levels.begin(), levels.end());
  return levels;
}

std::string shipped_overlay(const Level& level) {
  return (fs::path(level.file).parent_path() / "fitted" / (level.id + ".yaml")).string();
}

// The level whose own overlay is used; levels.size() if there is none.
std::size_t overlay_level(const std::vector<Level>& levels, const MachineOptions& options) {
  if (!options.overlay || !options.calibration.empty()) {
    return levels.size();
  }
  for (std::size_t i = levels.size(); i-- > 0;) {
    if (is_file(shipped_overlay(levels[i]))) {
      return i;
    }
  }
  return levels.size();
}

// The faults of one file from its first line to its last, whatever order they were found in.
Diagnostics in_file_order(const Diagnostics& found) {
  if (found.all().size() < found.error_count() + found.warning_count()) {
    return found;  // some were only counted
  }
  std::vector<Diagnostic> sorted = found.all();
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.location.line, a.location.column) < std::pair(b.location.line, b.location.column);
  });
  Diagnostics result;
  for (const Diagnostic& diagnostic : sorted) {
    const bool error = diagnostic.severity == Severity::error;
    Diagnostic& copy = error ? result.error(diagnostic.location, diagnostic.message)
                             : result.warning(diagnostic.location, diagnostic.message);
    copy.notes = diagnostic.notes;
  }
  return result;
}

Machine load(std::string_view name, const MachineOptions& options, const Location& where, Diagnostics& diagnostics) {
  const std::vector<Level> levels = read_chain(name, where);
  const std::size_t fitted = overlay_level(levels, options);
  Machine machine;
  ConstantPlaces places;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    machine.id = levels[i].id;
    machine.lineage.push_back(levels[i].id);
    Diagnostics of_file;
    read_machine_file(levels[i].root, machine, places, of_file);
    diagnostics.append(in_file_order(of_file));
    if (i == fitted) {
      const std::string file = shipped_overlay(levels[i]);
      apply_overlay(machine, load_yaml_file(file), file, diagnostics);
    }
  }
  if (options.overlay && !options.calibration.empty()) {
    apply_overlay(machine, load_yaml_file(options.calibration), options.calibration, diagnostics);
  }
  check_constants(machine, places, file_location(levels.back().file), diagnostics);
  return machine;
}

}  // namespace

Machine load_machine(std::string_view name, const MachineOptions& options, const Location& where) {
  Diagnostics diagnostics;
  Machine machine = load(name, options, where, diagnostics);
  diagnostics.throw_if_errors();
  return machine;
}

Diagnostics check_machine(std::string_view name, const MachineOptions& options) {
  Diagnostics diagnostics;
  Machine machine = load(name, options, {}, diagnostics);
  diagnostics.throw_if_errors();
  for (const NamedConstant& named : present_constants(machine)) {
    if (named.constant.ref().empty() && named.constant.source() != Origin::fitted) {
      diagnostics.warning({}, fmt::format("{}: {} has no reference", machine.id, named.key));
    }
  }
  return diagnostics;
}

std::vector<std::string> machine_names() { return list_data_files("arch", ".yaml"); }

}  // namespace perfmodel
