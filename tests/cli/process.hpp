// Runs the program as a user would: arguments as in a shell, standard input, both outputs and the exit code.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "tests/temporary_folder.hpp"

namespace perfmodel::test {

struct Result {
  int exit = -1;
  std::string out;
  std::string err;
};

// `arguments` go through the shell, as does `before`: "NO_COLOR=1", "cd /tmp;".
inline Result run(const std::string& arguments, const std::string& input = "", const std::string& before = "") {
  const TemporaryFolder folder;
  folder.write("in", input);
  const std::string command = before + " \"" + std::string(PERFMODEL_BINARY) + "\" " + arguments + " < " +
                              folder.file("in") + " > " + folder.file("out") + " 2> " + folder.file("err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder.read("out"), folder.read("err")};
}

}  // namespace perfmodel::test
