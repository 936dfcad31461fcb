#include "search/lineage.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "support/diagnostic.hpp"
#include "support/process.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

constexpr const char* branch = "refs/heads/main";

ProcessOptions git_options() {
  ProcessOptions options;
  options.time_limit = Seconds(60);
  options.environment = std::vector<std::string>{"PATH=/usr/local/bin:/usr/bin:/bin",
                                                 "HOME=/nonexistent",
                                                 "GIT_CONFIG_NOSYSTEM=1",
                                                 "GIT_CONFIG_GLOBAL=/dev/null",
                                                 "GIT_AUTHOR_NAME=perfmodel",
                                                 "GIT_AUTHOR_EMAIL=perfmodel@localhost",
                                                 "GIT_COMMITTER_NAME=perfmodel",
                                                 "GIT_COMMITTER_EMAIL=perfmodel@localhost",
                                                 "GIT_TERMINAL_PROMPT=0",
                                                 "LC_ALL=C"};
  options.prepare = []() -> const char* {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    return nullptr;
  };
  return options;
}

std::vector<std::string> git_command(const std::string& folder, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"git",
                                   "-c",
                                   "core.hooksPath=/dev/null",
                                   "-c",
                                   "core.fsync=all",
                                   "-c",
                                   "core.fsmonitor=false",
                                   "-c",
                                   "core.attributesFile=/dev/null",
                                   "-c",
                                   "gc.auto=0",
                                   "-c",
                                   "commit.gpgSign=false",
                                   "-c",
                                   "init.defaultBranch=main",
                                   "-c",
                                   "safe.directory=*",
                                   "--git-dir=" + folder};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Left behind by a process that was killed while it wrote. Nobody else writes, so that nobody holds them.
void remove_stale_locks(const std::string& folder) {
  std::error_code code;
  std::vector<fs::path> locks;
  for (fs::recursive_directory_iterator at(folder, code), end; at != end; at.increment(code)) {
    if (at->path().extension() == ".lock") locks.push_back(at->path());
  }
  for (const fs::path& lock : locks) fs::remove(lock, code);
}

}  // namespace

bool is_lineage(const std::string& folder) { return fs::exists(fs::path(folder) / "HEAD"); }

Lineage::Lineage(std::string folder) : folder_(std::move(folder)) {
  fs::create_directories(folder_);
  remove_stale_locks(folder_);
  git({"init", "--quiet", "--bare", "--template="});
  read_versions();
}

Lineage::Lineage(std::string folder, Reading /*unused*/) : folder_(std::move(folder)) { read_versions(); }

Lineage Lineage::for_reading(std::string folder) { return {std::move(folder), Reading{}}; }

std::string Lineage::git(const std::vector<std::string>& arguments, const std::string& input) const {
  ProcessOptions options = git_options();
  options.input = input;
  const ProcessResult result = run_process(git_command(folder_, arguments), options);
  if (!result.ok()) {
    throw RuntimeError(fmt::format("git {} in '{}' {}{}{}", arguments[0], folder_, result.how(),
                                   result.err.empty() ? "" : ": ", without_line_end(result.err)));
  }
  return result.out;
}

void Lineage::read_versions() {
  versions_.clear();
  ProcessOptions options = git_options();
  const bool begun = run_process(git_command(folder_, {"rev-parse", "--verify", "--quiet", branch}), options).ok();
  if (!begun) return;
  std::istringstream lines(git({"log", "--reverse", "--first-parent", "--format=%H %s", branch}));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = std::min(line.find(' '), line.size());
    versions_.push_back(
        {static_cast<int>(versions_.size()), line.substr(0, space), line.substr(std::min(space + 1, line.size()))});
  }
}

std::optional<std::string> Lineage::file(const LineageVersion& version, const std::string& name) const {
  const ProcessResult result =
      run_process(git_command(folder_, {"cat-file", "blob", version.commit + ":" + name}), git_options());
  return result.ok() ? std::optional(result.out) : std::nullopt;
}

const LineageVersion& Lineage::commit(const std::vector<WorkFile>& files, const std::string& message) {
  std::string tree;
  for (const WorkFile& file : files) {
    const std::string blob = without_line_end(git({"hash-object", "-w", "--stdin", "--no-filters"}, file.bytes));
    tree += fmt::format("100644 blob {}\t{}\n", blob, file.name);
  }
  const std::string tree_id = without_line_end(git({"mktree"}, tree));
  std::vector<std::string> arguments{"commit-tree", tree_id, "-F", "-"};
  const std::string before = versions_.empty() ? std::string(40, '0') : versions_.back().commit;
  if (!versions_.empty()) arguments.insert(arguments.end(), {"-p", before});
  const std::string id = without_line_end(git(arguments, message));
  git({"update-ref", branch, id, before});
  versions_.push_back({static_cast<int>(versions_.size()), id, message.substr(0, message.find('\n'))});
  return versions_.back();
}

}  // namespace perfmodel
