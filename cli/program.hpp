// `perfmodel program list | show | check`: the kernel programs of the pipeline language.
#pragma once

#include <CLI/CLI.hpp>

namespace perfmodel {

void add_program_command(CLI::App& app);

}  // namespace perfmodel
