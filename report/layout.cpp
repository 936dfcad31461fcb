#include "report/layout.hpp"

#include <fmt/format.h>

#include "support/grid.hpp"

namespace perfmodel {

namespace {
constexpr std::size_t heading_width = 10;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (display_width(rest) > width) {
    const std::size_t blank = rest.rfind(' ', width);
    if (blank == std::string::npos || blank <= indent) break;
    lines.push_back(rest.substr(0, blank));
    rest = std::string(indent, ' ') + rest.substr(blank + 1);
  }
  lines.push_back(rest);
  return lines;
}

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

}  // namespace perfmodel
