// `perfmodel validate [TABLE.csv|DIR...] [--arch NAME]`
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_validate_command(CLI::App& app, Context& context);

}  // namespace perfmodel
