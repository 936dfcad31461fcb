// What the commands share: colour, help examples, completion values and the exit status.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace perfmodel {

// Exit codes of every command.
enum ExitCode : int {
  exit_ok = 0,
  exit_failure = 1,    // the work failed: disk full, no such device
  exit_bad_input = 2,  // bad command line or bad input
  exit_threshold = 3,  // finished, but over a threshold
  exit_interrupted = 130,
};

enum class ColourMode { automatic, always, never };

struct Context {
  ColourMode colour = ColourMode::automatic;
  int status = exit_ok;
  std::map<const CLI::App*, std::string> examples;                // shown at the top of --help
  std::map<const CLI::Option*, std::vector<std::string>> values;  // for shell completion
  std::vector<const CLI::Option*> files;                          // options and positionals that take a file

  // Whether text on this descriptor is coloured: as told, else on terminals that can, unless NO_COLOR is set.
  [[nodiscard]] bool colour_on(int descriptor) const;
};

}  // namespace perfmodel
