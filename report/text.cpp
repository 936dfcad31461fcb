#include "report/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/words.hpp"
#include "support/grid.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t heading_width = 10;

std::vector<std::string> fact_lines(const std::vector<Fact>& facts, std::size_t width) {
  std::vector<std::string> lines;
  std::string_view heading;
  for (const Fact& fact : facts) {
    const std::string line =
        fmt::format("{:<{}}{}", fact.heading == heading ? "" : fact.heading, heading_width, fact.text);
    heading = fact.heading;
    for (std::string& part : wrapped(line, width, heading_width)) lines.push_back(std::move(part));
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

// Lines left for operators when everything else is set: two blank lines, the titles, the total and the subtotal.
std::size_t room_for_operators(const Style& style, std::size_t used) {
  constexpr std::size_t others = 5;
  constexpr std::size_t fewest = 4;
  return style.lines > used + others + fewest ? style.lines - used - others : fewest;
}

}  // namespace

std::string text_report(const Study& study, const Style& style) {
  std::vector<std::string> verdict;
  for (const std::string& sentence : verdict_lines(study)) {
    for (std::string& line : wrapped(sentence, style.width, 0)) verdict.push_back(std::move(line));
  }
  const std::vector<std::string> facts = fact_lines(facts_of(study), style.width);
  const std::size_t used = verdict.size() + facts.size();
  verdict.front() = bold(verdict.front(), style);
  std::string text = joined(verdict);
  if (facts.empty()) return text;
  const Grid grid =
      study.single ? bound_grid(study.only().estimate) : operator_grid(study.estimate, room_for_operators(style, used));
  return text + '\n' + grid.text() + '\n' + joined(facts);
}

std::string markdown_report(const Study& study) {
  std::string text;
  for (const std::string& sentence : verdict_lines(study)) text += sentence + '\n';
  const std::vector<Fact> facts = facts_of(study);
  if (facts.empty()) return text;
  const Grid grid =
      study.single ? bound_grid(study.only().estimate) : operator_grid(study.estimate, study.estimate.items.size());
  text += '\n' + grid.markdown() + '\n';
  for (const Fact& fact : facts) text += fmt::format("- {}: {}\n", fact.heading, fact.text);
  return text;
}

}  // namespace perfmodel
