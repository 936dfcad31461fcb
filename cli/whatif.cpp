#include "cli/whatif.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/conflict.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/scenario.hpp"
#include "report/difference.hpp"
#include "report/sweep.hpp"
#include "report/sweep_page.hpp"
#include "support/data_path.hpp"
#include "support/parse.hpp"
#include "support/text_file.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t most_points = 100'000;

struct WhatIfCommand {
  std::string input;
  MachineChoice machine;
  std::string regime;
  std::string fidelity = "pipeline";
  std::vector<std::string> given;
  std::vector<std::string> changes;
  std::vector<std::string> sweeps;
  bool json = false;
  bool csv = false;
  std::string html;
  std::string output;
};

std::vector<std::string> names_of_regimes() {
  const auto names = enum_names<Regime>();
  return {names.begin(), names.end()};
}
const std::vector<std::string>& names_of_fidelities() {
  static const std::vector<std::string> names{"bound", "pipeline", "simulated"};
  return names;
}

ScenarioOptions options_of(const WhatIfCommand& command) {
  ScenarioOptions options;
  if (!command.regime.empty()) {
    options.regime = static_cast<Regime>(parse_choice("--regime", command.regime, names_of_regimes()));
  }
  options.fidelity = static_cast<Fidelity>(parse_choice("--fidelity", command.fidelity, names_of_fidelities()));
  return options;
}

// KEY=VALUE of an option that takes one value a key.
std::vector<Assigned> assigned_by(const std::vector<std::string>& texts, const std::string& option) {
  std::vector<Assigned> all;
  for (const std::string& text : texts) {
    ValueList list = parse_value_list(text, option);
    if (list.values.size() > 1) {
      throw InputError(list.values[1].where, fmt::format("{} gives '{}' one value", option, list.key),
                       {{{}, "--sweep takes several"}});
    }
    all.push_back({std::move(list.key), std::move(list.values.front()), option});
  }
  return all;
}

std::vector<ValueList> axes_of(const WhatIfCommand& command) {
  constexpr std::size_t most_axes = 2;
  std::vector<ValueList> axes;
  for (const std::string& text : command.sweeps) axes.push_back(parse_value_list(text, "--sweep"));
  if (axes.size() > most_axes) {
    throw InputError(axes[most_axes].key_location,
                     fmt::format("a third sweep, by '{}': two are the most", axes[most_axes].key));
  }
  if (axes.size() == most_axes && axes[0].key == axes[1].key) {
    throw InputError(axes[1].key_location, fmt::format("'{}' is swept twice", axes[1].key));
  }
  if (axes.size() == most_axes && axes[0].values.size() * axes[1].values.size() > most_points) {
    throw InputError(axes[1].key_location, fmt::format("{} x {} points: {} are the most", axes[0].values.size(),
                                                       axes[1].values.size(), most_points));
  }
  return axes;
}

// A key is swept, changed or given: two of them would undo each other.
void refuse_twice(const std::vector<ValueList>& axes, const std::vector<Assigned>& assigned) {
  for (const ValueList& axis : axes) {
    for (const Assigned& one : assigned) {
      if (axis.key != one.key) continue;
      const bool given = one.option == "--given";
      Diagnostics faults;
      faults.error(axis.key_location, fmt::format("'{}' is swept and {}", axis.key, given ? "given" : "set"))
          .note(one.value.where, fmt::format("it is {} here", given ? "given" : "set"))
          .note("--given sets a key for both predictions, --set for the changed one");
      throw InputError(std::move(faults));
    }
  }
}

// The values in SI, if every one is a number.
std::vector<double> numbers_of(const ValueList& list) {
  std::vector<double> numbers;
  for (const ListedValue& value : list.values) {
    const ParsedNumber plain = parse_number(value.text);
    if (plain.error.empty()) {
      numbers.push_back(plain.value);
      continue;
    }
    const ParsedQuantity quantity = parse_quantity(value.text);
    if (!quantity.ok()) return {};
    numbers.push_back(quantity.si);
  }
  return numbers;
}

SweepAxis axis_of(const ValueList& list) {
  SweepAxis axis;
  axis.key = list.key;
  for (const ListedValue& value : list.values) axis.values.push_back(value_label(value));
  axis.numbers = numbers_of(list);
  return axis;
}

std::string label_of(const Assigned& assigned) {
  return fmt::format("{}={}", assigned.key, value_label(assigned.value));
}

