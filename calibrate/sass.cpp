#include "calibrate/sass.hpp"

#include <algorithm>

namespace perfmodel {
namespace {

constexpr std::string_view function_mark = "Function : ";

std::string_view trimmed_line(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// "LOP3.LUT" of "/*0050*/   @!P0 LOP3.LUT R4, R5, 0x1, RZ, 0xc0, !PT ;  /* 0x... */"; "" for any other line.
std::string_view opcode_of(std::string_view line) {
  if (!line.starts_with("/*")) return {};
  const std::size_t close = line.find("*/");
  if (close == std::string_view::npos) return {};
  line = trimmed_line(line.substr(close + 2));
  if (line.starts_with("@")) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) return {};
    line = trimmed_line(line.substr(blank));
  }
  // The second line of an instruction holds nothing but its encoding.
  if (line.empty() || line.starts_with("/*")) return {};
  return line.substr(0, line.find_first_of(" ;"));
}

}  // namespace

std::size_t SassFunction::count(std::string_view opcode) const {
  return static_cast<std::size_t>(std::ranges::count_if(opcodes, [&](const std::string& found) {
    return found.starts_with(opcode) && (found.size() == opcode.size() || found[opcode.size()] == '.');
  }));
}

std::vector<SassFunction> parse_sass(std::string_view text) {
  std::vector<SassFunction> functions;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = trimmed_line(text.substr(start, end - start));
    start = end + 1;
    if (line.starts_with(function_mark)) {
      functions.push_back({std::string(trimmed_line(line.substr(function_mark.size()))), {}});
    } else if (const std::string_view opcode = opcode_of(line); !opcode.empty() && !functions.empty()) {
      functions.back().opcodes.emplace_back(opcode);
    }
  }
  return functions;
}

std::vector<std::string> sass_mismatches(const std::vector<SassFunction>& functions,
                                         const std::vector<SassExpectation>& expectations) {
  std::vector<std::string> faults;
  for (const SassExpectation& expected : expectations) {
    bool found = false;
    for (const SassFunction& function : functions) {
      if (function.name.find(expected.kernel) == std::string::npos) continue;
      found = true;
      const std::size_t count = function.count(expected.opcode);
      if (static_cast<long long>(count) < expected.at_least) {
        faults.push_back(function.name + ": " + std::to_string(count) + " " + expected.opcode + ", expected at least " +
                         std::to_string(expected.at_least));
      }
    }
    if (!found) faults.push_back(expected.kernel + ": no such kernel");
  }
  return faults;
}

}  // namespace perfmodel
