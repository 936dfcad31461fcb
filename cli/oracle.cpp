#include "cli/oracle.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "arch/load.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/line_io.hpp"
#include "cli/machine_options.hpp"
#include "search/oracle_stream.hpp"
#include "workloads/library.hpp"

namespace perfmodel {
namespace {

struct OracleCommand {
  MachineChoice machine;
  std::vector<std::string> assignments;
  unsigned threads = 0;
  int cache = 64;  // MiB
};

void run(OracleCommand& command, const Context& context) {
  if (command.machine.all()) throw InputError(file_location("--arch"), "an oracle is of one machine, not of all");
  const std::vector<std::string> rest = take_machine_settings(command.assignments, command.machine);
  if (!rest.empty()) {
    throw InputError(file_location("--set"), fmt::format("'{}': only machine.KEY=VALUE can be set here", rest.front()));
  }
  Oracle oracle(load_chosen_or_default(command.machine, context), load_library(),
                {.cache_bytes = static_cast<std::size_t>(command.cache) << 20U});
  const InterruptGuard guard;
  answer_lines(oracle, read_input, write_output, {.threads = command.threads});
}

}  // namespace

void add_oracle_command(CLI::App& app, Context& context) {
  auto command = std::make_shared<OracleCommand>();
  CLI::App* oracle = app.add_subcommand("oracle", "Score candidates: a JSON line in, a JSON line out (docs/oracle.md)");
  add_machine_options(*oracle, command->machine, context);
  oracle->add_option("--set", command->assignments, "A constant of the machine, machine.KEY=VALUE")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  oracle->add_option("--threads", command->threads, "Threads that score; if not given, one a core")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  oracle->add_option("--cache", command->cache, "MiB of scores that are kept, 64 if not given; 0 keeps none")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("MIB");
  context.examples[oracle] =
      "  perfmodel oracle --arch b200 < candidates.jsonl > scores.jsonl\n"
      "  echo '{\"id\":1,\"suite\":\"avo_mha\",\"program\":\"fa4_forward\",\"set\":{\"emulated\":0.25}}' | perfmodel "
      "oracle --arch b200\n";
  oracle->callback([command, &context] { run(*command, context); });
}

}  // namespace perfmodel