// A command line worked out: what is given, changed and swept.
class WhatIf {
 public:
  WhatIf(const WhatIfCommand& command, const Context& context)
      : command_(command),
        context_(context),
        given_(assigned_by(command.given, "--given")),
        changes_(assigned_by(command.changes, "--set")),
        axes_(axes_of(command)),
        scenarios_(BlockFile::load(command.input), command.machine, options_of(command)) {
    refuse_twice(axes_, changes_);
    refuse_twice(axes_, given_);
    if (axes_.empty() && changes_.empty()) {
      throw InputError({}, "nothing is asked: give --set KEY=VALUE, --sweep KEY=V1,V2,... or both");
    }
  }

  void run() {
    if (command_.json && command_.csv) throw InputError({}, "--json and --csv exclude each other");
    if (!command_.html.empty() && axes_.empty()) {
      throw InputError(file_location("--html"), "a page shows a sweep: give --sweep KEY=V1,V2,...");
    }
    Output output(command_.output);
    std::optional<AtomicFile> page;
    if (!command_.html.empty()) page.emplace(command_.html);
    note_machine();
    const InterruptGuard guard;
    if (axes_.empty()) {
      output.write(difference_text(output));
      return;
    }
    const Sweep sweep = swept();
    if (page) page->commit(sweep_page(sweep));
    if (command_.html == "-") return;
    output.write(command_.json  ? json_sweep(sweep)
                 : command_.csv ? csv_sweep(sweep)
                                : text_sweep(sweep, {.colour = output.coloured(context_)}));
  }

 private:
  [[nodiscard]] bool swept_machine() const {
    return std::ranges::any_of(axes_,
                               [](const ValueList& axis) { return axis.key == "arch" || axis.key == "machine"; });
  }

  // Said where nobody has named one.
  void note_machine() {
    const auto names = [](const Assigned& one) { return one.key == "arch" || one.key == "machine"; };
    const bool named = !command_.machine.arch.empty() || swept_machine() || std::ranges::any_of(given_, names) ||
                       scenarios_.block(given_).machine;
    if (!named) note_default_machine(context_);
  }

  [[nodiscard]] std::string difference_text(const Output& output) {
    std::vector<Assigned> after = given_;
    after.insert(after.end(), changes_.begin(), changes_.end());
    const SequenceEstimate before_estimate = feasible(given_);
    const SequenceEstimate after_estimate = feasible(after);
    std::vector<std::string> labels;
    for (const Assigned& change : changes_) labels.push_back(label_of(change));
    const Difference found =
        difference(predictions_from_sequence(before_estimate, before_estimate.name),
                   predictions_from_sequence(after_estimate, fmt::format("with {}", fmt::join(labels, ", "))));
    if (command_.csv) throw InputError({}, "a change alone has no table: add --sweep KEY=V1,V2,..., or use --json");
    return command_.json ? json_difference(found) : text_difference(found, {.colour = output.coloured(context_)});
  }

  // What cannot run is a fault of the input here, unlike in a sweep.
  SequenceEstimate feasible(const std::vector<Assigned>& assigned) {
    SequenceEstimate estimate = scenarios_.predict(assigned);
    const std::string refusal = refusal_of(estimate);
    if (refusal.empty()) return estimate;
    throw_conflict(estimate, scenarios_.block(assigned), scenarios_.machine(assigned).name);
    throw InputError(file_location(command_.input),
                     fmt::format("cannot run on {}: {}", scenarios_.machine(assigned).name, refusal));
  }

  [[nodiscard]] Sweep swept() {
    Sweep sweep;
    sweep.subject = scenarios_.block(given_).name;
    if (!swept_machine()) sweep.machine = scenarios_.machine(given_).id;
    for (const Assigned& one : changes_) sweep.changes.push_back(label_of(one));
    for (const Assigned& one : given_) sweep.given.push_back(label_of(one));
    sweep.fidelity = options_of(command_).fidelity;
    for (const ValueList& axis : axes_) sweep.axes.push_back(axis_of(axis));
    std::vector<Assigned> assigned = given_;
    add_points(sweep, assigned, 0);
    return sweep;
  }

  void add_points(Sweep& sweep, std::vector<Assigned>& assigned, std::size_t axis) {
    if (axis == axes_.size()) {
      InterruptGuard::check();
      try {
        sweep.points.push_back(point(assigned));
      } catch (const InputError& error) {
        throw at_point(error, assigned);
      }
      return;
    }
    for (const ListedValue& value : axes_[axis].values) {
      assigned.push_back({axes_[axis].key, value, "--sweep"});
      add_points(sweep, assigned, axis + 1);
      assigned.pop_back();
    }
  }

