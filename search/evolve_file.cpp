#include "search/evolve_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "search/lineage.hpp"
#include "search/measured_table.hpp"
#include "support/data_path.hpp"
#include "support/table.hpp"
#include "support/text_file.hpp"
#include "support/yaml_map.hpp"
#include "workloads/pipeline_file.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t largest_program = std::size_t{1} << 20U;
constexpr std::size_t most_values = 4096;

constexpr std::array<Choice<SearchMode>, 2> modes{
    {{"single", SearchMode::single}, {"population", SearchMode::population}}};

std::vector<std::string> names(std::span<const std::string_view> views) { return {views.begin(), views.end()}; }

std::vector<double> grid(double min, double max, double step) {
  std::vector<double> values;
  for (std::size_t i = 0; values.size() < most_values; ++i) {
    const double value = min + static_cast<double>(i) * step;
    if (value > max + 1e-9 * step) break;
    values.push_back(value);
  }
  return values;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : root_(load_yaml_file(path)), folder_(fs::path(path).parent_path()) {
    file_.text = root_.location().source->text;
  }

  EvolveFile read() {
    YamlMap map(root_, "the search", faults_);
    file_.name = map.string("name");
    file_.machine = map.string("machine");
    read_start(map);
    read_suite(map);
    read_variables(map);
    read_search(map.optional_map("search"));
    read_budget(map.optional_map("budget"));
    read_supervisor(map.optional_map("supervisor"));
    if (map.has("agent")) file_.agent = read_command(map.map("agent"), "agent");
    if (map.has("silicon")) file_.silicon = read_silicon(map.map("silicon"));
    map.finish();
    check(map);
    faults_.throw_if_errors();
    file_.suite = std::make_shared<const Suite>(std::move(*suite_));
    return std::move(file_);
  }

 private:
  [[nodiscard]] std::string near_file(const std::string& name) const {
    const fs::path beside = folder_ / name;
    return fs::exists(beside) ? beside.string() : name;
  }

  // A program, the best of another search, or the columns of a library's kernel.
  void read_start(YamlMap& map) {
    const std::optional<std::string> program = map.optional_string("program");
    const std::optional<std::string> from = map.optional_string("from");
    YamlMap columns = map.optional_map("kernel");
    if ((program ? 1 : 0) + (from ? 1 : 0) + (columns.valid() ? 1 : 0) != 1) {
      faults_.error(map.location(), "a search starts from one of 'program', 'from' and 'kernel'");
      return;
    }
    try {
      if (program) {
        const std::string path = near_file(*program);
        const auto found = find_data_file(path, "workloads/pipelines", ".yaml");
        file_.start.program = read_source(found.value_or(path), largest_program)->text;
        (void)PipelineFile::from_text(file_.start.program, *program);
      } else if (from) {
        file_.start = best_of(near_file(*from));
      }
    } catch (const InputError& error) {
      faults_.error(map.location(program ? "program" : "from"), "the search has no start");
      faults_.append(error.diagnostics());
    }
    for (const YamlEntry& entry : columns.entries()) {
      if (const auto value = read_number(entry.value, entry.key, faults_)) set(file_.start, entry.key, *value);
    }
    file_.text += file_.start.program + candidate_json(file_.start);
  }

  void read_suite(YamlMap& map) {
    const std::string name = map.string("suite");
    if (name.empty()) return;
    const std::string path = near_file(name);
    if (!fs::exists(path)) {
      suite_ = shipped_suite(name);
      if (!suite_) {
        faults_.error(map.location("suite"), fmt::format("no table '{}', and no shipped suite of that name", name))
            .suggest(name, shipped_suite_names())
            .note("shipped suites: " + fmt::format("{}", fmt::join(shipped_suite_names(), ", ")));
      }
      return;
    }
    try {
      const Table table = Table::load_file(path);
      std::vector<Operator> rows = read_rows(table, faults_);
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i].name = std::string(table.raw_row(i));
      suite_ = Suite(name, std::move(rows));
      file_.text += read_source(path, largest_program)->text;
    } catch (const InputError& error) {
      faults_.append(error.diagnostics());
    }
  }

  void read_variables(YamlMap& map) {
    YamlMap variables = map.optional_map("variables");
    for (const YamlEntry& entry : variables.entries()) read_variable(entry);
    if (!variables.valid() && !file_.start.program.empty()) take_parameters();
    for (const YamlNode& node : map.optional_list("moves")) {
      const auto index = read_choice(node, "moves", faults_, {"branchless", "persistent", "order"});
      constexpr std::array<MoveKind, 3> kinds{MoveKind::branchless, MoveKind::persistent, MoveKind::order};
      if (index) file_.moves.push_back(kinds[*index]);
    }
    read_frozen(map);
    if (file_.variables.empty() && file_.moves.empty() && faults_.error_count() == 0) {
      faults_.error(map.location(), "nothing to vary: no variables, no parameters with a range, no moves");
    }
  }

  void read_frozen(YamlMap& map) {
    const std::vector<YamlNode> nodes = map.optional_list("frozen");
    if (nodes.empty() || file_.start.program.empty()) return;
    const YamlNode parameters = load_yaml_text(file_.start.program, program_file).find("parameters");
    std::vector<std::string> known;
    for (const YamlEntry& entry : parameters.entries()) known.push_back(entry.key);
    for (const YamlNode& node : nodes) {
      if (const auto index = read_choice(node, "frozen", faults_, known)) file_.frozen.push_back(known[*index]);
    }
  }

  void read_variable(const YamlEntry& entry) {
    Variable variable;
    variable.name = entry.key;
    if (entry.value.is_list()) {
      for (const YamlNode& item : entry.value.items()) {
        if (const auto value = read_number(item, entry.key, faults_)) variable.values.push_back(*value);
      }
      std::ranges::sort(variable.values);
    } else {
      YamlMap map(entry.value, fmt::format("variable '{}'", entry.key), faults_);
      const double min = map.number("min");
      const double max = map.number("max");
      const std::optional<double> step = map.optional_number("step", NumberRange::positive());
      map.finish();
      variable.continuous = !step;
      variable.values = step ? grid(min, max, *step) : std::vector<double>{min, max};
    }
    const auto same = std::ranges::unique(variable.values);
    variable.values.erase(same.begin(), same.end());
    if (variable.values.size() < 2 || variable.values.front() >= variable.values.back()) {
      faults_.error(entry.value.location(), fmt::format("variable '{}' has no two values", entry.key));
    }
    file_.variables.push_back(std::move(variable));
  }

  // What the program says that a search may move in.
  void take_parameters() {
    const YamlNode root = load_yaml_text(file_.start.program, program_file);
    for (const YamlEntry& entry : root.find("parameters").entries()) {
      Diagnostics ignored;  // an expression for a bound is no range that a search can use
      const auto min = read_number(entry.value.find("min"), "min", ignored);
      const auto max = read_number(entry.value.find("max"), "max", ignored);
      if (!min || !max || *min >= *max) continue;
      Variable variable;
      variable.name = entry.key;
      variable.continuous = *min != std::floor(*min) || *max != std::floor(*max);
      variable.values = variable.continuous ? std::vector<double>{*min, *max} : grid(*min, *max, 1);
      file_.variables.push_back(std::move(variable));
    }
  }

  void read_search(YamlMap map) {
    file_.mode = map.optional_choice("mode", modes).value_or(SearchMode::single);
    file_.population = static_cast<int>(map.optional_integer("population", {.min = 2, .max = 1000}).value_or(8));
    file_.seed = static_cast<std::uint64_t>(map.optional_integer("seed", IntegerRange::not_negative()).value_or(1));
    file_.gain = map.optional_number("gain", {.min = 0, .max = 1}).value_or(0);
    for (const YamlNode& node : map.optional_list("operators")) {
      if (const auto index = read_choice(node, "operators", faults_, names(variation_names))) {
        file_.operators.push_back(static_cast<VariationKind>(*index));
      }
    }
    if (file_.operators.empty()) file_.operators = {VariationKind::rules};
    map.finish();
  }

  void read_budget(YamlMap map) {
    file_.evaluations =
        static_cast<int>(map.optional_integer("evaluations", {.min = 1, .max = 100'000'000}).value_or(1000));
    file_.time = map.optional_quantity<Seconds>("time").value_or(Seconds(0));
    map.finish();
  }

  void read_supervisor(YamlMap map) {
    SupervisorSettings& s = file_.supervisor;
    const auto count = [&](std::string_view key, int& value) {
      value = static_cast<int>(map.optional_integer(key, {.min = 1, .max = 1'000'000}).value_or(value));
    };
    count("stall", s.stall);
    count("failures", s.failures);
    count("repeats", s.repeats);
    s.neutral = static_cast<int>(map.optional_integer("neutral", {.min = 0, .max = 1'000'000}).value_or(s.neutral));
    count("redirections", s.most_redirections);
    map.finish();
  }

  // Keys of its own are read by the caller before finish().
  ExternalCommand read_command(YamlMap map, std::string_view what) {
    ExternalCommand external = read_command_keys(map);
    map.finish();
    if (external.command.empty() && map.valid()) {
      faults_.error(map.location(), fmt::format("the {} has an empty command", what));
    }
    return external;
  }

  ExternalCommand read_command_keys(YamlMap& map) {
    ExternalCommand external;
    SandboxOptions& box = external.box;
    SandboxLimits& limits = box.limits;
    external.command = read_texts(map.list("command"), "command");
    box.network = map.optional_boolean("network").value_or(false);
    for (const std::string& path : read_texts(map.optional_list("readable"), "readable")) {
      const std::string host = fs::absolute(near_file(path)).lexically_normal().string();
      if (!fs::exists(host)) faults_.error(map.location("readable"), fmt::format("'{}' does not exist", host));
      if ((host + '/').starts_with(std::string(sandbox_folder) + '/')) {
        faults_.error(
            map.location("readable"),
            fmt::format("'{}' would be hidden by the program's own folder, which is {}", host, sandbox_folder));
      }
      box.readable.push_back({host, host});
    }
    box.devices = read_texts(map.optional_list("devices"), "devices");
    box.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + std::string(sandbox_folder), "LC_ALL=C.UTF-8"};
    for (std::string& variable : read_texts(map.optional_list("environment"), "environment")) {
      box.environment.push_back(std::move(variable));
    }
    for (const std::string& variable : box.environment) {
      if (variable.find('=') == std::string::npos) {
        faults_.error(map.location("environment"), fmt::format("expected NAME=value, not '{}'", variable));
      }
    }
    limits.time = map.optional_quantity<Seconds>("time", NumberRange::positive()).value_or(limits.time);
    limits.memory = map.optional_quantity<Bytes>("memory", NumberRange::positive()).value_or(limits.memory);
    limits.disk = map.optional_quantity<Bytes>("disk", NumberRange::positive()).value_or(limits.disk);
    limits.output = map.optional_quantity<Bytes>("output", NumberRange::positive()).value_or(limits.output);
    limits.processes =
        static_cast<int>(map.optional_integer("processes", {.min = 1, .max = 100000}).value_or(limits.processes));
    return external;
  }

  std::vector<std::string> read_texts(const std::vector<YamlNode>& nodes, std::string_view what) {
    std::vector<std::string> texts;
    for (const YamlNode& node : nodes) {
      if (auto text = read_string(node, what, faults_)) texts.push_back(std::move(*text));
    }
    return texts;
  }

  SiliconSettings read_silicon(YamlMap map) {
    SiliconSettings silicon;
    silicon.budget = static_cast<int>(map.integer("budget", {.min = 1, .max = 1'000'000}));
    silicon.margin = map.optional_number("margin", NumberRange::fraction()).value_or(silicon.margin);
    if (map.has("compile")) silicon.compile = read_command(map.map("compile"), "compile command");
    const std::optional<std::string> table = map.optional_string("table");
    if (table) {
      try {
        silicon.table = std::make_shared<MeasuredTable>(Table::load_file(near_file(*table)));
        read_compiled(map, silicon);
      } catch (const InputError& error) {
        faults_.append(error.diagnostics());
      }
    } else {
      silicon.measure = read_command(map.map("measure"), "measuring command");
    }
    map.finish();
    return silicon;
  }

  // Never a measured one: those have no name among a kernel's columns.
  void read_compiled(YamlMap& map, SiliconSettings& silicon) {
    for (const YamlNode& node : map.optional_list("compiled")) {
      const std::optional<std::string> name = read_string(node, "compiled", faults_);
      if (!name) continue;
      if (!find_kernel_column(*name) || !silicon.table->has_column(*name)) {
        faults_.error(node.location(), fmt::format("'{}' is no column of a kernel that the table has", *name));
      }
      silicon.compiled.push_back(*name);
    }
  }

  void check(const YamlMap& map) {
    const bool agent = std::ranges::find(file_.operators, VariationKind::agent) != file_.operators.end();
    if (agent && !file_.agent) faults_.error(map.location(), "the operator 'agent' needs the key 'agent'");
    const bool weighed = std::ranges::find(file_.operators, VariationKind::nsga2) != file_.operators.end();
    if (weighed && suite_ && suite_->size() < 2) {
      faults_
          .error(map.location(), "the operator 'nsga2' weighs configurations against each other, and the suite has one")
          .note("use 'de' or 'cmaes'");
    }
    for (const Variable& variable : file_.variables) {
      const auto kernel = find_kernel_column(variable.name);
      if (file_.start.program.empty() && !kernel && !setting_of(file_.start, variable.name)) {
        faults_.error(map.location("variables"),
                      fmt::format("'{}' is no column of a kernel and has no value in 'kernel'", variable.name));
      }
    }
    if (file_.start.program.empty() && !file_.moves.empty()) {
      faults_.error(map.location("moves"), "moves are of programs, and the search starts from a kernel");
    }
  }

  YamlNode root_;
  fs::path folder_;
  Diagnostics faults_;
  EvolveFile file_{};
  std::optional<Suite> suite_;
};

}  // namespace

