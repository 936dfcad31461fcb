// perfmodel evolve: the evolutionary search over kernel designs, and the report of one.
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_evolve_command(CLI::App& app, Context& context);

}  // namespace perfmodel
