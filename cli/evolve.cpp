#include "cli/evolve.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "arch/load.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "search/comparison.hpp"
#include "search/evolve_file.hpp"
#include "search/search.hpp"
#include "search/trajectory.hpp"
#include "support/atomic_file.hpp"
#include "support/diagnostic.hpp"
#include "workloads/library.hpp"

namespace perfmodel {

namespace {

struct EvolveOptions {
  std::string file;
  std::string out;
  int evaluations = 0;
  bool unsafe = false;
  bool quiet = false;
};

// One line on a terminal, rewritten at most ten times a second; nothing elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : shown_(!quiet && ::isatty(STDERR_FILENO) == 1) {}
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  void update(const SearchProgress& at) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    const double gain = at.start > 0 ? 100 * (at.best / at.start - 1) : 0;
    fmt::print(stderr, "\r\x1b[K{}: {} of {} evaluations{}, {} versions, best {:.1f} TFLOPS ({:+.1f} %)", at.operation,
               at.evaluations, at.most_evaluations,
               at.measurements > 0 ? fmt::format(", {} measured", at.measurements) : "", at.versions, at.best, gain);
    std::fflush(stderr);
    dirty_ = true;
  }

  void clear() {
    if (dirty_) fmt::print(stderr, "\r\x1b[K");
    dirty_ = false;
  }

 private:
  bool shown_;
  bool dirty_ = false;
  std::chrono::steady_clock::time_point last_;
};

void run_search(const EvolveOptions& given) {
  EvolveFile file = load_evolve_file(given.file);
  Machine machine = load_machine(file.machine, {}, file_location(given.file));
  SearchOptions options;
  options.folder = given.out.empty() ? "out/" + file.name : given.out;
  options.unsafe = given.unsafe;
  options.evaluations = given.evaluations;
  ProgressLine line(given.quiet);
  const InterruptGuard guard;
  options.progress = [&](const SearchProgress& progress) {
    InterruptGuard::check();
    line.update(progress);
  };
  options.say = [&](const std::string& text) {
    line.clear();
    if (!given.quiet) fmt::print(stderr, "{}\n", text);
  };
  Search search(std::move(file), std::make_shared<Oracle>(std::move(machine), load_library()), options);
  const SearchResult result = search.run();
  line.clear();
  const SearchProgress& end = result.progress;
  fmt::print("{} versions after {} evaluations{}: {:.1f} -> {:.1f} TFLOPS ({:+.1f} %)\n", end.versions, end.evaluations,
             end.measurements > 0 ? fmt::format(" and {} measurements", end.measurements) : "", end.start, end.best,
             100 * (end.best / end.start - 1));
  fmt::print("ended: {}\nsee perfmodel evolve report {}\n", result.ended, options.folder);
}

struct ReportOptions {
  std::string folder;
  std::string html;
  bool json = false;
};

void run_report(const ReportOptions& options) {
  const Trajectory trajectory = load_trajectory(options.folder);
  if (!options.html.empty()) write_file_atomically(options.html, trajectory_html(trajectory));
  fmt::print("{}", options.json ? trajectory_json(trajectory) : trajectory_text(trajectory));
}

struct CompareOptions {
  std::string file;
  std::vector<std::string> operators;
  ComparisonOptions comparison;
  double within = 1;  // percent
  bool json = false;
  bool quiet = false;
};

void run_compare(CompareOptions options) {
  const EvolveFile file = load_evolve_file(options.file);
  const std::vector<std::string> names(variation_names.begin(), variation_names.end());
  for (const std::string& name : options.operators) {
    options.comparison.operators.push_back(static_cast<VariationKind>(parse_choice("--operators", name, names)));
  }
  options.comparison.within = options.within / 100;
  const InterruptGuard guard;
  options.comparison.say = [&](const std::string& line) {
    InterruptGuard::check();
    if (!options.quiet) fmt::print(stderr, "{}\n", line);
  };
  const auto oracle =
      std::make_shared<Oracle>(load_machine(file.machine, {}, file_location(options.file)), load_library());
  const SearchComparison comparison = compare(file, oracle, options.comparison);
  fmt::print("{}", options.json ? comparison_json(comparison) : comparison_text(comparison));
}

void add_report_command(CLI::App& command, Context& context) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* report = command.add_subcommand("report", "Say what each version of a search changed and gained");
  auto* folder = report->add_option("DIR", options->folder, "The folder of the search")->required();
  auto* html = report->add_option("--html", options->html, "Write a page with the curve as well");
  report->add_flag("--json", options->json, "Print JSON");
  context.files.push_back(folder);
  context.files.push_back(html);
  report->callback([options] { run_report(*options); });
}

void add_compare_command(CLI::App& command, Context& context) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* compare =
      command.add_subcommand("compare", "Repeat a search by several operators over several seeds, in memory");
  auto* file = compare->add_option("FILE", options->file, "What to search")->required();
  auto* operators =
      compare->add_option("--operators", options->operators, "Operators, comma separated")->required()->delimiter(',');
  compare->add_option("--seeds", options->comparison.seeds, "Runs an operator")->check(CLI::Range(1, 100000));
  compare->add_option("--within", options->within, "How near to the best counts as found, in percent")
      ->check(CLI::Range(0.0, 100.0));
  compare->add_option("--evaluations", options->comparison.evaluations, "Of a run, instead of the file's")
      ->check(CLI::PositiveNumber);
  compare->add_flag("--random-start", options->comparison.random_start, "Start from a design thrown by the seed");
  compare->add_flag("--unsafe-agent", options->comparison.unsafe, "Run external programs without bubblewrap around them");
  compare->add_flag("--json", options->json, "Print JSON");
  compare->add_flag("--quiet", options->quiet, "Say nothing but the result");
  context.files.push_back(file);
  context.values[operators] = {variation_names.begin(), variation_names.end()};
  compare->callback([options] { run_compare(*options); });
}

}  // namespace

void add_evolve_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<EvolveOptions>();
  CLI::App* command = app.add_subcommand("evolve", "Search for a faster kernel design");
  auto* file = command->add_option("FILE", options->file, "What to search: docs/evolve-schema.md");
  auto* out = command->add_option("--out", options->out,
                                  "The folder of the search, out/NAME if not given; one that exists is gone on with");
  command->add_option("--evaluations", options->evaluations, "Instead of the budget of the file")
      ->check(CLI::PositiveNumber);
  command->add_flag("--unsafe-agent", options->unsafe, "Run external programs without bubblewrap around them");
  command->add_flag("--quiet", options->quiet, "Say nothing but the result");
  command->require_subcommand(0, 1);
  context.files.push_back(file);
  context.files.push_back(out);
  context.examples[command] =
      "  perfmodel evolve search.yaml --out out/search     search, or go on after an interruption\n"
      "  perfmodel evolve report out/search                what each version changed and gained\n";
  add_report_command(*command, context);
  add_compare_command(*command, context);
  command->callback([options, command] {
    if (!command->get_subcommands().empty()) return;
    if (options->file.empty())
      throw InputError({}, "perfmodel evolve: a FILE is missing", {{{}, "see perfmodel evolve --help"}});
    run_search(*options);
  });
}

}  // namespace perfmodel
