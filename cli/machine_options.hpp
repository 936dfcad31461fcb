// The options that name a machine and bend it, the same for every command that has them.
#pragma once

#include <string>
#include <vector>

#include "arch/machine.hpp"
#include "cli/context.hpp"
#include "support/diagnostic.hpp"
#include "workloads/block.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

struct MachineChoice {
  std::string arch;                   // --arch: a name, a file, "all", or "" for the default
  std::string calibration;            // --calibration: an overlay file, or "" for the shipped one
  std::vector<std::string> settings;  // "dram.bandwidth=7.2 TB/s", of --set machine.KEY=VALUE

  [[nodiscard]] bool all() const { return arch == "all"; }
};

inline constexpr std::string_view default_machine = "h100-sxm";

// --arch and --calibration; `several`: --arch all stands for every shipped machine.
void add_machine_options(CLI::App& command, MachineChoice& choice, Context& context, bool several = false);

// Those of `assignments` (KEY=VALUE) whose key begins with "machine." go into the choice; the rest comes back.
std::vector<std::string> take_machine_settings(const std::vector<std::string>& assignments, MachineChoice& choice);

// The machine of that name with calibration and settings; `where` is the place that named it.
Machine load_chosen(const MachineChoice& choice, std::string_view name, const Location& where);

// As load_chosen for what --arch says. Without --arch the default, which is said on standard error.
Machine load_chosen_or_default(const MachineChoice& choice, const Context& context);

// That note, for whoever loads the default machine by other means.
void note_default_machine(const Context& context, std::string_view name = default_machine);

// The machine for a block that names none: the default, or one with the tensor cores that its programs are written for.
std::string_view machine_for(const Block& block);
std::string_view machine_for_tensor(std::string_view generation);

// The machine of --arch, else the block's, else machine_for(block), which is said on standard error.
Machine load_for_block(const MachineChoice& choice, const Block& block, const Context& context);

// The machines that the choice stands for: every shipped one for "all", else one.
std::vector<std::string> chosen_names(const MachineChoice& choice);

}  // namespace perfmodel
