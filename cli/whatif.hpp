// `perfmodel whatif FILE.yaml`: what a change buys, and how that goes over other keys.
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_whatif_command(CLI::App& app, Context& context);

}  // namespace perfmodel
