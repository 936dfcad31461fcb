// Running another program to its end: what it gets to read, how much it may say, how long it may take. The program
// leads a session of its own, and all of that session ends with it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/units.hpp"

namespace perfmodel {

struct ProcessOptions {
  std::string input;                                    // its standard input
  std::optional<std::vector<std::string>> environment;  // "NAME=value"; nothing: ours
  std::string folder;                                   // where it runs; "": here
  Seconds time_limit;                                   // 0: none
  std::size_t output_limit = std::size_t{16} << 20U;    // bytes of each output; more ends the program
  // In the child, before the program is started; a reason ends the child there. Raw system calls only.
  std::function<const char*()> prepare;
  // Called once in the parent while the child is in `prepare`, which may wait for it; what it throws ends the child.
  std::function<void()> meanwhile;
  // Asked every 50 ms with the child's id; a reason other than "" ends the program.
  std::function<std::string(pid_t)> watch;
};

enum class ProcessEnd { exited, signalled, timed_out, flooded, stopped, not_started };

struct ProcessResult {
  ProcessEnd end = ProcessEnd::not_started;
  int code = -1;  // exit code, or the signal
  std::string out;
  std::string err;
  std::string reason;  // of `stopped` and `not_started`
  Seconds wall;

  [[nodiscard]] bool ok() const { return end == ProcessEnd::exited && code == 0; }
  // "exited with 3", "ran into its limit of 10 s", ...
  [[nodiscard]] std::string how() const;
};

// arguments[0] is looked up in PATH. Throws RuntimeError only where the system gives no process or pipe.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

// Processes below one, itself left out, and what they hold of memory together [bytes].
struct ProcessTree {
  std::vector<pid_t> members;
  double resident = 0;
};
ProcessTree process_tree(pid_t root);

}  // namespace perfmodel
