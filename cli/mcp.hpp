// `perfmodel mcp`: a Model Context Protocol server on standard input and output.
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_mcp_command(CLI::App& app, Context& context);

}  // namespace perfmodel
