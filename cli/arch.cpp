#include "cli/arch.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "arch/schema.hpp"
#include "support/format.hpp"
#include "support/units.hpp"

namespace perfmodel {

namespace {

using nlohmann::ordered_json;

// Raised when a key of the JSON below changes its meaning or goes away; not for new keys.
constexpr int schema_version = 1;

struct ArchOptions {
  std::string machine;
  std::string calibration;
  std::vector<std::string> files;
  bool json = false;
};

void print_json(const ordered_json& json) { fmt::print("{}\n", json.dump(2)); }

// One machine as a row of `arch list`.
struct Summary {
  std::string id;
  std::string name;
  std::int64_t sms;
  Hertz clock;
  FlopsPerSecond peak;  // dense bf16, datasheet
  BytesPerSecond bandwidth;
  Bytes l2;
  Watts limit;
};

Summary summarise(const Machine& machine) {
  const FlopsPerSecond peak =
      static_cast<double>(machine.sms.value) * (machine.tensor.bf16.value * machine.clock.datasheet.value);
  return {machine.id,
          machine.name,
          machine.sms.value,
          machine.clock.maximum.value,
          peak,
          machine.dram.bandwidth.value,
          machine.l2.capacity.value,
          machine.power.limit.value};
}

void print_list(const std::vector<Summary>& machines) {
  std::size_t name_width = 4;
  for (const Summary& machine : machines) {
    name_width = std::max(name_width, machine.name.size());
  }
  fmt::print("{:<10}  {:<{}}  {:>4}  {:>8}  {:>11}  {:>9}  {:>8}  {:>6}\n", "machine", "name", name_width, "SMs",
             "clock", "bf16 peak", "DRAM", "L2", "power");
  for (const Summary& machine : machines) {
    fmt::print("{:<10}  {:<{}}  {:>4}  {:>8}  {:>11}  {:>9}  {:>8}  {:>6}\n", machine.id, machine.name, name_width,
               machine.sms, format_clock(machine.clock), format_rate(machine.peak), format_rate(machine.bandwidth),
               format_bytes(machine.l2), fmt::format("{:.0f} W", machine.limit.si()));
  }
}

ordered_json list_json(const std::vector<Summary>& machines) {
  ordered_json rows = ordered_json::array();
  for (const Summary& machine : machines) {
    rows.push_back({{"machine", machine.id},
                    {"name", machine.name},
                    {"sms", machine.sms},
                    {"clock_maximum", machine.clock.si()},
                    {"bf16_peak", machine.peak.si()},
                    {"dram_bandwidth", machine.bandwidth.si()},
                    {"l2_capacity", machine.l2.si()},
                    {"power_limit", machine.limit.si()}});
  }
  return {{"schema_version", schema_version}, {"machines", rows}};
}

void run_list(const ArchOptions& options) {
  std::vector<Summary> machines;
  for (const std::string& name : machine_names()) {
    machines.push_back(summarise(load_machine(name)));
  }
  if (options.json) {
    print_json(list_json(machines));
  } else {
    print_list(machines);
  }
}

std::string join_arrow(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : " -> ") + name;
  }
  return text;
}

std::string carveout_text(const Machine& machine) {
  std::string text;
  for (const Bytes size : machine.shared_memory.carveouts.value) {
    text += fmt::format("{}{:.0f}", text.empty() ? "" : ",", size.si() / 1024);
  }
  return text + " KiB";
}

void print_constant(std::string_view key, std::string_view value, Origin source, std::string_view ref) {
  fmt::print("{:<36}  {:<16}  {:<9}  {}\n", key, value, origin_name(source), ref);
}

void print_machine(Machine machine) {
  fmt::print("{}: {}\n", machine.id, machine.name);
  fmt::print("based on: {}\n", join_arrow(machine.lineage));
  fmt::print("tensor generation: {}\n", tensor_generation_name(machine.tensor.generation));
  if (machine.calibration.present()) {
    fmt::print("fitted on {}, {}\n", machine.calibration.machine, machine.calibration.date);
  }
  fmt::print("\n{:<36}  {:<16}  {:<9}  {}\n", "constant", "value", "source", "reference");
  for (const NamedConstant& named : present_constants(machine)) {
    print_constant(named.key, format_constant(*named.field, named.constant.get()), named.constant.source(),
                   named.constant.ref());
  }
  const auto& carveouts = machine.shared_memory.carveouts;
  print_constant("shared_memory.carveouts", carveout_text(machine), carveouts.source, carveouts.ref);
}

