// Reading a git repository that somebody else wrote.
#pragma once

#include <string>
#include <vector>

namespace perfmodel {

// What git prints for a reading command on a bare repository: no hooks, no configuration but the repository's own, no
// pager. Throws RuntimeError where git is missing, fails, or prints more than 4 MiB.
std::string read_git(const std::string& repository, const std::vector<std::string>& arguments);

}  // namespace perfmodel
