#include "report/sm_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

namespace perfmodel {

namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// Operations of an engine get the engine's row, the others their role's.
std::string row_of(const SmCode& code, const SmEvent& event) {
  const Engine engine = code.ops[at(event.op)].engine;
  const std::string name = engine == Engine::tensor ? "tensor"
                           : engine == Engine::tma  ? "tma"
                                                    : code.op_roles[at(event.op)];
  return event.cta == 0 ? name : fmt::format("{} of CTA {}", name, event.cta);
}

// Rows in the order in which they first do something.
std::vector<std::string> rows_of(const SmCode& code, const std::vector<SmEvent>& events) {
  std::vector<std::string> rows;
  for (const SmEvent& event : events) {
    const std::string row = row_of(code, event);
    if (std::ranges::find(rows, row) == rows.end()) rows.push_back(row);
  }
  std::ranges::sort(rows);
  return rows;
}

// A letter for each name, from the name where it is free.
std::map<std::string, char> letters_of(const SmCode& code, const std::vector<SmEvent>& events) {
  std::map<std::string, char> letters;
  std::string used;
  const std::string spare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  for (const SmEvent& event : events) {
    const std::string& name = code.op_names[at(event.op)];
    if (letters.contains(name)) continue;
    for (const char letter : name + spare) {
      if (std::isalnum(static_cast<unsigned char>(letter)) == 0 || used.find(letter) != std::string::npos) continue;
      letters[name] = letter;
      used += letter;
      break;
    }
    letters.try_emplace(name, '#');
  }
  return letters;
}

// "c convert, l load_ab", broken before `width`.
std::string legend_of(const std::map<std::string, char>& letters, std::size_t width) {
  std::string text;
  std::string line;
  for (const auto& [name, letter] : letters) {
    const std::string entry = fmt::format("{} {}", letter, name);
    if (!line.empty() && line.size() + 2 + entry.size() + 1 > width) {
      text += line + ",\n";
      line.clear();
    }
    line += line.empty() ? entry : ", " + entry;
  }
  return text + line + "\n";
}

}  // namespace

std::string sm_chrome_trace(const SmCode& code, const std::vector<SmEvent>& events, Hertz clock) {
  using nlohmann::ordered_json;
  const std::vector<std::string> rows = rows_of(code, events);
  ordered_json list = ordered_json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    list.push_back({{"name", "thread_name"}, {"ph", "M"}, {"pid", 0}, {"tid", i}, {"args", {{"name", rows[i]}}}});
  }
  for (const SmEvent& event : events) {
    const auto row = std::ranges::find(rows, row_of(code, event)) - rows.begin();
    list.push_back({{"name", code.op_names[at(event.op)]},
                    {"ph", "X"},
                    {"pid", 0},
                    {"tid", row},
                    {"ts", event.start / clock.si() * 1e6},
                    {"dur", (event.end - event.start) / clock.si() * 1e6},
                    {"args", {{"start_clk", std::round(event.start)}, {"clk", std::round(event.end - event.start)}}}});
  }
  return ordered_json{{"displayTimeUnit", "ns"}, {"traceEvents", list}}.dump(1) + "\n";
}

std::string sm_ascii_timeline(const SmCode& code, const std::vector<SmEvent>& events, double begin, double end,
                              int width) {
  if (!(end > begin)) return {};
  const std::vector<std::string> rows = rows_of(code, events);
  std::vector<SmEvent> shown;
  std::ranges::copy_if(events, std::back_inserter(shown),
                       [&](const SmEvent& event) { return event.end > begin && event.start < end; });
  const std::map<std::string, char> letters = letters_of(code, shown);
  std::size_t margin = 3;
  for (const std::string& row : rows) margin = std::max(margin, row.size());
  const int columns = std::max(10, width - static_cast<int>(margin) - 2);
  const auto column = [&](double time) {
    return std::clamp(static_cast<int>((time - begin) / (end - begin) * columns), 0, columns - 1);
  };
  std::vector<std::string> lines(rows.size(), std::string(at(columns), '.'));
  for (const SmEvent& event : shown) {
    const auto row = static_cast<std::size_t>(std::ranges::find(rows, row_of(code, event)) - rows.begin());
    const char letter = letters.at(code.op_names[at(event.op)]);
    for (int i = column(event.start); i <= column(std::max(event.start, event.end - 1)); ++i)
      lines[row][at(i)] = letter;
  }
  std::string text =
      fmt::format("{:<{}}  {:<{}}{:>8.0f}\n", "clk", margin, fmt::format("{:.0f}", begin), columns - 8, end);
  for (std::size_t i = 0; i < rows.size(); ++i) text += fmt::format("{:<{}}  {}\n", rows[i], margin, lines[i]);
  return text + legend_of(letters, at(width));
}

}  // namespace perfmodel
