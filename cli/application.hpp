// The command line as a whole: every command registered in one place, and what becomes of its errors.
#pragma once

#include <memory>

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

// Every command with its options, help and examples. The context must outlive it.
std::unique_ptr<CLI::App> make_application(Context& context);

// Parses and runs; the exit code. Errors are printed to standard error.
int run_application(int argc, const char* const* argv);

}  // namespace perfmodel
