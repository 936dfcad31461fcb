// `perfmodel calibrate [--out DIR] [--only NAME,...] [--list] [--check-sass] [--list-metrics] [--record]`
#pragma once

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

void add_calibrate_command(CLI::App& app, Context& context);

}  // namespace perfmodel
