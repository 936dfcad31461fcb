#include "support/data_path.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "support/diagnostic.hpp"

namespace perfmodel {
namespace fs = std::filesystem;
namespace {

bool is_root(const fs::path& folder) {
  std::error_code code;
  return fs::is_directory(folder / "arch", code) || fs::is_directory(folder / "workloads", code);
}

fs::path beside_executable() {
  std::error_code code;
  const fs::path executable = fs::read_symlink("/proc/self/exe", code);
  return code ? fs::path() : (executable.parent_path().parent_path() / "share" / "perfmodel");
}

std::string find_root() {
  const char* const chosen = std::getenv("PERFMODEL_DATA");
  if (chosen != nullptr && *chosen != '\0') {
    if (is_root(chosen)) return chosen;
    throw RuntimeError(fmt::format("PERFMODEL_DATA={}: no arch/ and no workloads/ there", chosen));
  }
  const fs::path installed = beside_executable();
  for (const fs::path& folder : {installed, fs::path(PERFMODEL_SOURCE_DIR)}) {
    if (!folder.empty() && is_root(folder)) return folder.string();
  }
  throw RuntimeError(
      fmt::format("data files not found in {} or {}; set PERFMODEL_DATA", installed.string(), PERFMODEL_SOURCE_DIR));
}

// A regular file, a device or a pipe.
bool is_file(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  return fs::exists(status) && !fs::is_directory(status);
}

}  // namespace

const std::string& data_root() {
  static const std::string root = find_root();
  return root;
}

std::string data_path(std::string_view relative) { return (fs::path(data_root()) / relative).string(); }

std::optional<std::string> find_data_file(std::string_view name, std::string_view folder, std::string_view extension) {
  const std::string given(name);
  if (given.empty()) return std::nullopt;
  if (given == "-") return given;
  const std::string extended = given + std::string(extension);
  for (const std::string& candidate : {given, extended}) {
    if (is_file(candidate)) return candidate;
  }
  const bool bare = given.find('/') == std::string::npos;
  for (const std::string& candidate : {given, extended}) {
    if (!bare) break;
    std::string shipped = data_path((fs::path(folder) / candidate).string());
    if (is_file(shipped)) return shipped;
  }
  // Whatever else has that name, such as a directory, is for the reader to refuse.
  std::error_code code;
  return fs::exists(given, code) ? std::optional(given) : std::nullopt;
}

std::vector<std::string> list_data_files(std::string_view folder, std::string_view extension) {
  std::vector<std::string> names;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_path(folder), code)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view perfmodel_version() { return PERFMODEL_VERSION; }

}  // namespace perfmodel
