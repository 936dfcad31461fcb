// The lineage of a search: a bare git repository that this program alone writes, one commit a version on its branch
// `main`, oldest first in one line. A version exists from the moment that the branch points to its commit, and only
// then; git runs with no hooks, no templates and no configuration but what is given here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "search/sandbox.hpp"

namespace perfmodel {

struct LineageVersion {
  int number = 0;      // from 0, the start
  std::string commit;  // its id
  std::string subject;
};

class Lineage {
 public:
  // Opens the repository, or makes an empty one. One process at a time may write: the caller sees to that. Throws
  // RuntimeError where git is missing or fails.
  explicit Lineage(std::string folder);
  // One that is there, and may be in use; nothing is written.
  static Lineage for_reading(std::string folder);

  [[nodiscard]] const std::vector<LineageVersion>& versions() const { return versions_; }

  // A file of a version; nothing if it has none of that name.
  [[nodiscard]] std::optional<std::string> file(const LineageVersion& version, const std::string& name) const;

  // The next version, of exactly these bytes. The message's first line is its subject.
  const LineageVersion& commit(const std::vector<WorkFile>& files, const std::string& message);

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  struct Reading {};
  Lineage(std::string folder, Reading);
  std::string git(const std::vector<std::string>& arguments, const std::string& input = "") const;
  void read_versions();

  std::string folder_;
  std::vector<LineageVersion> versions_;
};

// For readers: whether there is a lineage, without making one.
bool is_lineage(const std::string& folder);

}  // namespace perfmodel