double value_at(const Variable& variable, double share) {
  const double inside = std::clamp(share, 0.0, 1.0);
  if (variable.continuous) return variable.values.front() + inside * (variable.values.back() - variable.values.front());
  const auto count = static_cast<double>(variable.values.size());
  return variable.values[static_cast<std::size_t>(std::min(count - 1, std::floor(inside * count)))];
}

double snapped(const Variable& variable, double value) {
  if (variable.continuous) return std::clamp(value, variable.values.front(), variable.values.back());
  return *std::ranges::min_element(variable.values, {}, [&](double each) { return std::fabs(each - value); });
}

double share_of(const Variable& variable, double value) {
  const double near = snapped(variable, value);
  if (variable.continuous) {
    return (near - variable.values.front()) / (variable.values.back() - variable.values.front());
  }
  const auto index = std::ranges::find(variable.values, near) - variable.values.begin();
  return (static_cast<double>(index) + 0.5) / static_cast<double>(variable.values.size());
}

std::string frozen_change(const EvolveFile& file, const Design& design) {
  if (file.frozen.empty()) return {};
  const YamlNode before = load_yaml_text(file.start.program, program_file).find("parameters");
  const YamlNode after = load_yaml_text(design.program, program_file).find("parameters");
  const auto text = [](const YamlNode& node) { return node.is_map() ? node.find("default").text() : node.text(); };
  for (const std::string& name : file.frozen) {
    if (text(before.find(name)) != text(after.find(name)) || setting_of(design, name) != setting_of(file.start, name)) {
      return fmt::format("'{}' is frozen and defined otherwise", name);
    }
  }
  return {};
}

EvolveFile load_evolve_file(const std::string& path) { return Reader(path).read(); }

Design best_of(const std::string& folder) {
  const std::string git = (fs::path(folder) / "lineage.git").string();
  if (!is_lineage(git)) throw InputError(file_location(folder), "no lineage of a search in this folder");
  const Lineage lineage = Lineage::for_reading(git);
  const LineageVersion* best = nullptr;
  double most = -1;
  for (const LineageVersion& version : lineage.versions()) {
    const auto score = nlohmann::json::parse(lineage.file(version, "score.json").value_or("{}"), nullptr, false);
    const double geomean =
        score.is_object() && score.contains("fitness") ? score["fitness"].value("geomean", 0.0) : 0.0;
    if (geomean >= most) most = geomean, best = &version;
  }
  if (best == nullptr) throw InputError(file_location(folder), "the lineage in this folder has no version");
  return read_design(lineage.file(*best, std::string(candidate_file)).value_or(""),
                     lineage.file(*best, std::string(program_file)).value_or(""));
}

}  // namespace perfmodel
