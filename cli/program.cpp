#include "cli/program.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "arch/load.hpp"
#include "model/pipeline_budget.hpp"
#include "model/sm_explain.hpp"
#include "report/sm_timeline.hpp"
#include "support/atomic_file.hpp"
#include "support/format.hpp"
#include "workloads/pipeline_check.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

namespace {

struct ProgramOptions {
  std::string name;
  std::string machine;
  std::string timeline;  // file
  bool ascii = false;
  std::vector<std::string> files;
};

// The machine asked for, else the first shipped one that a program of that generation was written for.
Machine machine_for(const std::string& asked, const Pipeline& pipeline) {
  if (!asked.empty()) return load_machine(asked);
  return load_machine(pipeline.tensor == "tcgen05" ? "b200" : pipeline.tensor == "wgmma" ? "h100-sxm" : "a100-sxm");
}

void run_list() {
  fmt::print("{:<22}  {:<18}  {:<8}  {:>8}  {:>5}  {}\n", "program", "operator", "tensor", "CTA tile", "warps",
             "description");
  for (const std::string& name : pipeline_names()) {
    const Pipeline pipeline = PipelineFile::load(name).pipeline();
    fmt::print("{:<22}  {:<18}  {:<8}  {:>8}  {:>5}  {}\n", name,
               pipeline_kind_names[static_cast<std::size_t>(pipeline.kind)], pipeline.tensor,
               fmt::format("{}x{}", pipeline.cta_m, pipeline.cta_n), pipeline.warps(), pipeline.description);
  }
}

// " (predicted, 12 more spill)"
std::string holding_note(const PipelineRole& role) {
  if (!role.predicted) return "";
  return role.spills > 0 ? fmt::format(" (predicted, {:.0f} more spill)", role.spills) : " (predicted)";
}

void print_holdings(const Pipeline& pipeline) {
  fmt::print("{}: {}\n", pipeline.name, pipeline.description);
  for (const PipelineRole& role : pipeline.roles) {
    fmt::print("  role {:<12} {} warp{}, {} registers{}\n", role.name, role.warps, role.warps == 1 ? "" : "s",
               role.registers, holding_note(role));
  }
  for (const PipelineChannel& channel : pipeline.channels) {
    if (channel.smem.si() <= 0 && channel.columns == 0) continue;
    fmt::print("  ring {:<12} {} slot{} of {}{}\n", channel.name, channel.depth, channel.depth == 1 ? "" : "s",
               channel.smem.si() > 0 ? format_bytes(channel.smem) : "",
               channel.columns > 0 ? fmt::format("{} columns of tensor memory", channel.columns) : "");
  }
}

void run_show(const ProgramOptions& options) {
  const Pipeline pipeline = PipelineFile::load(options.name).pipeline();
  const Machine machine = machine_for(options.machine, pipeline);
  print_holdings(pipeline);
  const SmCode code = price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline);
  const SmExplanation explanation = explain(code, pipeline.ctas_per_sm);
  fmt::print("\n{}", explanation_text(explanation));
  if (!options.ascii && options.timeline.empty()) return;
  Simulator simulator;
  std::vector<SmEvent> events;
  const SmResident resident{&code, pipeline.ctas_per_sm};
  const double end = simulator.run({&resident, 1}, {.skip = false}, events).time;
  if (options.ascii) {
    // Two iterations in the middle of an item.
    const double from = std::max(0.0, end / 2 - explanation.interval);
    fmt::print("\n{}", sm_ascii_timeline(code, events, from, std::min(end, from + 2 * explanation.interval)));
  }
  if (!options.timeline.empty()) {
    write_file_atomically(options.timeline, sm_chrome_trace(code, events, machine.clock.datasheet.value));
  }
}

// Checks every file before it fails, so that one run shows all faults.
void run_check(const ProgramOptions& options) {
  Diagnostics faults;
  for (const std::string& file : options.files) {
    Diagnostics found;
    try {
      const PipelineFile program = PipelineFile::load(file);
      check_pipeline(program, found);
      const Pipeline pipeline = program.pipeline();
      const Machine machine = machine_for(options.machine, pipeline);
      check_budget(machine, pipeline, found);
      (void)price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline);
    } catch (const InputError& error) {
      found.append(error.diagnostics());
    }
    const std::size_t errors = found.error_count();
    if (errors == 0) fmt::print(stderr, "{}", found.format());
    if (errors > 0) faults.append(found);
    fmt::print("{}: {}\n", file, errors == 0 ? "ok" : fmt::format("{} error{}", errors, errors == 1 ? "" : "s"));
  }
  std::fflush(stdout);
  faults.throw_if_errors();
}

}  // namespace

void add_program_command(CLI::App& app) {
  auto options = std::make_shared<ProgramOptions>();
  CLI::App* program = app.add_subcommand("program", "List, show and check kernel programs");
  program->require_subcommand(1);

  CLI::App* list = program->add_subcommand("list", "List the shipped programs");
  list->callback([] { run_list(); });

  CLI::App* show = program->add_subcommand("show", "Print what a program holds of an SM and what limits it");
  show->add_option("NAME", options->name, "A shipped program or a program file")->required();
  show->add_option("--arch", options->machine, "A machine; if not given, one that the program was written for");
  show->add_option("--timeline", options->timeline, "Write a Chrome trace of one item, which Perfetto opens");
  show->add_flag("--ascii-timeline", options->ascii, "Draw two iterations");
  show->callback([options] { run_show(*options); });

  CLI::App* check = program->add_subcommand("check", "Report deadlocks, overrun budgets and work left out");
  check->add_option("FILE", options->files, "Program files or names of shipped programs")->required();
  check->add_option("--arch", options->machine, "A machine; if not given, one that the program was written for");
  check->callback([options] { run_check(*options); });
}

}  // namespace perfmodel
