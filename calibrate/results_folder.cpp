#include "calibrate/results_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "support/atomic_file.hpp"
#include "support/diagnostic.hpp"
#include "support/parse.hpp"
#include "support/text_file.hpp"

namespace perfmodel {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view findings_file = "probes.csv";
constexpr std::string_view marker_folder = ".done";

bool same_quantity(const Finding& a, const Finding& b) {
  return a.probe == b.probe && a.case_name == b.case_name && a.quantity == b.quantity;
}

}  // namespace

ResultsFolder::ResultsFolder(std::string path) : path_(std::move(path)) {
  std::error_code code;
  fs::create_directories(fs::path(path_) / marker_folder, code);
  if (code) throw InputError(file_location(path_), "cannot create this folder: " + code.message());
  if (fs::exists(file(findings_file), code)) findings_ = load_findings(file(findings_file));
}

std::string ResultsFolder::file(std::string_view name) const { return (fs::path(path_) / name).string(); }

void ResultsFolder::add(const Finding& finding) {
  const auto at = std::ranges::find_if(findings_, [&](const Finding& old) { return same_quantity(old, finding); });
  if (at == findings_.end()) {
    findings_.push_back(finding);
  } else {
    *at = finding;
  }
  write_file_atomically(file(findings_file), findings_csv(findings_));
}

std::optional<Seconds> ResultsFolder::took(std::string_view step) const {
  const std::string marker = (fs::path(path_) / marker_folder / step).string();
  std::error_code code;
  if (!fs::exists(marker, code)) return std::nullopt;
  const SourcePtr source = read_source(marker, 4096);
  const ParsedNumber seconds = parse_number(trimmed(source->text.substr(0, source->text.find('\n'))));
  if (!seconds.error.empty()) return std::nullopt;
  return Seconds(seconds.value);
}

void ResultsFolder::finish(std::string_view step, Seconds took) {
  write_file_atomically((fs::path(path_) / marker_folder / step).string(), fmt::format("{:.1f}\n", took.si()));
}

void ResultsFolder::write_header(const std::vector<std::pair<std::string, std::string>>& lines) const {
  std::string text = "# Calibration\n\n| | |\n|---|---|\n";
  for (const auto& [name, value] : lines) text += fmt::format("| {} | {} |\n", name, value);
  text += "\nFinished steps, and how long each took:\n\n| step | seconds |\n|---|---|\n";
  std::vector<std::string> steps;
  for (const auto& entry : fs::directory_iterator(fs::path(path_) / marker_folder)) {
    steps.push_back(entry.path().filename().string());
  }
  std::ranges::sort(steps);
  for (const std::string& step : steps) {
    if (const auto seconds = took(step)) text += fmt::format("| {} | {:.1f} |\n", step, seconds->si());
  }
  write_file_atomically(file("README.md"), text);
}

}  // namespace perfmodel
