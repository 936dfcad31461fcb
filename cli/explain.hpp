// `perfmodel explain FILE.yaml [OP]`
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_explain_command(CLI::App& app, Context& context);

}  // namespace perfmodel
