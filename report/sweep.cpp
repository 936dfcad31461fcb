#include "report/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/csv.hpp"
#include "report/words.hpp"
#include "support/format.hpp"
#include "support/grid.hpp"
#include "support/table.hpp"

namespace perfmodel {
namespace {

std::string ratio_text(std::optional<double> ratio) { return ratio ? fmt::format("{:.3f}", *ratio) : ""; }

std::string limiter_text(const SweepOutcome& outcome) {
  return outcome.feasible() ? std::string(limiter_name(outcome.limiter)) : "infeasible";
}

bool hides(const Sweep& sweep) {
  return std::ranges::any_of(sweep.points, [](const SweepPoint& point) { return point.after.hiding.has_value(); });
}

std::string hidden_text(const SweepOutcome& outcome) {
  return outcome.hiding && outcome.feasible() ? share_text(outcome.hiding->hidden()) : "";
}

// A sweep of words, such as modes or machines, is a comparison: each against the first.
bool compares(const Sweep& sweep) {
  return sweep.axes.size() == 1 && sweep.axes[0].numbers.empty() && sweep.changes.empty();
}

std::vector<std::string> row_of(const Sweep& sweep, std::size_t i) {
  const SweepPoint& point = sweep.points[i];
  const SweepOutcome& after = point.after;
  std::vector<std::string> cells{sweep.axes[0].values[i]};
  if (point.before) cells.push_back(point.before->feasible() ? format_time(point.before->time) : "");
  if (!after.feasible()) {
    cells.resize(cells.size() + (point.before || compares(sweep) ? 5 : 4) + (hides(sweep) ? 1 : 0));
    cells.push_back("infeasible: " + after.refusal);
    return cells;
  }
  cells.push_back(format_time(after.time));
  if (point.before) cells.push_back(ratio_text(point.speedup()));
  if (compares(sweep)) {
    const SweepOutcome& first = sweep.points.front().after;
    cells.push_back(i > 0 && first.feasible() ? change_text(after.time / first.time - 1.0) : "");
  }
  cells.push_back(interval_text(after.lower, after.upper));
  cells.push_back(format_clock(after.clock));
  cells.push_back(format_power(after.power));
  if (hides(sweep)) cells.push_back(hidden_text(after));
  cells.push_back(limiter_text(after));
  return cells;
}

Grid list_grid(const Sweep& sweep) {
  Grid grid;
  grid.column(sweep.axes[0].key, sweep.axes[0].numbers.empty() ? Grid::Align::left : Grid::Align::right);
  if (!sweep.changes.empty()) grid.column("before");
  grid.column(sweep.changes.empty() ? "time" : "after");
  if (!sweep.changes.empty()) grid.column("speedup");
  if (compares(sweep)) grid.column("change");
  grid.column("90 % interval").column("clock").column("power");
  if (hides(sweep)) grid.column("mask hidden");
  grid.column("limiter", Grid::Align::left);
  for (std::size_t i = 0; i < sweep.points.size(); ++i) grid.row(row_of(sweep, i));
  return grid;
}

// A row a value of the first axis, a column a value of the second.
template <class Cell>
std::string map_of(const Sweep& sweep, std::string_view what, Grid::Align align, Cell cell) {
  Grid grid;
  grid.column(fmt::format("{} \\ {}", sweep.axes[0].key, sweep.axes[1].key));
  for (const std::string& value : sweep.axes[1].values) grid.column(value, align);
  for (std::size_t i = 0; i < sweep.axes[0].values.size(); ++i) {
    std::vector<std::string> cells{sweep.axes[0].values[i]};
    for (std::size_t j = 0; j < sweep.axes[1].values.size(); ++j) cells.push_back(cell(sweep.at(i, j)));
    grid.row(std::move(cells));
  }
  return fmt::format("{}\n{}", what, grid.text());
}

std::string maps(const Sweep& sweep) {
  const auto figure = [&](const SweepPoint& point) {
    if (!point.after.feasible()) return std::string("-");
    return sweep.changes.empty() ? format_time(point.after.time) : ratio_text(point.speedup());
  };
  const auto limiter = [](const SweepPoint& point) { return limiter_text(point.after); };
  std::string text = map_of(sweep, sweep.changes.empty() ? "time" : "speedup", Grid::Align::right, figure) + '\n' +
                     map_of(sweep, "limiter", Grid::Align::left, limiter);
  if (hides(sweep)) {
    text += '\n' + map_of(sweep, "share of the mask's time that is hidden", Grid::Align::right,
                          [](const SweepPoint& point) { return hidden_text(point.after); });
  }
  return text;
}

std::string range_line(const Sweep& sweep) {
  const auto range = speedup_range(sweep);
  if (!range) return {};
  if (sweep.points.size() == 1) return {};
  return fmt::format("\nspeedup {:.3f} to {:.3f}, median {:.3f}; the most at {}, the least at {}\n", range->least,
                     range->most, range->median, sweep.place(range->most_at), sweep.place(range->least_at));
}

// Why points cannot run, each reason once.
std::string refusals(const Sweep& sweep) {
  std::vector<std::string> seen;
  std::string text;
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const std::string& refusal = sweep.points[i].after.refusal;
    if (refusal.empty() || std::ranges::find(seen, refusal) != seen.end()) continue;
    seen.push_back(refusal);
    text += fmt::format("\n- {}: {}", sweep.place(i), refusal);
  }
  return text.empty() ? text : text + '\n';
}

std::string hiding_cells(const SweepOutcome& outcome) {
  if (!outcome.hiding || !outcome.feasible()) return ",,,";
  return fmt::format(",{:.3f},{:.4f},{:.0f}", outcome.hiding->in_turn.si() * 1e6, outcome.hiding->hidden(),
                     outcome.mask.si());
}

Estimate as_estimate(const SweepOutcome& outcome) {
  Estimate estimate;
  estimate.time = outcome.time;
  estimate.lower = outcome.lower;
  estimate.upper = outcome.upper;
  estimate.limiter = outcome.limiter;
  estimate.clock = outcome.clock;
  estimate.refusal = outcome.refusal;
  return estimate;
}

}  // namespace

