#include "report/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "report/csv.hpp"
#include "report/json.hpp"
#include "report/layout.hpp"
#include "report/words.hpp"
#include "support/format.hpp"
#include "support/grid.hpp"

namespace perfmodel {

using nlohmann::ordered_json;

namespace {

constexpr double same_time = 0.002;  // relative; less is no difference worth a line

std::string heading(const Comparison& comparison) {
  return fmt::format("{} by {}\n\n", comparison.subject, comparison.key);
}

bool has_masks(const Comparison& comparison) {
  return std::ranges::any_of(comparison.alternatives,
                             [](const Alternative& a) { return a.estimate.mask > Bytes(0.0); });
}

// How masks are hidden, a line an alternative.
std::vector<std::string> hiding_lines(const Comparison& comparison) {
  std::vector<std::string> lines;
  for (const Alternative& alternative : comparison.alternatives) {
    if (!alternative.refusal.empty()) continue;
    for (const Hiding& hiding : alternative.estimate.hiding) {
      lines.push_back(fmt::format("{}: {}", alternative.value, hiding_text(hiding)));
    }
  }
  return lines;
}

Grid summary_grid(const Comparison& comparison) {
  Grid grid;
  const bool masks = has_masks(comparison);
  grid.column(comparison.key, Grid::Align::left).column("time").column("change").column("90 % interval");
  grid.column("clock").column("power").column("roofline");
  if (masks) grid.column("mask");
  grid.column("limiter", Grid::Align::left);
  std::optional<Seconds> first;
  for (const Alternative& alternative : comparison.alternatives) {
    if (!alternative.refusal.empty()) {
      std::vector<std::string> cells(masks ? 8 : 7);
      cells[0] = alternative.value;
      cells.push_back("infeasible: " + alternative.refusal);
      grid.row(std::move(cells));
      continue;
    }
    const Estimate whole = flattened(alternative.estimate);
    std::vector<std::string> cells{alternative.value,
                                   format_time(whole.time),
                                   first ? change_text(whole.time / *first - 1.0) : "",
                                   interval_text(whole.lower, whole.upper),
                                   format_clock(whole.clock),
                                   format_power(whole.power),
                                   format_time(whole.roofline)};
    const Bytes mask = alternative.estimate.mask;
    if (masks) cells.push_back(mask > Bytes(0.0) ? format_bytes(mask) : "");
    cells.emplace_back(limiter_name(whole.limiter));
    grid.row(std::move(cells));
    if (!first) first = whole.time;
  }
  return grid;
}

const Estimate* find_operator(const Alternative& alternative, const std::string& name) {
  const auto found = std::ranges::find(alternative.estimate.items, name, &SequenceItem::name);
  return found == alternative.estimate.items.end() ? nullptr : &found->estimate;
}

// Every operator of any alternative, in order of first appearance.
std::vector<std::string> operator_names(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const Alternative& alternative : comparison.alternatives) {
    auto place = names.begin();
    for (const SequenceItem& item : alternative.estimate.items) {
      if (!item.beside.empty()) continue;  // its time is in that of another
      const auto found = std::ranges::find(names, item.name);
      place = found == names.end() ? names.insert(place, item.name) + 1 : found + 1;
    }
  }
  return names;
}

bool differs(const Comparison& comparison, const std::string& name) {
  std::optional<Seconds> first;
  for (const Alternative& alternative : comparison.alternatives) {
    if (!alternative.refusal.empty()) continue;
    const Estimate* estimate = find_operator(alternative, name);
    const Seconds time = estimate == nullptr ? Seconds(0.0) : estimate->time;
    if (first && std::abs(time.si() - first->si()) > same_time * std::max(time.si(), first->si())) return true;
    if (!first) first = time;
  }
  return false;
}

Grid operator_times(const Comparison& comparison) {
  Grid grid;
  grid.column("operator", Grid::Align::left);
  for (const Alternative& alternative : comparison.alternatives) grid.column(alternative.value);
  for (const std::string& name : operator_names(comparison)) {
    if (!differs(comparison, name)) continue;
    std::vector<std::string> cells{name};
    for (const Alternative& alternative : comparison.alternatives) {
      const Estimate* estimate = find_operator(alternative, name);
      const bool shown = estimate != nullptr && alternative.refusal.empty();
      cells.push_back(shown ? format_time(estimate->time) : "");
    }
    grid.row(std::move(cells));
  }
  return grid;
}

bool has_operators(const Comparison& comparison) {
  return std::ranges::any_of(comparison.alternatives, [](const Alternative& a) { return a.estimate.items.size() > 1; });
}

}  // namespace

std::string text_comparison(const Comparison& comparison, const Style& style) {
  std::string title = heading(comparison);
  std::string text = bold(std::string_view(title).substr(0, title.find('\n')), style) + "\n\n";
  text += summary_grid(comparison).text();
  const Grid operators = operator_times(comparison);
  if (has_operators(comparison) && !operators.empty()) text += '\n' + operators.text();
  const std::vector<std::string> hiding = hiding_lines(comparison);
  if (!hiding.empty()) text += '\n';
  for (const std::string& line : hiding) {
    for (const std::string& part : wrapped(line, style.width, 2)) text += part + '\n';
  }
  return text;
}

std::string markdown_comparison(const Comparison& comparison) {
  std::string text = heading(comparison) + summary_grid(comparison).markdown();
  const Grid operators = operator_times(comparison);
  if (has_operators(comparison) && !operators.empty()) text += '\n' + operators.markdown();
  const std::vector<std::string> hiding = hiding_lines(comparison);
  if (!hiding.empty()) text += '\n';
  for (const std::string& line : hiding) text += fmt::format("- {}\n", line);
  return text;
}

std::string csv_comparison(const Comparison& comparison) {
  std::string text = fmt::format("{},{}\n", comparison.key, prediction_header());
  for (const Alternative& alternative : comparison.alternatives) {
    Estimate whole = flattened(alternative.estimate);
    whole.refusal = alternative.refusal;
    text += alternative.value + ',';
    append_prediction(text, whole, "");
    text += '\n';
  }
  return text;
}

std::string json_comparison(const Comparison& comparison) {
  ordered_json json = document("comparison");
  json["subject"] = comparison.subject;
  json["key"] = comparison.key;
  ordered_json list = ordered_json::array();
  for (const Alternative& alternative : comparison.alternatives) {
    ordered_json one{{"value", alternative.value}};
    if (alternative.refusal.empty()) {
      one["prediction"] = sequence_json(alternative.estimate);
    } else {
      one["prediction"] = {{"feasible", false}, {"limiter", "infeasible"}, {"refusal", alternative.refusal}};
    }
    list.push_back(std::move(one));
  }
  json["alternatives"] = std::move(list);
  return json.dump(2) + '\n';
}

}  // namespace perfmodel
