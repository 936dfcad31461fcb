#include "cli/predict.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/console.hpp"
#include "support/data_path.hpp"
#include "support/table.hpp"
#include "support/text_file.hpp"
#include "workloads/library.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view standard_input = "-";

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names{"text", "markdown", "json", "csv"};
  return names;
}
}  // namespace

const std::vector<std::string>& fidelity_names() {
  static const std::vector<std::string> names{"bound", "pipeline", "simulated"};
  return names;
}
std::vector<std::string> regime_names() {
  const auto names = enum_names<Regime>();
  return {names.begin(), names.end()};
}

std::optional<Regime> regime_option(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return static_cast<Regime>(parse_choice("--regime", text, regime_names()));
}

Fidelity fidelity_option(const std::string& text) {
  return static_cast<Fidelity>(parse_choice("--fidelity", text, fidelity_names()));
}

std::vector<std::string> shipped_workloads() {
  std::vector<std::string> names = list_data_files("workloads", ".yaml");
  for (std::string& program : pipeline_names()) names.push_back(std::move(program));
  for (std::string& name : names) name += ".yaml";
  return names;
}

// A table's header has no colon and no comment; YAML has one or the other in its first line.
bool looks_like_table(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  text.remove_prefix(start);
  const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
  return line.find_first_of(":#{") == std::string_view::npos && !line.starts_with("- ");
}

namespace {

// The texts of the options that take one of a few names, until the command runs.
struct RawOptions {
  std::string regime;
  std::string fidelity = "pipeline";
  std::string format;
  bool json = false;
  std::vector<std::string> assignments;
};

void finish(PredictCommand& command, const RawOptions& raw) {
  command.regime = regime_option(raw.regime);
  command.fidelity = fidelity_option(raw.fidelity);
  if (!raw.format.empty()) command.format = static_cast<Format>(parse_choice("--format", raw.format, format_names()));
  if (raw.json && command.format && *command.format != Format::json) {
    throw InputError({}, "--json and --format " + raw.format + " exclude each other");
  }
  if (raw.json) command.format = Format::json;
  command.settings = take_machine_settings(raw.assignments, command.machine);
}

bool has_extension(std::string_view name, std::string_view extension) { return name.ends_with(extension); }

void run(PredictCommand command, const RawOptions& raw, const Context& context) {
  finish(command, raw);
  std::optional<std::string> text;
  if (command.input == standard_input) text = read_source("-", Table::default_max_size)->text;
  const bool table = text ? looks_like_table(*text) : has_extension(command.input, ".csv");
  if (table) {
    predict_table(command, load_library(), context, text);
  } else {
    predict_block(command, context, text);
  }
}

template <class T>
CLI::Option* value_option(CLI::App& app, const std::string& name, T& value, const std::string& description,
                          const std::string& type) {
  return app.add_option(name, value, description)->type_name(type);
}

void add_choice_options(CLI::App& predict, RawOptions& raw, Context& context) {
  auto* regime =
      value_option(predict, "--regime", raw.regime,
                   "cold, warm or sustained, where the input says none; blocks are sustained by default", "REGIME");
  context.values[regime] = regime_names();
  auto* fidelity =
      value_option(predict, "--fidelity", raw.fidelity,
                   "bound (closed form), pipeline (the default) or simulated (every program there is)", "HOW");
  context.values[fidelity] = fidelity_names();
  auto* format =
      value_option(predict, "--format", raw.format, "text, markdown, json or csv; tables are csv by default", "FORMAT");
  context.values[format] = format_names();
  predict.add_flag("--json", raw.json, "The same as --format json");
}

void add_examples(const CLI::App& predict, Context& context) {
  context.examples[&predict] =
      "  perfmodel predict llama2_block.yaml                            a shipped block\n"
      "  perfmodel predict llama2_block.yaml --arch b200 --set seq=8192 another GPU, another length\n"
      "  perfmodel predict llama2_block.yaml --compare dropout_mode     each mode side by side\n"
      "  perfmodel predict llama2_block.yaml --set 'machine.dram.bandwidth=4.8 TB/s'\n"
      "  perfmodel predict llama2_block.yaml --timeline trace.json      for ui.perfetto.dev\n"
      "  perfmodel predict my_program.yaml --set m=4096 --set n=4096 --set k=4096   a kernel program of your own\n"
      "  perfmodel predict kernels.csv -o predicted.csv                 a table, a row a kernel\n"
      "  printf 'op,m,n,k,dtype\\ngemm,4096,4096,4096,bf16\\n' | perfmodel predict - --format text\n";
}

}  // namespace

void add_predict_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<PredictCommand>();
  auto raw = std::make_shared<RawOptions>();
  CLI::App* predict = app.add_subcommand("predict", "Predict the time of a block, an operator or a table of operators");
  auto* input = predict->add_option(
      "FILE", command->input,
      "A block, operator or program file, a table (.csv), or - for standard input; what ships needs no path");
  input->required()->type_name("");
  context.files.push_back(input);
  context.values[input] = shipped_workloads();
  add_machine_options(*predict, command->machine, context, /*several=*/true);
  add_choice_options(*predict, *raw, context);
  predict->add_option("--set", raw->assignments, "A key of the block file, or a constant of the machine as machine.KEY")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  value_option(*predict, "--compare", command->compare,
               "The prediction for each value of a key side by side: dropout_mode, dtype, arch, seq=2048,4096", "KEY");
  auto* output = value_option(*predict, "-o,--output", command->output, "Write to a file, whole or not at all", "FILE");
  auto* timeline =
      value_option(*predict, "--timeline", command->timeline, "Also write the operators as a Chrome trace", "FILE");
  context.files.push_back(output);
  context.files.push_back(timeline);
  predict->add_flag("--strict", command->strict, "Warnings and infeasible rows end in exit code 2");
  add_examples(*predict, context);
  predict->callback([command, raw, &context] { run(*command, *raw, context); });
}

}  // namespace perfmodel
