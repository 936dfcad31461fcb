#include "report/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "report/csv.hpp"
#include "report/json.hpp"
#include "report/words.hpp"
#include "support/format.hpp"
#include "support/grid.hpp"
#include "support/parse.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr double same_time = 1e-6;  // relative; what is left of rounding

[[noreturn]] void refuse(const std::string& name, const std::string& reason) {
  throw InputError(
      file_location(name), reason,
      {{{}, "diff compares what `perfmodel predict` writes with --json or for a table, or two block files"}});
}

PredictionEntry entry_from(const json& prediction, const std::string& name) {
  PredictionEntry entry{prediction.value("name", "prediction"), Seconds(0.0), ""};
  if (!prediction.contains("limiter")) refuse(name, fmt::format("'{}' has no limiter", entry.name));
  entry.limiter = prediction["limiter"].get<std::string>();
  entry.time = Seconds(prediction.value("time", 0.0));
  return entry;
}

void name_apart(std::vector<PredictionEntry>& entries) {
  std::map<std::string, int> seen;
  for (PredictionEntry& entry : entries) {
    const int count = ++seen[entry.name];
    if (count > 1) entry.name += fmt::format(" ({})", count);
  }
}

PredictionSet from_document(const json& document, const std::string& name) {
  if (!document.is_object() || !document.contains("schema_version") || !document.contains("kind")) {
    refuse(name, "is not a prediction");
  }
  const int version = document["schema_version"].get<int>();
  if (version != json_schema_version) {
    refuse(name, fmt::format("has schema_version {}, this program reads {}", version, json_schema_version));
  }
  PredictionSet set{.name = name};
  const auto kind = document["kind"].get<std::string>();
  if (kind == "table") {
    for (const json& row : document.at("predictions")) set.entries.push_back(entry_from(row, name));
    for (const PredictionEntry& entry : set.entries) set.total += entry.time;
  } else if (kind == "block") {
    for (const json& row : document.at("prediction").at("operators")) {
      if (!row.contains("beside") || row["beside"].is_null()) set.entries.push_back(entry_from(row, name));
    }
    set.total = Seconds(document["prediction"].value("time", 0.0));
  } else if (kind == "operator") {
    set.entries.push_back(entry_from(document.at("prediction"), name));
    set.total = set.entries.front().time;
  } else {
    refuse(name, fmt::format("is of kind '{}', which diff does not compare", kind));
  }
  name_apart(set.entries);
  return set;
}

std::string row_name(const Table& table, std::size_t row, const std::vector<std::size_t>& inputs) {
  std::string name;
  for (const std::size_t column : inputs) {
    const std::string_view cell = table.cell(row, column);
    if (cell.empty()) continue;
    if (!name.empty()) name += ' ';
    name += cell;
  }
  return name;
}

bool is_input(const std::string& column) {
  for (int op = 0; op < static_cast<int>(Op::count); ++op) {
    if (std::ranges::count(columns_of(static_cast<Op>(op)), column) > 0) return true;
  }
  return false;
}

std::string limiter_change(const Movement& movement) {
  if (!movement.before) return movement.after->limiter;
  if (!movement.after) return movement.before->limiter;
  if (movement.before->limiter == movement.after->limiter) return movement.after->limiter;
  return fmt::format("{} -> {}", movement.before->limiter, movement.after->limiter);
}

bool moved(const Movement& movement) {
  if (!movement.before || !movement.after) return true;
  const double larger = std::max(movement.before->time.si(), movement.after->time.si());
  return std::abs(movement.effect().si()) > same_time * larger || movement.before->limiter != movement.after->limiter;
}

std::string time_cell(const std::optional<PredictionEntry>& entry) {
  if (!entry) return "";
  return entry->time > Seconds(0.0) ? format_time(entry->time) : "-";
}

std::string signed_time(Seconds time) {
  return fmt::format("{}{}", time < Seconds(0.0) ? "-" : "+", format_time(Seconds(std::abs(time.si()))));
}

std::string change_cell(const Movement& movement) {
  if (!movement.before || !movement.after || movement.before->time <= Seconds(0.0)) return "";
  return change_text(movement.after->time / movement.before->time - 1.0);
}

ordered_json entry_json(const std::optional<PredictionEntry>& entry) {
  if (!entry) return nullptr;
  return {{"time", entry->time.si()}, {"limiter", entry->limiter}};
}

}  // namespace

