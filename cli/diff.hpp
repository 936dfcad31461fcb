// `perfmodel diff A B`
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_diff_command(CLI::App& app, Context& context);

}  // namespace perfmodel