ordered_json machine_json(Machine machine) {
  ordered_json constants = ordered_json::array();
  for (const NamedConstant& named : present_constants(machine)) {
    const Dimension& dimension = named.field->dimension;
    constants.push_back({{"key", named.key},
                         {"value", named.constant.get()},
                         {"unit", dimension == Dimension{} ? "" : dimension_name(dimension)},
                         {"source", origin_name(named.constant.source())},
                         {"ref", named.constant.ref()}});
  }
  ordered_json carveouts = ordered_json::array();
  for (const Bytes size : machine.shared_memory.carveouts.value) {
    carveouts.push_back(size.si());
  }
  ordered_json json = {{"schema_version", schema_version},
                       {"machine", machine.id},
                       {"name", machine.name},
                       {"lineage", machine.lineage},
                       {"tensor_generation", tensor_generation_name(machine.tensor.generation)},
                       {"carveouts", carveouts},
                       {"constants", constants}};
  if (machine.calibration.present()) {
    json["fit"] = {{"machine", machine.calibration.machine},
                   {"date", machine.calibration.date},
                   {"command", machine.calibration.command}};
  }
  return json;
}

void run_show(const ArchOptions& options) {
  Machine machine = load_machine(options.machine, {.calibration = options.calibration, .overlay = true});
  if (options.json) {
    print_json(machine_json(std::move(machine)));
  } else {
    print_machine(std::move(machine));
  }
}

// Checks every file before it fails, so that one run shows all faults.
void run_check(const ArchOptions& options) {
  Diagnostics faults;
  ordered_json rows = ordered_json::array();
  for (const std::string& file : options.files) {
    std::size_t errors = 0;
    std::size_t warnings = 0;
    try {
      const Diagnostics found = check_machine(file, {.calibration = options.calibration, .overlay = true});
      warnings = found.warning_count();
      fmt::print(stderr, "{}", found.format());
    } catch (const InputError& error) {
      errors = error.diagnostics().error_count();
      warnings = error.diagnostics().warning_count();
      faults.append(error.diagnostics());
    }
    rows.push_back({{"file", file}, {"errors", errors}, {"warnings", warnings}});
    if (!options.json) {
      fmt::print("{}: {}\n", file, errors == 0 ? "ok" : fmt::format("{} error{}", errors, errors == 1 ? "" : "s"));
    }
  }
  if (options.json) {
    print_json({{"schema_version", schema_version}, {"files", rows}});
  }
  std::fflush(stdout);
  faults.throw_if_errors();
}

}  // namespace

void add_arch_command(CLI::App& app) {
  auto options = std::make_shared<ArchOptions>();
  CLI::App* arch = app.add_subcommand("arch", "List, show and check the machines");
  arch->require_subcommand(1);

  CLI::App* list = arch->add_subcommand("list", "List the shipped machines");
  list->add_flag("--json", options->json, "Print JSON in SI base units");
  list->callback([options] { run_list(*options); });

  CLI::App* show = arch->add_subcommand("show", "Print every constant of a machine with its source");
  show->add_option("NAME", options->machine, "A shipped machine or a machine file")->required();
  show->add_option("--calibration", options->calibration, "Use this fitted overlay");
  show->add_flag("--json", options->json, "Print JSON in SI base units");
  show->callback([options] { run_show(*options); });

  CLI::App* check = arch->add_subcommand("check", "Report every fault of machine files");
  check->add_option("FILE", options->files, "Machine files or names of shipped machines")->required();
  check->add_option("--calibration", options->calibration, "Check with this fitted overlay");
  check->add_flag("--json", options->json, "Print JSON");
  check->callback([options] { run_check(*options); });

  // An empty group name hides it: the page in docs/ is what users read.
  CLI::App* schema = arch->add_subcommand("schema", "Print docs/arch-schema.md");
  schema->group("");
  schema->callback([] { fmt::print("{}", schema_page()); });
}

}  // namespace perfmodel
