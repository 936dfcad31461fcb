#include "cli/application.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "cli/arch.hpp"
#include "cli/calibrate.hpp"
#include "cli/completion.hpp"
#include "cli/console.hpp"
#include "cli/diff.hpp"
#include "cli/fit.hpp"
#include "cli/help.hpp"
#include "cli/interrupt.hpp"
#include "cli/mcp.hpp"
#include "cli/oracle.hpp"
#include "cli/predict.hpp"
#include "cli/program.hpp"
#include "cli/validate.hpp"
#include "support/data_path.hpp"
#include "support/diagnostic.hpp"
#include "support/suggest.hpp"

namespace perfmodel {
namespace {

const std::vector<std::string>& colour_names() {
  static const std::vector<std::string> names{"auto", "always", "never"};
  return names;
}

void add_global_options(CLI::App& app, Context& context) {
  app.set_version_flag("--version", fmt::format("perfmodel {}", perfmodel_version()), "Print the version");
  auto* colour = app.add_option_function<std::string>(
      "--color",
      [&context](const std::string& text) {
        context.colour = static_cast<ColourMode>(parse_choice("--color", text, colour_names()));
      },
      "auto, always or never; NO_COLOR and TERM=dumb count as never in auto");
  // First, so that errors of the other options are coloured rightly.
  colour->type_name("WHEN")->trigger_on_parse();
  context.values[colour] = colour_names();
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  return names;
}

// The options that a command and those above it take.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// The command that was parsed last: "predict", or "list" of "arch list".
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  for (std::vector<CLI::App*> parsed = at->get_subcommands(); !parsed.empty(); parsed = at->get_subcommands()) {
    at = parsed.back();
  }
  return *at;
}

std::string command_line(const CLI::App& app) {
  std::string text = app.get_name();
  for (const CLI::App* at = app.get_parent(); at != nullptr; at = at->get_parent()) {
    text = fmt::format("{} {}", at->get_name(), text);
  }
  return text;
}

InputError unexpected_argument(const CLI::App& command, const std::string& argument) {
  Diagnostics faults;
  if (argument.starts_with("-") && argument.size() > 1) {
    const std::string name = argument.substr(0, argument.find('='));
    faults.error({}, fmt::format("unknown option '{}'", name)).suggest(name, option_names(command));
  } else if (const std::vector<std::string> known = command_names(command); !known.empty()) {
    faults.error({}, fmt::format("unknown command '{}'", argument))
        .suggest(argument, known)
        .note("known commands: " + join_names(known));
  } else {
    faults.error({}, fmt::format("unexpected argument '{}'", argument));
  }
  return InputError(std::move(faults));
}

std::string in_our_words(std::string message) {
  if (message.starts_with("--") || message.size() < 2) return message;
  const bool acronym = std::isupper(static_cast<unsigned char>(message[1])) != 0;
  if (!acronym) message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  return message;
}

// What CLI11 found wrong, said as every other error of ours.
InputError usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  const std::vector<std::string> left = app.remaining(/*recurse=*/true);
  const bool extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const bool missing_command =
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !command_names(command).empty();
  if ((extras || missing_command) && !left.empty()) return unexpected_argument(command, left.front());
  Diagnostics faults;
  std::string message = in_our_words(error.what());
  // The parser's own words for it differ between its versions.
  const bool value_missing = dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && message.starts_with("--");
  if (value_missing) message = message.substr(0, message.find(':')) + ": a value is missing";
  if (missing_command) message = fmt::format("{}: a command is missing", command_line(command));
  Diagnostic& found = faults.error({}, std::move(message));
  if (missing_command) found.note("known commands: " + join_names(command_names(command)));
  found.note(fmt::format("see {} --help", command_line(command)));
  return InputError(std::move(faults));
}

// Help and version are results; anything else is an error.
int finish_parse(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::CallForAllHelp*>(&error) != nullptr) {
    fmt::print("{}", app.help("", CLI::AppFormatMode::All));
    return exit_ok;
  }
  if (dynamic_cast<const CLI::CallForHelp*>(&error) != nullptr) {
    const CLI::App& command = innermost(app);
    fmt::print("{}", command.help(command.get_parent() == nullptr ? "" : command_line(*command.get_parent())));
    return exit_ok;
  }
  if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) {
    fmt::print("{}\n", error.what());
    return exit_ok;
  }
  throw usage_error(app, error);
}

int parse_and_run(CLI::App& app, Context& context, int argc, const char* const* argv) {
  if (argc < 2) {
    fmt::print(stderr, "{}", app.help());
    return exit_bad_input;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return finish_parse(app, error);
  }
  return context.status;
}

int failure(const Context& context, std::string_view message) {
  const bool colour = context.colour_on(STDERR_FILENO);
  fmt::print(stderr, "{}error:{} {}\n", colour ? "\x1b[1;31m" : "", colour ? "\x1b[0m" : "", message);
  return exit_failure;
}

}  // namespace

std::unique_ptr<CLI::App> make_application(Context& context) {
  auto app = std::make_unique<CLI::App>(
      "perfmodel predicts how long GPU kernels and transformer blocks take, what limits them, and what a change buys",
      "perfmodel");
  app->formatter(std::make_shared<HelpFormatter>(context));
  app->require_subcommand(1);
  app->fallthrough();
  app->get_help_ptr()->description("Print this help");
  add_global_options(*app, context);
  add_predict_command(*app, context);
  add_validate_command(*app, context);
  add_diff_command(*app, context);
  add_fit_command(*app, context);
  add_calibrate_command(*app, context);
  add_arch_command(*app);
  add_program_command(*app);
  add_oracle_command(*app, context);
  add_mcp_command(*app, context);
  add_completion_command(*app, context);
  context.examples[app.get()] =
      "  perfmodel predict llama2_block.yaml                    what one transformer block costs\n"
      "  perfmodel predict llama2_block.yaml --arch all         the same on every GPU\n"
      "  perfmodel predict kernels.csv > predicted.csv          a row a kernel\n"
      "  perfmodel validate kernels.csv --arch h100-sxm         against measurements\n";
  app->footer(
      "Exit codes: 0 fine, 1 the work failed, 2 bad command line or input, 3 over a threshold, 130 interrupted.");
  return app;
}

int run_application(int argc, const char* const* argv) {
  // A run is short: memory given back is asked for again, by a call to the system and a page fault each.
  mallopt(M_TOP_PAD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  install_interrupt_handler();
  Context context;
  try {
    const std::unique_ptr<CLI::App> app = make_application(context);
    const int status = parse_and_run(*app, context, argc, argv);
    if (std::fflush(stdout) != 0) return failure(context, "standard output cannot be written");
    return status;
  } catch (const Interrupted&) {
    return exit_interrupted;
  } catch (const InputError& error) {
    std::fflush(stdout);
    fmt::print(stderr, "{}", error.format(context.colour_on(STDERR_FILENO)));
    return exit_bad_input;
  } catch (const RuntimeError& error) {
    return failure(context, error.what());
  } catch (const std::bad_alloc&) {
    return failure(context, "out of memory");
  } catch (const std::exception& error) {
    return failure(context, fmt::format("internal: {}", error.what()));
  }
}

}  // namespace perfmodel
