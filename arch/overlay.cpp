#include "arch/overlay.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

#include "arch/fields.hpp"
#include "arch/read.hpp"
#include "support/yaml_map.hpp"

namespace perfmodel {

namespace {

void read_fit(YamlMap map, Calibration& calibration) {
  calibration.date = map.string("date");
  calibration.command = map.string("command");
  YamlMap tables = map.map("tables");
  for (const YamlEntry& entry : tables.entries()) {
    const auto hash = read_string(entry.value, entry.key, map.diagnostics());
    calibration.tables.push_back({entry.key, hash.value_or("")});
  }
  map.finish();
}

void read_constants(YamlMap map, Machine& machine, const Calibration& calibration) {
  const std::string ref = fmt::format("fit of {}, {}", calibration.machine, calibration.date);
  for (const YamlEntry& entry : map.entries()) {
    auto named = find_constant(machine, entry.key);
    if (!named) {
      map.diagnostics()
          .error(entry.key_location, fmt::format("unknown constant '{}' of {}", entry.key, machine.id))
          .suggest(entry.key, constant_keys(machine));
      continue;
    }
    if (const auto si = read_field_value(entry.value, *named->field, entry.key, map.diagnostics())) {
      named->constant.set(*si, Origin::fitted, ref);
    }
  }
}

ResidualQuantiles read_residual(const YamlNode& node, Diagnostics& diagnostics) {
  YamlMap map(node, "a residual", diagnostics);
  ResidualQuantiles residual;
  residual.op = map.string("operator");
  residual.regime = map.string("regime");
  residual.limiter = map.string("limiter");
  residual.n = map.integer("n", IntegerRange::positive());
  const NumberRange relative{.min = -1.0};
  residual.q05 = map.number("q05", relative);
  residual.q50 = map.number("q50", relative);
  residual.q95 = map.number("q95", relative);
  if (residual.q05 > residual.q50 || residual.q50 > residual.q95) {
    diagnostics.error(map.location(), "the quantiles q05, q50 and q95 must not fall");
  }
  map.finish();
  return residual;
}

}  // namespace

void apply_overlay(Machine& machine, const YamlNode& root, const std::string& file, Diagnostics& diagnostics) {
  YamlMap map(root, "the overlay", diagnostics);
  Calibration calibration;
  calibration.file = file;
  calibration.machine = map.string("machine");
  const bool related =
      std::find(machine.lineage.begin(), machine.lineage.end(), calibration.machine) != machine.lineage.end();
  if (map.has("machine") && !related) {
    diagnostics.error(map.location("machine"), fmt::format("this overlay belongs to '{}', not to '{}' or to a machine "
                                                           "that it is based on",
                                                           calibration.machine, machine.id));
  }
  read_fit(map.map("fit"), calibration);
  read_constants(map.map("constants"), machine, calibration);
  for (const YamlNode& residual : map.optional_list("residuals")) {
    calibration.residuals.push_back(read_residual(residual, diagnostics));
  }
  map.finish();
  machine.calibration = std::move(calibration);
}

std::string format_overlay(const Machine& machine, const std::vector<std::string>& keys) {
  const Calibration& calibration = machine.calibration;
  std::string text = "# Written by the fit; do not edit.\n";
  text += fmt::format("machine: {}\nfit:\n  date: {}\n  command: {}\n  tables:{}\n", calibration.machine,
                      calibration.date, calibration.command, calibration.tables.empty() ? " {}" : "");
  for (const Calibration::Table& table : calibration.tables) {
    text += fmt::format("    {}: {}\n", table.name, table.hash);
  }
  text += keys.empty() ? "constants: {}\n" : "constants:\n";
  Machine copy = machine;
  for (const std::string& key : keys) {
    const auto named = find_constant(copy, key);
    if (!named) {
      throw std::logic_error("overlay of an unknown constant " + key);
    }
    text += fmt::format("  {}: {}\n", key, format_constant(*named->field, named->constant.get()));
  }
  text += calibration.residuals.empty() ? "" : "residuals:\n";
  for (const ResidualQuantiles& residual : calibration.residuals) {
    text += fmt::format("  - {{operator: {}, regime: {}, limiter: {}, n: {}, q05: {:.4f}, q50: {:.4f}, q95: {:.4f}}}\n",
                        residual.op, residual.regime, residual.limiter, residual.n, residual.q05, residual.q50,
                        residual.q95);
  }
  return text;
}

}  // namespace perfmodel