PredictionSet predictions_from_json(std::string_view text, const std::string& name) {
  const json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) refuse(name, "is no JSON document");
  try {
    return from_document(document, name);
  } catch (const json::exception& error) {
    refuse(name, fmt::format("is not a prediction: {}", error.what()));
  }
}

PredictionSet predictions_from_table(const Table& table) {
  const auto time = table.column("predicted_us");
  const auto limiter = table.column("limiter");
  if (!time || !limiter) refuse(table.name(), "has no columns 'predicted_us' and 'limiter'");
  std::vector<std::size_t> inputs;
  for (std::size_t column = 0; column < table.columns(); ++column) {
    if (is_input(table.names()[column]) || table.names()[column] == "operator") inputs.push_back(column);
  }
  PredictionSet set{.name = table.name()};
  Diagnostics faults;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double microseconds = table.number(row, *time, faults, NumberRange::not_negative()).value_or(0.0);
    set.entries.push_back(
        {row_name(table, row, inputs), Seconds(microseconds * 1e-6), std::string(table.cell(row, *limiter))});
    set.total += set.entries.back().time;
  }
  faults.throw_if_errors();
  name_apart(set.entries);
  return set;
}

PredictionSet predictions_from_sequence(const SequenceEstimate& sequence, const std::string& name) {
  PredictionSet set{.name = name, .entries = {}, .total = sequence.total};
  for (const SequenceItem& item : sequence.items) {
    if (!item.beside.empty()) continue;  // its time is in that of another
    const Estimate& estimate = item.estimate;
    const Limiter limiter = estimate.feasible() ? estimate.limiter : Limiter::infeasible;
    set.entries.push_back(
        {item.name, estimate.feasible() ? estimate.time : Seconds(0.0), std::string(limiter_name(limiter))});
  }
  name_apart(set.entries);
  return set;
}

Seconds Movement::effect() const {
  return (after ? after->time : Seconds(0.0)) - (before ? before->time : Seconds(0.0));
}

Difference difference(PredictionSet before, PredictionSet after) {
  Difference result{.before = std::move(before), .after = std::move(after)};
  std::map<std::string_view, const PredictionEntry*> others;
  for (const PredictionEntry& entry : result.after.entries) others[entry.name] = &entry;
  std::vector<Movement> all;
  for (const PredictionEntry& entry : result.before.entries) {
    const auto other = others.find(entry.name);
    Movement movement{entry.name, entry, {}};
    if (other != others.end()) {
      movement.after = *other->second;
      others.erase(other);
    }
    all.push_back(std::move(movement));
  }
  for (const PredictionEntry& entry : result.after.entries) {
    if (others.contains(entry.name)) all.push_back({entry.name, {}, entry});
  }
  result.compared = all.size();
  std::erase_if(all, [](const Movement& movement) { return !moved(movement); });
  std::ranges::stable_sort(all, std::greater<>{}, [](const Movement& m) { return std::abs(m.effect().si()); });
  result.movements = std::move(all);
  return result;
}

std::string text_difference(const Difference& difference, const Style& style) {
  const Seconds before = difference.before.total;
  const Seconds after = difference.after.total;
  const std::string change = before > Seconds(0.0) ? fmt::format(" ({})", change_text(after / before - 1.0)) : "";
  std::string text = bold(fmt::format("{} -> {}: {} -> {}{}, {} of {} differ", difference.before.name,
                                      difference.after.name, format_time(before), format_time(after), change,
                                      difference.movements.size(), difference.compared),
                          style) +
                     '\n';
  if (difference.movements.empty()) return text;
  Grid grid;
  grid.column("", Grid::Align::left).column("before").column("after").column("effect").column("change");
  grid.column("limiter", Grid::Align::left);
  for (const Movement& movement : difference.movements) {
    grid.row({movement.name, time_cell(movement.before), time_cell(movement.after), signed_time(movement.effect()),
              change_cell(movement), limiter_change(movement)});
  }
  return text + '\n' + grid.text();
}

std::string json_difference(const Difference& difference) {
  ordered_json json = document("difference");
  json["before"] = {{"name", difference.before.name}, {"time", difference.before.total.si()}};
  json["after"] = {{"name", difference.after.name}, {"time", difference.after.total.si()}};
  json["compared"] = difference.compared;
  ordered_json list = ordered_json::array();
  for (const Movement& movement : difference.movements) {
    list.push_back({{"name", movement.name},
                    {"effect", movement.effect().si()},
                    {"before", entry_json(movement.before)},
                    {"after", entry_json(movement.after)}});
  }
  json["movements"] = std::move(list);
  return json.dump(2) + '\n';
}

}  // namespace perfmodel
