// Holds the sources to the list of rooms: which may include which, and what a library room must not do.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// support <- arch, workloads <- model <- report, validate, search <- calibrate <- cli
const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::set<std::string> below_report{"support", "arch", "workloads", "model"};
  static const std::map<std::string, std::set<std::string>> rooms{
      {"support", {}},
      {"arch", {"support"}},
      {"workloads", {"support"}},
      {"model", {"support", "arch", "workloads"}},
      {"report", below_report},
      {"validate", below_report},
      {"search", below_report},
      {"calibrate", {"support", "arch", "workloads", "model", "validate"}},
      {"cli", {"support", "arch", "workloads", "model", "report", "validate", "search", "calibrate"}},
  };
  return rooms;
}

struct SourceLine {
  std::string file;  // relative to the root
  int number = 0;
  std::string text;
};

std::vector<SourceLine> lines_of(const std::string& room) {
  std::vector<SourceLine> lines;
  const fs::path root = PERFMODEL_ROOT_DIR;
  if (!fs::exists(root / room)) return lines;
  for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".cpp" && extension != ".hpp") continue;
    std::ifstream file(entry.path());
    std::string text;
    for (int number = 1; std::getline(file, text); ++number) {
      lines.push_back({fs::relative(entry.path(), root).string(), number, text});
    }
  }
  return lines;
}

// "support" of `#include "support/units.hpp"`; "" for any other line.
std::string included_room(const std::string& line) {
  const std::string start = "#include \"";
  if (!line.starts_with(start)) return {};
  return line.substr(start.size(), line.find('/', start.size()) - start.size());
}

bool contains_any(const std::string& line, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

void check_lines(const std::string& room, const std::vector<std::string>& forbidden) {
  for (const SourceLine& line : lines_of(room)) {
    const std::string code = line.text.substr(0, line.text.find("//"));
    CHECK_MESSAGE(!contains_any(code, forbidden), line.file << ":" << line.number << ": " << line.text);
  }
}

TEST_CASE("includes follow the arrows between the rooms") {
  for (const auto& [room, below] : allowed()) {
    for (const SourceLine& line : lines_of(room)) {
      const std::string target = included_room(line.text);
      const bool fine = target.empty() || target == room || below.contains(target);
      CHECK_MESSAGE(fine, line.file << ":" << line.number << ": " << line.text);
    }
  }
}

TEST_CASE("only the command line prints and exits") {
  for (const auto& [room, below] : allowed()) {
    if (room == "cli") continue;
    check_lines(room, {"<iostream>", "std::cout", "std::cerr", "fmt::print(", "printf(", "std::exit(", "std::abort("});
  }
}

TEST_CASE("the model reads no files") {
  check_lines("model", {"<fstream>", "<filesystem>", "<cstdio>", "support/yaml", "support/table", "support/text_file",
                        "support/atomic_file", "support/data_path"});
}

TEST_CASE("every header guards itself and says what it is for") {
  for (const auto& [room, below] : allowed()) {
    std::map<std::string, std::vector<std::string>> headers;
    for (const SourceLine& line : lines_of(room)) {
      if (line.file.ends_with(".hpp")) headers[line.file].push_back(line.text);
    }
    for (const auto& [file, lines] : headers) {
      CAPTURE(file);
      CHECK(lines.front().starts_with("//"));
      CHECK(std::find(lines.begin(), lines.end(), "#pragma once") != lines.end());
    }
  }
}

}  // namespace
