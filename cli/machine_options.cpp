#include "cli/machine_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "cli/console.hpp"
#include "support/parse.hpp"
#include "workloads/kernel_program.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view machine_prefix = "machine.";

void apply_setting(Machine& machine, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  const std::string_view key = trimmed(std::string_view(setting).substr(0, equals));
  const std::string_view value =
      equals == std::string::npos ? "" : trimmed(std::string_view(setting).substr(equals + 1));
  if (value.empty()) {
    throw InputError(file_location("--set"), fmt::format("expected machine.KEY=VALUE, not 'machine.{}'", setting));
  }
  set_constant(machine, key, value, file_location("--set"));
}

}  // namespace

void add_machine_options(CLI::App& command, MachineChoice& choice, Context& context, bool several) {
  CLI::Option* arch =
      command.add_option("--arch", choice.arch,
                         several ? "A shipped machine, a machine file, or all" : "A shipped machine or a machine file");
  arch->type_name("NAME");
  std::vector<std::string> names = machine_names();
  if (several) names.emplace_back("all");
  context.values[arch] = std::move(names);
  CLI::Option* calibration =
      command.add_option("--calibration", choice.calibration, "Fitted overlay to use in place of the shipped one");
  calibration->type_name("FILE");
  context.files.push_back(calibration);
}

std::vector<std::string> take_machine_settings(const std::vector<std::string>& assignments, MachineChoice& choice) {
  std::vector<std::string> rest;
  for (const std::string& assignment : assignments) {
    if (assignment.starts_with(machine_prefix)) {
      choice.settings.push_back(assignment.substr(machine_prefix.size()));
    } else {
      rest.push_back(assignment);
    }
  }
  return rest;
}

Machine load_chosen(const MachineChoice& choice, std::string_view name, const Location& where) {
  Machine machine = load_machine(name, {.calibration = choice.calibration, .overlay = true}, where);
  for (const std::string& setting : choice.settings) apply_setting(machine, setting);
  return machine;
}

void note_default_machine(const Context& context, std::string_view name) {
  print_note(context, fmt::format("no machine given: predicting for {}; --arch NAME takes another", name));
}

std::string_view machine_for_tensor(std::string_view generation) {
  if (generation == "tcgen05") return "b200";
  return default_machine;
}

std::string_view machine_for(const Block& block) {
  for (const BlockOperator& each : block.operators) {
    if (each.op.program) return machine_for_tensor(each.op.program->pipeline().tensor);
  }
  return default_machine;
}

Machine load_for_block(const MachineChoice& choice, const Block& block, const Context& context) {
  if (!choice.arch.empty()) return load_chosen(choice, choice.arch, file_location("--arch"));
  if (block.machine) return load_chosen(choice, block.machine->name, block.machine->location);
  const std::string_view name = machine_for(block);
  note_default_machine(context, name);
  return load_chosen(choice, name, {});
}

Machine load_chosen_or_default(const MachineChoice& choice, const Context& context) {
  if (!choice.arch.empty()) return load_chosen(choice, choice.arch, file_location("--arch"));
  note_default_machine(context);
  return load_chosen(choice, default_machine, {});
}

std::vector<std::string> chosen_names(const MachineChoice& choice) {
  return choice.all() ? machine_names() : std::vector<std::string>{choice.arch};
}

}  // namespace perfmodel
