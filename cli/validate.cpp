#include "cli/validate.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "arch/load.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/machine_options.hpp"
#include "support/data_path.hpp"
#include "validate/tables.hpp"
#include "validate/validation.hpp"
#include "workloads/library.hpp"

namespace perfmodel {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view data_folder = "validate/data";

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names{"text", "markdown", "json"};
  return names;
}
const std::vector<std::string>& fidelity_names() {
  static const std::vector<std::string> names{"bound", "pipeline", "simulated"};
  return names;
}

struct ValidateCommand {
  std::vector<std::string> inputs;
  MachineChoice machine;
  std::vector<std::string> assignments;
  std::string fidelity = "pipeline";
  std::string format = "text";
  bool json = false;
  std::string output;
  bool blind = false;
  bool uncompiled = false;
  int worst = 3;
  std::optional<double> fail_above;  // %
};

// A table and the machine to predict it for.
struct Task {
  std::string path;
  std::string machine;
  Withheld withheld = Withheld::nothing;
  bool named = true;  // by the user, rather than found in a folder
};

std::vector<std::string> tables_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".csv") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

// A folder may have the name of a machine: its tables are that machine's.
std::string machine_of_folder(const fs::path& folder) {
  const std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  const std::vector<std::string> names = machine_names();
  return std::ranges::find(names, name) == names.end() ? std::string() : name;
}

class Validation {
 public:
  Validation(ValidateCommand command, Context& context) : command_(std::move(command)), context_(context) {}

  void run() {
    parse_options();
    const std::vector<Task> tasks = command_.inputs.empty() ? shipped_tasks() : named_tasks();
    Output output(command_.output);
    const InterruptGuard guard;
    std::vector<TableValidation> results;
    for (const Task& task : tasks) {
      InterruptGuard::check();
      if (auto result = validate(task)) results.push_back(std::move(*result));
    }
    if (results.empty()) throw InputError({}, "no table with the columns 'op' and 'measured_us' was found");
    output.write(view(results));
    apply_threshold(results);
  }

 private:
  void parse_options() {
    fidelity_ = static_cast<Fidelity>(parse_choice("--fidelity", command_.fidelity, fidelity_names()));
    format_ = parse_choice("--format", command_.format, format_names());
    if (command_.json) format_ = 2;
    const std::vector<std::string> rest = take_machine_settings(command_.assignments, command_.machine);
    if (!rest.empty()) {
      throw InputError(file_location("--set"),
                       fmt::format("'{}': only machine.KEY=VALUE can be set here", rest.front()));
    }
    if (command_.machine.all())
      throw InputError(file_location("--arch"), "measurements are of one machine, not of all");
    if (command_.blind && command_.uncompiled) throw InputError({}, "--blind and --uncompiled exclude each other");
    withheld_ = command_.blind ? Withheld::tile : command_.uncompiled ? Withheld::compiled : Withheld::nothing;
  }

  // Everything under validate/data, with and without the inputs that a user may not have.
  std::vector<Task> shipped_tasks() {
    std::vector<Task> tasks;
    for (const std::string& machine : machine_names()) {
      const std::string folder = data_path(fmt::format("{}/{}", data_folder, machine));
      if (!fs::is_directory(folder)) continue;
      if (!command_.machine.arch.empty() && command_.machine.arch != machine) continue;
      for (const std::string& path : tables_in(folder)) {
        tasks.push_back({path, machine, withheld_, /*named=*/false});
        const std::string name = fs::path(path).filename().string();
        const bool tiles = name == "gemm_tiles.csv" || name == "attention_tiles.csv";
        if (withheld_ == Withheld::nothing && tiles) tasks.push_back({path, machine, Withheld::compiled, false});
        if (withheld_ == Withheld::nothing && name == "gemm.csv" && machine == "h100-sxm") {
          tasks.push_back({path, machine, Withheld::tile, false});
        }
      }
    }
    return tasks;
  }

  std::vector<Task> named_tasks() {
    std::vector<Task> tasks;
    bool by_default = false;
    for (const std::string& input : command_.inputs) {
      const bool folder = fs::is_directory(fs::status(input));
      std::string machine = command_.machine.arch;
      if (machine.empty()) machine = machine_of_folder(folder ? fs::path(input) : fs::path(input).parent_path());
      by_default = by_default || machine.empty();
      if (machine.empty()) machine = default_machine;
      if (folder) {
        for (const std::string& path : tables_in(input)) tasks.push_back({path, machine, withheld_, false});
      } else {
        tasks.push_back({input, machine, withheld_, true});
      }
    }
    if (by_default) {
      print_note(context_,
                 fmt::format("no machine given: predicting for {}; --arch NAME takes another", default_machine));
    }
    return tasks;
  }

