// `perfmodel oracle`: candidates scored over JSON lines.
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_oracle_command(CLI::App& app, Context& context);

}  // namespace perfmodel
