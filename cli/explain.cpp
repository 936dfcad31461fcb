#include "cli/explain.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/machine_options.hpp"
#include "cli/predict.hpp"
#include "report/explanation.hpp"
#include "report/trace.hpp"
#include "support/suggest.hpp"
#include "support/table.hpp"
#include "support/text_file.hpp"

namespace perfmodel {
namespace {

struct ExplainCommand {
  std::string input;
  std::string op;
  MachineChoice machine;
  std::string regime;
  std::string fidelity = "pipeline";
  std::string format = "text";
  std::vector<std::string> assignments;
  std::string output;
  std::string timeline;
  bool json = false;
  bool drawing = false;
};

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names{"text", "markdown", "json"};
  return names;
}

[[noreturn]] void refuse_table(const std::string& name) {
  Diagnostics faults;
  faults.error(file_location(name), "a table cannot be explained, only a block, an operator or a program file")
      .note("write the row as a file of its own: 'op: gemm', 'm: 4096', ...");
  throw InputError(std::move(faults));
}

BlockFile read_input(const ExplainCommand& command) {
  if (command.input != "-") {
    if (command.input.ends_with(".csv")) refuse_table(command.input);
    return BlockFile::load(command.input);
  }
  const std::string text = read_source("-", Table::default_max_size)->text;
  if (looks_like_table(text)) refuse_table(std::string(anonymous));
  return BlockFile::from_text(text, anonymous);
}

// The operator named, or the most expensive.
std::size_t item_of(const Block& block, const ExplainCommand& command, const Machine& machine, const Library& library,
                    const PredictOptions& options) {
  if (command.op.empty()) return longest_item(solve(machine, library, block, options));
  const auto found = std::ranges::find(block.operators, command.op, [](const BlockOperator& o) { return o.op.name; });
  if (found != block.operators.end()) return static_cast<std::size_t>(found - block.operators.begin());
  std::vector<std::string> known;
  for (const BlockOperator& each : block.operators) known.push_back(each.op.name);
  Diagnostics faults;
  faults.error(file_location("OP"), fmt::format("'{}' has no operator '{}'", block.name, command.op))
      .suggest(command.op, known)
      .note("its operators: " + join_names(known));
  throw InputError(std::move(faults));
}

void refuse_infeasible(const Explanation& explanation, const ExplainCommand& command) {
  const Estimate& estimate = explanation.estimate();
  if (estimate.feasible()) return;
  throw InputError(file_location(command.input == "-" ? anonymous : command.input),
                   fmt::format("cannot run on {}: {}", explanation.machine_name, estimate.refusal));
}

// A drawing needs a program; the closed form has nothing that happens one after the other.
void refuse_drawing(const Explanation& explanation) {
  if (explanation.code) return;
  Diagnostics faults;
  faults
      .error(file_location("--ascii-timeline"),
             fmt::format("no program stands for {}, its time comes from a closed form", explanation.explained().name))
      .note("--fidelity simulated takes every program there is; 'perfmodel program list' shows them");
  throw InputError(std::move(faults));
}

std::string trace_of(const Explanation& explanation) {
  if (explanation.code) return explanation_trace(explanation);
  Study study;
  study.machine_name = explanation.machine_name;
  study.estimate = explanation.whole;
  return chrome_trace(study);
}

std::string view(const Explanation& explanation, std::size_t format, const Style& style) {
  if (format == 2) return json_explanation(explanation);
  return format == 1 ? markdown_explanation(explanation) : text_explanation(explanation, style);
}

void run(ExplainCommand command, const Context& context) {
  const std::size_t format = command.json ? 2 : parse_choice("--format", command.format, format_names());
  const std::optional<Regime> regime = regime_option(command.regime);
  const Fidelity fidelity = fidelity_option(command.fidelity);
  if (command.machine.all()) throw InputError(file_location("--arch"), "an explanation is of one machine, not of all");
  const std::vector<std::string> settings = take_machine_settings(command.assignments, command.machine);
  const BlockFile file = read_input(command);
  Block block = file.block(settings);
  name_if_anonymous(block);
  Output output(command.output);
  std::optional<AtomicFile> timeline;
  if (!command.timeline.empty()) timeline.emplace(command.timeline);
  const Machine machine = load_for_block(command.machine, block, context);
  const Library library = load_library();
  const PredictOptions options = block_options(block, regime, fidelity);
  const InterruptGuard guard;
  const std::size_t item = item_of(block, command, machine, library, options);
  const Explanation explanation = explain_item(machine, library, block, item, options);
  InterruptGuard::check();
  refuse_infeasible(explanation, command);
  if (command.drawing) refuse_drawing(explanation);
  std::string text = view(explanation, format, {.colour = output.coloured(context)});
  if (command.drawing) text += "\n" + explanation_drawing(explanation);
  output.write(text);
  if (timeline) timeline->commit(trace_of(explanation));
}

void add_examples(const CLI::App& explain, Context& context) {
  context.examples[&explain] =
      "  perfmodel explain llama2_block.yaml                            its most expensive operator\n"
      "  perfmodel explain llama2_block.yaml qkv --arch b200            another one, on another GPU\n"
      "  perfmodel explain my_gemm.yaml --regime sustained --json       an operator in a file of its own\n"
      "  perfmodel explain fa4_forward.yaml --set batch=1 --set heads=32 --set seq_q=8192 --set head_dim=128\n"
      "  perfmodel explain my_program.yaml --ascii-timeline --timeline trace.json\n";
}

}  // namespace

void add_explain_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<ExplainCommand>();
  CLI::App* explain =
      app.add_subcommand("explain", "Say why an operator takes as long as it does, and what a change would buy");
  auto* input =
      explain->add_option("FILE", command->input,
                          "A block, an operator or a program file, or - for standard input; what ships needs no path");
  input->required()->type_name("");
  context.files.push_back(input);
  context.values[input] = shipped_workloads();
  explain->add_option("OP", command->op, "An operator of the block; if not given, the one that takes longest")
      ->type_name("");
  add_machine_options(*explain, command->machine, context);
  auto* regime = explain->add_option("--regime", command->regime, "cold, warm or sustained, where the input says none");
  regime->type_name("REGIME");
  context.values[regime] = regime_names();
  auto* fidelity = explain->add_option("--fidelity", command->fidelity,
                                       "bound, pipeline (the default) or simulated (every program there is)");
  fidelity->type_name("HOW");
  context.values[fidelity] = fidelity_names();
  explain
      ->add_option("--set", command->assignments,
                   "A key of the file, a parameter of its program, or a constant of the machine as machine.KEY")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* format = explain->add_option("--format", command->format, "text (the default), markdown or json");
  format->type_name("FORMAT");
  context.values[format] = format_names();
  explain->add_flag("--json", command->json, "The same as --format json");
  auto* output = explain->add_option("-o,--output", command->output, "Write to a file, whole or not at all");
  auto* timeline = explain->add_option("--timeline", command->timeline,
                                       "Also write a Chrome trace: of the program's operations, else of the operators");
  for (CLI::Option* option : {output, timeline}) {
    option->type_name("FILE");
    context.files.push_back(option);
  }
  explain->add_flag("--ascii-timeline", command->drawing, "Also draw two iterations of the program");
  add_examples(*explain, context);
  explain->callback([command, &context] { run(*command, context); });
}

}  // namespace perfmodel