SweepOutcome outcome_of(const SequenceEstimate& sequence) {
  const Estimate whole = flattened(sequence);
  SweepOutcome outcome;
  outcome.time = whole.time;
  outcome.lower = whole.lower;
  outcome.upper = whole.upper;
  outcome.matmul = sequence.matmul;
  outcome.limiter = whole.limiter;
  outcome.second = whole.second;
  outcome.clock = whole.clock;
  outcome.clock_limit = whole.clock_limit;
  outcome.power = whole.power;
  outcome.roofline = whole.roofline;
  outcome.mask = sequence.mask;
  if (!sequence.hiding.empty()) outcome.hiding = sequence.hiding.front();
  outcome.refusal = refusal_of(sequence);
  return outcome;
}

std::optional<double> SweepPoint::speedup() const {
  if (!before || !before->feasible() || !after.feasible()) return std::nullopt;
  return before->time / after.time;
}

const SweepPoint& Sweep::at(std::size_t first, std::size_t second) const {
  return points[axes.size() > 1 ? first * axes[1].values.size() + second : first];
}

std::string Sweep::place(std::size_t point) const {
  const std::size_t inner = axes.size() > 1 ? axes[1].values.size() : 1;
  std::string text = fmt::format("{}={}", axes[0].key, axes[0].values[point / inner]);
  if (axes.size() > 1) text += fmt::format(", {}={}", axes[1].key, axes[1].values[point % inner]);
  return text;
}

std::optional<SpeedupRange> speedup_range(const Sweep& sweep) {
  struct Found {
    double speedup;
    std::size_t at;
  };
  std::vector<Found> found;
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    if (const auto speedup = sweep.points[i].speedup()) found.push_back({*speedup, i});
  }
  if (found.empty()) return std::nullopt;
  std::ranges::stable_sort(found, {}, &Found::speedup);
  const std::size_t middle = found.size() / 2;
  const double median =
      found.size() % 2 == 1 ? found[middle].speedup : (found[middle - 1].speedup + found[middle].speedup) / 2.0;
  // Of equals the first.
  const auto most = std::ranges::find(found, found.back().speedup, &Found::speedup);
  return SpeedupRange{found.front().speedup, most->speedup, median, found.front().at, most->at};
}

std::string sweep_title(const Sweep& sweep) {
  std::string title = sweep.subject;
  if (!sweep.given.empty()) title += fmt::format(" given {}", fmt::join(sweep.given, ", "));
  if (!sweep.changes.empty()) title += fmt::format(" with {}", fmt::join(sweep.changes, ", "));
  if (!sweep.machine.empty()) title += fmt::format(", on {}", sweep.machine);
  std::vector<std::string> keys;
  for (const SweepAxis& axis : sweep.axes) keys.push_back(axis.key);
  return title + fmt::format(", by {}", fmt::join(keys, " and "));
}

std::string text_sweep(const Sweep& sweep, const Style& style) {
  std::string text = bold(sweep_title(sweep), style) + "\n\n";
  if (sweep.axes.size() > 1) {
    text += maps(sweep) + refusals(sweep);
  } else {
    text += list_grid(sweep).text();
  }
  return text + range_line(sweep);
}

std::string csv_sweep(const Sweep& sweep) {
  CsvWriter keys;
  for (const SweepAxis& axis : sweep.axes) keys.cell(axis.key);
  std::string text = fmt::format("{},{}", keys.text(), prediction_header());
  if (!sweep.changes.empty()) text += ",before_us,speedup";
  if (hides(sweep)) text += ",mask_us,mask_hidden,mask_bytes";
  text += '\n';
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const SweepPoint& point = sweep.points[i];
    const std::size_t inner = sweep.axes.size() > 1 ? sweep.axes[1].values.size() : 1;
    CsvWriter cells;
    cells.cell(sweep.axes[0].values[i / inner]);
    if (sweep.axes.size() > 1) cells.cell(sweep.axes[1].values[i % inner]);
    text += cells.text() + ',';
    append_prediction(text, as_estimate(point.after), "");
    if (point.before) {
      text += point.before->feasible() ? fmt::format(",{:.3f}", point.before->time.si() * 1e6) : ",";
      const auto speedup = point.speedup();
      text += speedup ? fmt::format(",{:.5f}", *speedup) : ",";
    }
    if (hides(sweep)) text += hiding_cells(point.after);
    text += '\n';
  }
  return text;
}

}  // namespace perfmodel
