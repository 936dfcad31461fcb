#include "cli/calibrate.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>

#include "calibrate/disassembly.hpp"
#include "cli/calibrate_view.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "support/diagnostic.hpp"
#ifdef PERFMODEL_CUDA
#include "calibrate/device/calibration.hpp"
#endif

namespace perfmodel {
namespace {

struct CalibrateCommand {
  std::string out = "calibration";
  std::vector<std::string> only;
  bool list = false;
  bool check_sass = false;
  bool list_metrics = false;
  bool record = false;
};

#ifdef PERFMODEL_CUDA

std::string today() {
  return fmt::format("{:%Y-%m-%d}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string this_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::vector<std::string> step_names() {
  std::vector<std::string> names;
  for (const auto& [name, seconds] : calibration_steps()) names.push_back(name);
  return names;
}

void check_names(const std::vector<std::string>& only) {
  for (const std::string& name : only) static_cast<void>(parse_choice("--only", name, step_names()));
}

// Standard output: the result of the check.
void check_machine_code(Context& context) {
  const auto disassembler = find_disassembler();
  if (!disassembler) throw RuntimeError("no cuobjdump in PATH or /usr/local/cuda/bin; make venv-cuda installs one");
  const auto faults = sass_faults(disassembly_of(this_program(), *disassembler));
  for (const auto& [step, lines] : faults) {
    for (const std::string& line : lines) fmt::print("{}: {}\n", step, line);
  }
  if (faults.empty()) fmt::print("every probe's machine code is what its name says\n");
  context.status = faults.empty() ? exit_ok : exit_failure;
}

std::string command_of(const CalibrateCommand& command) {
  std::string text = "perfmodel calibrate --out " + command.out;
  if (!command.only.empty()) text += fmt::format(" --only {}", fmt::join(command.only, ","));
  if (command.record) text += " --record";
  return text;
}

void measure(const CalibrateCommand& command, Context& context) {
  CalibrationJob job{.folder = command.out,
                     .only = command.only,
                     .command = command_of(command),
                     .date = today(),
                     .disassembly = "",
                     .record = command.record};
  if (const auto disassembler = find_disassembler()) {
    job.disassembly = disassembly_of(this_program(), *disassembler);
  } else {
    print_note(context, "no cuobjdump at hand: the machine code of the probes is not checked");
  }
  const InterruptGuard guard;
  CalibrateView view(::isatty(STDERR_FILENO) != 0);
  const bool complete = calibrate(job, view);
  print_note(context, fmt::format("results are in {}", command.out));
  context.status = complete ? exit_ok : exit_failure;
}

void run(const CalibrateCommand& command, Context& context) {
  check_names(command.only);
  if (command.list) {
    for (const auto& [name, seconds] : calibration_steps()) fmt::print("{:<14} {:>3.0f} s\n", name, seconds.si());
  } else if (command.check_sass) {
    check_machine_code(context);
  } else if (command.list_metrics) {
    for (const std::string& line : chip_metrics()) fmt::print("{}\n", line);
  } else {
    measure(command, context);
  }
}

#else

void run(const CalibrateCommand& /*command*/, Context& /*context*/) {
  throw RuntimeError(
      "this perfmodel was built without CUDA: on a machine with CUDA 13 and CUPTI, build it with `make cuda` (CMake "
      "option PERFMODEL_CUDA), and run it where there is an H100 or H200");
}

#endif

}  // namespace

void add_calibrate_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<CalibrateCommand>();
  CLI::App* calibrate = app.add_subcommand("calibrate", "Measure the GPU at hand: constants, rules, kernels, counters");
  calibrate->add_option("--out", command->out, "Folder of the results; a run that was cut off goes on from there")
      ->type_name("DIR")
      ->capture_default_str();
  calibrate->add_option("--only", command->only, "These steps alone, as --list names them")
      ->type_name("NAME,...")
      ->delimiter(',');
  calibrate->add_flag("--list", command->list, "Print the steps and how long each takes; needs no GPU");
  calibrate->add_flag("--check-sass", command->check_sass,
                      "Check the probes' machine code with cuobjdump; needs no GPU");
  calibrate->add_flag("--list-metrics", command->list_metrics, "Print the counters of the chip; needs no GPU");
  calibrate->add_flag("--record", command->record, "Keep the tracer's and the counters' records as JSON lines");
  context.examples[calibrate] =
      "  perfmodel calibrate --out h200              everything, in about 5 minutes\n"
      "  perfmodel calibrate --only l2,dram          two probes\n"
      "  perfmodel calibrate --check-sass            is the code measured the code named?\n";
  calibrate->callback([command, &context] { run(*command, context); });
}

}  // namespace perfmodel