  // The fault with the point of the sweep where it showed.
  [[nodiscard]] InputError at_point(const InputError& error, const std::vector<Assigned>& assigned) const {
    std::vector<std::string> place;
    for (std::size_t i = given_.size(); i < assigned.size(); ++i) place.push_back(label_of(assigned[i]));
    Diagnostics faults;
    for (const Diagnostic& fault : error.diagnostics().all()) {
      Diagnostic& copy = fault.severity == Severity::error ? faults.error(fault.location, fault.message)
                                                           : faults.warning(fault.location, fault.message);
      copy.notes = fault.notes;
      copy.note(fmt::format("at {}", fmt::join(place, ", ")));
    }
    return InputError(std::move(faults));
  }

  SweepPoint point(std::vector<Assigned> assigned) {
    if (changes_.empty()) return {outcome_of(scenarios_.predict(assigned)), {}};
    const SweepOutcome before = outcome_of(scenarios_.predict(assigned));
    assigned.insert(assigned.end(), changes_.begin(), changes_.end());
    return {outcome_of(scenarios_.predict(assigned)), before};
  }

  const WhatIfCommand& command_;
  const Context& context_;
  std::vector<Assigned> given_;
  std::vector<Assigned> changes_;
  std::vector<ValueList> axes_;
  Scenarios scenarios_;
};

void add_choices(CLI::App& whatif, WhatIfCommand& command, Context& context) {
  auto* regime = whatif.add_option(
      "--regime", command.regime, "cold, warm or sustained, where the file says none; blocks are sustained by default");
  regime->type_name("REGIME");
  context.values[regime] = names_of_regimes();
  auto* fidelity =
      whatif.add_option("--fidelity", command.fidelity,
                        "bound (closed form), pipeline (the default) or simulated (every program there is)");
  fidelity->type_name("HOW");
  context.values[fidelity] = names_of_fidelities();
}

CLI::Option* assignments(CLI::App& whatif, const std::string& name, std::vector<std::string>& texts,
                         const std::string& description, const std::string& type) {
  return whatif.add_option(name, texts, description)->type_name(type)->allow_extra_args(false);
}

std::vector<std::string> shipped_workloads() {
  std::vector<std::string> names = list_data_files("workloads", ".yaml");
  for (std::string& name : names) name += ".yaml";
  return names;
}

}  // namespace

void add_whatif_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<WhatIfCommand>();
  CLI::App* whatif =
      app.add_subcommand("whatif", "What a change of machine, workload or kernel buys, swept over one or two keys");
  auto* input = whatif->add_option("FILE", command->input, "A block file; the shipped blocks need no path");
  input->required()->type_name("");
  context.files.push_back(input);
  context.values[input] = shipped_workloads();
  add_machine_options(*whatif, command->machine, context);
  assignments(
      *whatif, "--set", command->changes,
      "The change: predicted beside the file without it. KEY: of the block file, machine.CONSTANT, arch, model or "
      "fidelity; VALUE: *2 multiplies what stands there",
      "KEY=VALUE");
  assignments(*whatif, "--sweep", command->sweeps,
              "A key over several values, once or twice: 1,2,4; 1024..32768*2; 3..10+1; *1,*2", "KEY=V1,V2,...");
  assignments(*whatif, "--given", command->given, "A key set with the change and without it", "KEY=VALUE");
  add_choices(*whatif, *command, context);
  whatif->add_flag("--json", command->json, "JSON, in SI units");
  whatif->add_flag("--csv", command->csv, "A row a point");
  auto* html = whatif->add_option("--html", command->html, "Also a page with the plots, one file for any browser");
  html->type_name("FILE");
  context.files.push_back(html);
  auto* output = whatif->add_option("-o,--output", command->output, "Write to a file, whole or not at all");
  output->type_name("FILE");
  context.files.push_back(output);
  context.examples[whatif] =
      "  perfmodel whatif llama2_block.yaml --set 'machine.pipes.xu.rate=*2'       twice the special functions\n"
      "  perfmodel whatif llama2_block.yaml --sweep arch=h100-sxm,b200 --sweep seq=1024..32768*2\n"
      "  perfmodel whatif llama2_block.yaml --set dropout_mode=overlapped --sweep seq=1024..32768*2 \\\n"
      "                                     --sweep rng_rounds=3..10+1 --html hiding.html\n";
  whatif->callback([command, &context] { WhatIf(*command, context).run(); });
}

}  // namespace perfmodel
