#include "cli/fit.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "calibrate/fit_report.hpp"
#include "cli/console.hpp"
#include "support/atomic_file.hpp"
#include "support/data_path.hpp"
#include "workloads/library.hpp"

namespace perfmodel {
namespace {

// A constant of the committed overlay may differ by this share from a fresh fit: other compilers round otherwise.
constexpr double check_tolerance = 0.02;

struct FitCommand {
  std::string arch = "h100-sxm";
  std::string output;
  bool check = false;
};

std::string today() {
  return fmt::format("{:%Y-%m-%d}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

Fit run_fit(const Machine& start, const std::vector<std::string>& tables) {
  std::vector<Measurement> measurements;
  for (const std::string& path : tables) {
    for (Measurement& measured : load_measurements(path)) {
      measurements.push_back(std::move(measured));
    }
  }
  return fit_machine(start, load_library(), std::move(measurements), fit_stages(start));
}

// Constants of the committed overlay that a fresh fit moves, a line each.
std::string moved_constants(const Fit& fit, const std::string& arch) {
  Machine committed = load_machine(arch);
  Machine fresh = fit.machine;
  std::string lines;
  for (const std::string& key : fit.keys) {
    const auto now = find_constant(fresh, key);
    const auto then = find_constant(committed, key);
    const double difference = now->constant.get() - then->constant.get();
    if (std::abs(difference) > check_tolerance * std::max(std::abs(then->constant.get()), 1e-3 * now->field->high)) {
      lines += fmt::format("{}: {} in the overlay, {} now\n", key, format_constant(*then->field, then->constant.get()),
                           format_constant(*now->field, now->constant.get()));
    }
  }
  return lines;
}

void run(const FitCommand& command, Context& context) {
  const Machine start = load_machine(command.arch, {.calibration = "", .overlay = false});
  const std::vector<std::string> tables = fit_tables(data_path("validate/data/" + start.id));
  if (tables.empty()) {
    Diagnostics faults;
    faults.error({}, fmt::format("no measurements of {} to fit", start.id))
        .note("machines without their own are derived from one that has them; see perfmodel arch show " + start.id);
    throw InputError(std::move(faults));
  }
  const std::string path =
      command.output.empty() ? data_path(fmt::format("arch/fitted/{}.yaml", start.id)) : command.output;
  const Fit fit = run_fit(start, tables);
  fmt::print("{}", text_fit(fit, start));
  if (command.check) {
    const std::string moved = moved_constants(fit, command.arch);
    fmt::print(stderr, "{}", moved);
    context.status = moved.empty() ? exit_ok : exit_threshold;
    return;
  }
  write_file_atomically(path, overlay_of(fit, tables, today(), "perfmodel fit --arch " + start.id));
  print_note(context, "wrote " + path);
}

}  // namespace

void add_fit_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<FitCommand>();
  CLI::App* fit = app.add_subcommand("fit", "Fit a machine's constants to its measurements");
  fit->add_option("--arch", command->arch, "The machine; its tables are validate/data/NAME")->type_name("NAME");
  fit->add_option("-o,--output", command->output, "The overlay to write instead of arch/fitted/NAME.yaml")
      ->type_name("FILE");
  fit->add_flag("--check", command->check, "Write nothing; exit 3 if a fresh fit moves a constant of the overlay");
  context.examples[fit] =
      "  perfmodel fit                         refit h100-sxm and write its overlay\n"
      "  perfmodel fit --arch b200 -o b200.yaml\n"
      "  perfmodel fit --check                 is the committed overlay what its tables give?\n";
  fit->callback([command, &context] { run(*command, context); });
}

}  // namespace perfmodel
