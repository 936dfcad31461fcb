// Machines from files: arch/<name>.yaml with `based-on` inheritance and the fitted overlay on top.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arch/machine.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

struct MachineOptions {
  std::string calibration;  // overlay file to use in place of the shipped one; "" for the shipped one
  bool overlay = true;      // false: no overlay at all, every constant as in the machine files
};

// A machine by the name of a shipped file ("h100-sxm") or by the path of a YAML file. Its own constants go over
// those of the machine it is based on. One overlay is read: arch/fitted/<name>.yaml of the machine or, failing that,
// of the nearest machine that it is based on; constants that the derived machine states itself win over that one.
// Throws InputError with every fault of every file concerned; `where` is the place that named the machine.
Machine load_machine(std::string_view name, const MachineOptions& options = {}, const Location& where = {});

// The warnings of `arch check`, such as constants without reference. Throws as load_machine does.
Diagnostics check_machine(std::string_view name, const MachineOptions& options = {});

// Names of the shipped machines, sorted.
std::vector<std::string> machine_names();

}  // namespace perfmodel
