// `perfmodel completion bash|zsh|fish`: completion scripts made from the parser itself.
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_completion_command(CLI::App& app, Context& context);

}  // namespace perfmodel
