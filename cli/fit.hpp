// `perfmodel fit [--arch NAME] [--check]`
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_fit_command(CLI::App& app, Context& context);

}  // namespace perfmodel
