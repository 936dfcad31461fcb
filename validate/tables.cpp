#include "validate/tables.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "support/data_path.hpp"
#include "support/format.hpp"
#include "support/grid.hpp"

namespace perfmodel {

using nlohmann::ordered_json;

namespace {

constexpr int schema_version = 1;

std::string percent(double share) { return fmt::format("{:.1f} %", 100.0 * share); }
std::string whole_percent(double share) { return fmt::format("{:.0f} %", 100.0 * share); }
std::string signed_percent(double share) { return fmt::format("{:+.1f} %", 100.0 * share); }
std::string optional_percent(const std::optional<double>& share) { return share ? percent(*share) : ""; }

std::string title(const TableValidation& table) {
  std::string text = table.name;
  if (table.withheld != Withheld::nothing) text += fmt::format(", {}", withheld_name(table.withheld));
  return text;
}

bool has_steady(const TableValidation& table) { return table.all.clock_error || table.all.power_error; }

void add_columns(Grid& grid, bool steady) {
  grid.column("n").column("mean").column("median").column("p95").column("bias").column("in interval").column("width");
  grid.column("roofline");
  if (steady) grid.column("clock").column("power");
}

void add_cells(std::vector<std::string>& cells, const GroupScore& score, bool steady) {
  const Accuracy& accuracy = score.accuracy;
  for (std::string& cell :
       std::vector<std::string>{fmt::format("{}", accuracy.n), percent(accuracy.mean), percent(accuracy.median),
                                percent(accuracy.p95), signed_percent(accuracy.bias), whole_percent(accuracy.coverage),
                                whole_percent(accuracy.width), percent(score.roofline.mean)}) {
    cells.push_back(std::move(cell));
  }
  if (!steady) return;
  cells.push_back(optional_percent(score.clock_error));
  cells.push_back(optional_percent(score.power_error));
}

constexpr std::size_t rows_for_deferral = 20;  // fewer say nothing

std::string ranking_text(const Ranking& ranking) {
  return fmt::format(
      "{} problems, regret of the first choice {} (worst {}), of the best of five {}, Kendall tau {:.3f}",
      ranking.problems, percent(ranking.top1), percent(ranking.top1_worst), percent(ranking.top5), ranking.tau);
}

std::string worst_text(const WorstRow& worst) {
  return fmt::format("row {}  {:+.0f} %  {}, measured {}, limiter {}: {}", worst.row + 1,
                     100.0 * relative_error(worst.outcome), format_time(worst.outcome.predicted),
                     format_time(worst.outcome.measured), limiter_name(worst.limiter), worst.inputs);
}

std::string one_table(const TableValidation& table) {
  std::string text = fmt::format("{} on {}: {} rows", title(table), table.machine, table.rows);
  if (table.infeasible > 0) text += fmt::format(", {} of them infeasible and not scored", table.infeasible);
  text += "\n\n";
  const bool steady = has_steady(table);
  Grid grid;
  grid.column("rows", Grid::Align::left);
  add_columns(grid, steady);
  std::vector<std::string> cells{"all"};
  add_cells(cells, table.all, steady);
  grid.row(std::move(cells));
  for (const GroupScore& group : table.groups) {
    cells = {group.name};
    add_cells(cells, group, steady);
    grid.row(std::move(cells));
  }
  text += grid.text() + '\n';
  if (table.ranking) text += fmt::format("ranking: {}\n", ranking_text(*table.ranking));
  if (table.all.accuracy.n >= rows_for_deferral) {
    text += fmt::format("defers to silicon: {} of the rows; of the {} off by more than 15 %, {}\n",
                        percent(table.deferral.deferred), table.deferral.off, percent(table.deferral.caught));
  }
  if (table.pays_right)
    text += fmt::format("whether overlap pays: right for {} of the rows\n", percent(*table.pays_right));
  for (const WorstRow& worst : table.worst) text += fmt::format("worst: {}\n", worst_text(worst));
  if (table.counters) text += '\n' + counter_table(*table.counters, /*markdown=*/false);
  return text;
}

ordered_json accuracy_json(const Accuracy& accuracy) {
  return {{"n", accuracy.n},       {"mean", accuracy.mean},         {"median", accuracy.median}, {"p95", accuracy.p95},
          {"bias", accuracy.bias}, {"coverage", accuracy.coverage}, {"width", accuracy.width}};
}

ordered_json score_json(const GroupScore& score) {
  ordered_json json{{"rows", score.name}};
  json.update(accuracy_json(score.accuracy));
  json["roofline"] = {{"mean", score.roofline.mean},
                      {"median", score.roofline.median},
                      {"p95", score.roofline.p95},
                      {"bias", score.roofline.bias}};
  json["clock_error"] = score.clock_error ? ordered_json(*score.clock_error) : ordered_json(nullptr);
  json["power_error"] = score.power_error ? ordered_json(*score.power_error) : ordered_json(nullptr);
  return json;
}

ordered_json ranking_json(const Ranking& ranking) {
  return {{"problems", ranking.problems},
          {"top1_regret", ranking.top1},
          {"top1_regret_worst", ranking.top1_worst},
          {"top5_regret", ranking.top5},
          {"kendall_tau", ranking.tau}};
}

ordered_json worst_json(const TableValidation& table) {
  ordered_json list = ordered_json::array();
  for (const WorstRow& worst : table.worst) {
    list.push_back({{"row", worst.row + 1},
                    {"inputs", worst.inputs},
                    {"measured", worst.outcome.measured.si()},
                    {"predicted", worst.outcome.predicted.si()},
                    {"error", relative_error(worst.outcome)},
                    {"limiter", limiter_name(worst.limiter)}});
  }
  return list;
}

ordered_json counters_json(const CounterValidation& validation) {
  ordered_json list = ordered_json::array();
  for (const CounterScore& score : validation.scores) {
    list.push_back({{"counter", score.counter.name},
                    {"kernels", score.n},
                    {"mean", score.mean},
                    {"bias", score.bias},
                    {"worst",
                     {{"inputs", validation.names[score.worst.row]},
                      {"predicted", score.worst.predicted},
                      {"measured", score.worst.measured}}}});
  }
  return list;
}

ordered_json table_json(const TableValidation& table) {
  ordered_json json{
      {"table", table.name}, {"machine", table.machine},       {"withheld", withheld_name(table.withheld)},
      {"rows", table.rows},  {"infeasible", table.infeasible}, {"all", score_json(table.all)}};
  ordered_json groups = ordered_json::array();
  for (const GroupScore& group : table.groups) groups.push_back(score_json(group));
  json["groups"] = std::move(groups);
  json["ranking"] = table.ranking ? ranking_json(*table.ranking) : ordered_json(nullptr);
  json["deferral"] = {
      {"off", table.deferral.off}, {"caught", table.deferral.caught}, {"deferred", table.deferral.deferred}};
  json["pays_right"] = table.pays_right ? ordered_json(*table.pays_right) : ordered_json(nullptr);
  if (table.counters) json["counters"] = counters_json(*table.counters);
  json["worst"] = worst_json(table);
  return json;
}

std::string ranking_table(const std::vector<TableValidation>& tables) {
  Grid grid;
  grid.column("machine", Grid::Align::left).column("table", Grid::Align::left).column("problems");
  grid.column("top-1 regret").column("worst").column("top-5 regret").column("Kendall tau");
  for (const TableValidation& table : tables) {
    if (!table.ranking) continue;
    const Ranking& ranking = *table.ranking;
    grid.row({table.machine, title(table), fmt::format("{}", ranking.problems), percent(ranking.top1),
              percent(ranking.top1_worst), percent(ranking.top5), fmt::format("{:.3f}", ranking.tau)});
  }
  return grid.empty() ? "" : grid.markdown();
}

std::string pays_lines(const std::vector<TableValidation>& tables) {
  std::string text;
  for (const TableValidation& table : tables) {
    if (!table.pays_right) continue;
    text += fmt::format(
        "Whether overlap beats the sequence by more than 2 % is predicted rightly for {} of the rows of "
        "`{}` ({}).\n",
        percent(*table.pays_right), table.name, table.machine);
  }
  return text;
}

std::string steady_table(const std::vector<TableValidation>& tables) {
  Grid grid;
  grid.column("machine", Grid::Align::left).column("table", Grid::Align::left).column("SM clock").column("board power");
  for (const TableValidation& table : tables) {
    if (!has_steady(table) || table.withheld != Withheld::nothing) continue;
    grid.row({table.machine, title(table), optional_percent(table.all.clock_error),
              optional_percent(table.all.power_error)});
  }
  return grid.empty() ? "" : grid.markdown();
}

std::string counter_sections(const std::vector<TableValidation>& tables) {
  std::string text;
  for (const TableValidation& table : tables) {
    if (!table.counters || table.withheld != Withheld::nothing) continue;
    text += fmt::format("\n`{}` of {}, {} kernels:\n\n", table.name, table.machine, table.counters->kernels);
    text += counter_table(*table.counters, /*markdown=*/true);
  }
  return text;
}

// Of the tables with rows of several kinds, a row a kind.
std::string group_table(const std::vector<TableValidation>& tables) {
  Grid grid;
  grid.column("machine", Grid::Align::left).column("table", Grid::Align::left).column("rows", Grid::Align::left);
  add_columns(grid, /*steady=*/false);
  for (const TableValidation& table : tables) {
    for (const GroupScore& group : table.groups) {
      std::vector<std::string> cells{table.machine, title(table), group.name};
      add_cells(cells, group, /*steady=*/false);
      grid.row(std::move(cells));
    }
  }
  return grid.empty() ? "" : grid.markdown();
}

}  // namespace

std::string text_validation(const std::vector<TableValidation>& tables) {
  std::string text;
  for (const TableValidation& table : tables) {
    if (!text.empty()) text += '\n';
    text += one_table(table);
  }
  return text;
}

std::string accuracy_table(const std::vector<TableValidation>& tables) {
  Grid grid;
  grid.column("machine", Grid::Align::left).column("table", Grid::Align::left);
  add_columns(grid, /*steady=*/false);
  for (const TableValidation& table : tables) {
    std::vector<std::string> cells{table.machine, title(table)};
    add_cells(cells, table.all, /*steady=*/false);
    grid.row(std::move(cells));
  }
  return grid.markdown();
}

std::string accuracy_page(const std::vector<TableValidation>& tables) {
  std::string text =
      "# Accuracy\n\n"
      "Written by `perfmodel validate --format markdown -o validate/README.md`: every table of `validate/data/` "
      "against\n"
      "the model as shipped. The measurements and how they were taken are described in `validate/data/README.md`.\n\n"
      "- mean, median, p95: of |predicted / measured - 1| over the rows; bias: the mean of predicted / measured - 1.\n"
      "- in interval: rows whose measurement lies in the 90 % interval stated with the prediction; width: the median "
      "of\n"
      "  the interval's width over the prediction.\n"
      "- roofline: the mean error of `t0 + max(F / (e P), B / (b W))`, its three constants fitted on the very rows "
      "that\n"
      "  it is judged on; F and B are the operations and the least bytes, P and W the datasheet's peaks.\n"
      "- tile not given: how the kernel is cut and launched is left for the model to choose, as the library does. not\n"
      "  compiled: registers, spills and shared memory are left for the model to work out.\n\n"
      "The model's constants are fitted on some of these rows. What to expect of other shapes is the cross-validated\n"
      "error that `perfmodel fit --check` prints.\n\n";
  text += accuracy_table(tables);
  const std::string groups = group_table(tables);
  if (!groups.empty()) text += "\n## By operator, regime and implementation\n\n" + groups;
  const std::string steady = steady_table(tables);
  if (!steady.empty())
    text += "\n## Clock and power\n\nMean error on the steady rows where they were measured.\n\n" + steady;
  const std::string counted = counter_sections(tables);
  if (!counted.empty()) {
    text +=
        "\n## Hardware counters\n\nPredicted shares of what each pipe could do over a kernel's time, and bytes at "
        "every level, against the profiler's\ncounters. Errors of shares are in points, those of bytes relative; fewer "
        "than 4 MiB are not compared.\n" +
        counted;
  }
  const std::string rankings = ranking_table(tables);
  if (!rankings.empty()) {
    text +=
        "\n## Rankings\n\nRegret: how much longer than the best candidate of a problem the predicted best one takes, "
        "measured; top-5: the\nbest measured of the five predicted best. Kendall tau: 1 sorts every pair rightly, 0 is "
        "chance.\n\n" +
        rankings;
  }
  const std::string overlaps = pays_lines(tables);
  if (!overlaps.empty()) text += "\n## Overlap\n\n" + overlaps;
  return text;
}

std::string json_validation(const std::vector<TableValidation>& tables) {
  ordered_json json{{"schema_version", schema_version},
                    {"generator", fmt::format("perfmodel {}", perfmodel_version())},
                    {"kind", "validation"}};
  ordered_json list = ordered_json::array();
  for (const TableValidation& table : tables) list.push_back(table_json(table));
  json["tables"] = std::move(list);
  return json.dump(2) + '\n';
}

}  // namespace perfmodel
