#include "cli/diff.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/console.hpp"
#include "cli/machine_options.hpp"
#include "report/difference.hpp"
#include "report/subject.hpp"
#include "support/table.hpp"
#include "support/text_file.hpp"
#include "workloads/block.hpp"
#include "workloads/library.hpp"

namespace perfmodel {
namespace {

struct DiffCommand {
  std::string before;
  std::string after;
  MachineChoice machine;
  bool json = false;
  std::string output;
};

class Diff {
 public:
  Diff(DiffCommand command, const Context& context) : command_(std::move(command)), context_(context) {}

  void run() {
    if (command_.machine.all())
      throw InputError(file_location("--arch"), "two predictions are of one machine, not of all");
    Output output(command_.output);
    PredictionSet before = load(command_.before);
    PredictionSet after = load(command_.after);
    const Difference found = difference(std::move(before), std::move(after));
    output.write(command_.json ? json_difference(found)
                               : text_difference(found, {.colour = output.coloured(context_)}));
  }

 private:
  // JSON and tables are predictions already; a block file is predicted.
  PredictionSet load(const std::string& name) {
    if (name.ends_with(".csv")) return predictions_from_table(Table::load_file(name));
    if (name.ends_with(".json")) return predictions_from_json(read_source(name, Table::default_max_size)->text, name);
    const Block block = BlockFile::load(name).block();
    const Regime regime = block.single_operator ? Regime::warm : Regime::sustained;
    const PredictOptions options{.regime = regime, .fidelity = Fidelity::pipeline, .describe = false, .clock = {}};
    return predictions_from_sequence(solve(machine_for(block), load_library(), block, options), name);
  }

  [[nodiscard]] Machine machine_for(const Block& block) {
    if (command_.machine.arch.empty() && block.machine) {
      return load_chosen(command_.machine, block.machine->name, block.machine->location);
    }
    // The default is mentioned once, not for each of the two.
    Machine machine = noted_ ? load_chosen(command_.machine, default_machine, {})
                                   : load_chosen_or_default(command_.machine, context_);
    noted_ = command_.machine.arch.empty();
    return machine;
  }

  DiffCommand command_;
  const Context& context_;
  bool noted_ = false;
};

}  // namespace

void add_diff_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<DiffCommand>();
  CLI::App* diff = app.add_subcommand("diff", "Say what moved between two predictions, or between two block files");
  for (auto* input : {diff->add_option("BEFORE", command->before, "What predict wrote (.json, .csv), or a block file"),
                      diff->add_option("AFTER", command->after, "The same for the other side")}) {
    input->required()->type_name("");
    context.files.push_back(input);
  }
  add_machine_options(*diff, command->machine, context);
  diff->add_flag("--json", command->json, "Print JSON in SI base units");
  auto* output = diff->add_option("-o,--output", command->output, "Write to a file, whole or not at all");
  output->type_name("FILE");
  context.files.push_back(output);
  context.examples[diff] =
      "  perfmodel diff before.json after.json                    two predictions\n"
      "  perfmodel diff llama2_7b.yaml llama3_8b.yaml --arch h200 two blocks\n";
  diff->callback([command, &context] { Diff(*command, context).run(); });
}

}  // namespace perfmodel