  std::optional<TableValidation> validate(const Task& task) {
    const Table table = Table::load_file(task.path);
    if (!task.named && !is_measured_table(table)) return std::nullopt;
    RowPredictor& predictor = predictor_for(task.machine);
    TableValidation result = validate_table(
        table, predictor, {.withheld = task.withheld, .worst = static_cast<std::size_t>(command_.worst)});
    report_warnings(context_, result.warnings, /*strict=*/false);
    return result;
  }

  RowPredictor& predictor_for(const std::string& name) {
    Loaded& loaded = loaded_[name];
    if (!loaded.predictor) {
      loaded.machine = std::make_unique<Machine>(load_chosen(command_.machine, name, file_location("--arch")));
      const PredictOptions options{.regime = Regime::warm, .fidelity = fidelity_, .describe = false, .clock = {}};
      loaded.predictor = std::make_unique<RowPredictor>(*loaded.machine, library_, options);
    }
    return *loaded.predictor;
  }

  [[nodiscard]] std::string view(const std::vector<TableValidation>& results) const {
    switch (format_) {
      case 0: return text_validation(results);
      case 1: return accuracy_page(results);
      default: return json_validation(results);
    }
  }

  // Every table whose mean error is above the threshold is named.
  void apply_threshold(const std::vector<TableValidation>& results) {
    if (!command_.fail_above) return;
    for (const TableValidation& result : results) {
      const double percent = 100.0 * result.all.accuracy.mean;
      if (!(percent > *command_.fail_above)) continue;
      fmt::print(stderr, "{}: mean error {:.1f} % is above {} %\n", result.name, percent, *command_.fail_above);
      context_.status = exit_threshold;
    }
  }

  struct Loaded {
    std::unique_ptr<Machine> machine;
    std::unique_ptr<RowPredictor> predictor;
  };

  ValidateCommand command_;
  Context& context_;
  Library library_ = load_library();
  Fidelity fidelity_ = Fidelity::pipeline;
  std::size_t format_ = 0;
  Withheld withheld_ = Withheld::nothing;
  std::map<std::string, Loaded> loaded_;
};

}  // namespace

void add_validate_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<ValidateCommand>();
  CLI::App* validate = app.add_subcommand("validate", "Compare predictions with measurements");
  auto* input = validate->add_option(
      "TABLE", command->inputs, "Tables with a column measured_us, or folders of them; none: all that are shipped");
  input->type_name("");
  context.files.push_back(input);
  add_machine_options(*validate, command->machine, context);
  validate->add_flag("--blind", command->blind, "Leave out the tile and launch columns: the model chooses");
  validate->add_flag("--uncompiled", command->uncompiled, "Leave out registers, spills and shared memory");
  auto* fidelity = validate->add_option("--fidelity", command->fidelity, "bound, pipeline or simulated")->type_name("HOW");
  context.values[fidelity] = fidelity_names();
  validate->add_option("--set", command->assignments, "A constant of the machine, machine.KEY=VALUE")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* format = validate->add_option("--format", command->format, "text, markdown or json")->type_name("FORMAT");
  context.values[format] = format_names();
  validate->add_flag("--json", command->json, "The same as --format json");
  validate->add_option("--worst", command->worst, "List this many of the worst rows of each table, 3 if not given")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N");
  auto* output = validate->add_option("-o,--output", command->output, "Write to a file, whole or not at all");
  output->type_name("FILE");
  context.files.push_back(output);
  validate->add_option("--fail-above", command->fail_above, "Exit with 3 if a table's mean error is above this")
      ->check(CLI::NonNegativeNumber)
      ->type_name("PCT");
  context.examples[validate] =
      "  perfmodel validate                                       everything that is shipped\n"
      "  perfmodel validate mine.csv --arch h200                  your own measurements\n"
      "  perfmodel validate validate/data/h100-sxm --fail-above 8\n"
      "  perfmodel validate --format markdown -o validate/README.md\n";
  validate->callback([command, &context] { Validation(*command, context).run(); });
}

}  // namespace perfmodel
