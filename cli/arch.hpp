// `perfmodel arch list | show NAME | check FILE...`
#pragma once

namespace CLI {
class App;
}

namespace perfmodel {

// Registers the command with its subcommands; parsing runs it. Bad machine files throw InputError.
void add_arch_command(CLI::App& app);

}  // namespace perfmodel
