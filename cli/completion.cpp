#include "cli/completion.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/console.hpp"
#include "support/suggest.hpp"

namespace perfmodel {
namespace {

// What may follow an option's name.
struct OptionEntry {
  std::vector<std::string> names;  // "-o", "--out"
  std::string description;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> values;
};

struct CommandEntry {
  std::string path;  // "arch list"; "" for the program itself
  std::string description;
  std::vector<OptionEntry> options;
  std::vector<std::string> commands;
  std::vector<std::string> values;  // of its positional
  bool takes_file = false;
};

OptionEntry option_entry(const CLI::Option& option, const Context& context) {
  OptionEntry entry;
  for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  entry.description = option.get_description();
  entry.takes_value = option.get_items_expected_max() > 0;
  entry.takes_file = std::ranges::find(context.files, &option) != context.files.end();
  if (const auto found = context.values.find(&option); found != context.values.end()) entry.values = found->second;
  return entry;
}

void collect(const CLI::App& app, const std::string& path, const Context& context, std::vector<CommandEntry>& out) {
  CommandEntry entry{.path = path, .description = app.get_description(), .options = {}, .commands = {}, .values = {}};
  for (const CLI::Option* option : app.get_options()) {
    OptionEntry found = option_entry(*option, context);
    if (option->get_positional()) {
      entry.takes_file = entry.takes_file || found.takes_file;
      entry.values.insert(entry.values.end(), found.values.begin(), found.values.end());
    } else if (!option->get_group().empty()) {
      entry.options.push_back(std::move(found));
    }
  }
  const std::vector<const CLI::App*> commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) {
    if (!command->get_group().empty()) entry.commands.push_back(command->get_name());
  }
  out.push_back(std::move(entry));
  for (const CLI::App* command : commands) {
    if (command->get_group().empty()) continue;
    collect(*command, path.empty() ? command->get_name() : path + ' ' + command->get_name(), context, out);
  }
}

std::string words(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, " ")); }

std::vector<std::string> option_words(const CommandEntry& command) {
  std::vector<std::string> names;
  for (const OptionEntry& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

// bash: the command path typed so far picks the words; an option that takes a value picks its own.
std::string bash_script(const std::vector<CommandEntry>& commands) {
  std::string text =
      "# perfmodel completion for bash: eval \"$(perfmodel completion bash)\"\n"
      "_perfmodel() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path= word\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path $word\" in\n";
  for (const CommandEntry& command : commands) {
    if (!command.path.empty())
      text += fmt::format("      \"{}{}\") path=\"{}\" ;;\n", command.path.find(' ') == std::string::npos ? " " : "",
                          command.path, command.path);
  }
  text +=
      "    esac\n"
      "  done\n"
      "  case \"$path:$previous\" in\n";
  for (const CommandEntry& command : commands) {
    for (const OptionEntry& option : command.options) {
      if (!option.takes_value) continue;
      const std::string scope = command.path.empty() ? "*" : fmt::format("\"{}\"", command.path);
      const std::string pattern = fmt::format("{}:{}", scope, fmt::join(option.names, fmt::format("|{}:", scope)));
      const std::string reply = option.takes_file ? std::string("-f -- \"$current\"")
                                                  : fmt::format("-W \"{}\" -- \"$current\"", words(option.values));
      text += fmt::format("    {}) COMPREPLY=($(compgen {})); return ;;\n", pattern, reply);
    }
  }
  text +=
      "  esac\n"
      "  case \"$path\" in\n";
  for (const CommandEntry& command : commands) {
    std::vector<std::string> all = command.commands;
    const std::vector<std::string> options = option_words(command);
    all.insert(all.end(), command.values.begin(), command.values.end());
    all.insert(all.end(), options.begin(), options.end());
    text += fmt::format("    \"{}\") COMPREPLY=($(compgen{} -W \"{}\" -- \"$current\")) ;;\n", command.path,
                        command.takes_file ? " -f" : "", words(all));
  }
  text +=
      "  esac\n"
      "}\n"
      "complete -o filenames -F _perfmodel perfmodel\n";
  return text;
}

// zsh reads bash completions.
std::string zsh_script(const std::vector<CommandEntry>& commands) {
  return "#compdef perfmodel\n# perfmodel completion for zsh: eval \"$(perfmodel completion zsh)\"\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(commands);
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// fish: a condition for each command, "__fish_seen_subcommand_from arch; and not __fish_seen_subcommand_from list".
std::string fish_condition(const CommandEntry& command) {
  if (command.path.empty()) return "__fish_use_subcommand";
  std::string text;
  std::string_view rest = command.path;
  while (!rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    text += fmt::format("{}__fish_seen_subcommand_from {}", text.empty() ? "" : "; and ", rest.substr(0, blank));
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  if (!command.commands.empty()) {
    text += fmt::format("; and not __fish_seen_subcommand_from {}", words(command.commands));
  }
  return text;
}

std::string fish_script(const std::vector<CommandEntry>& commands) {
  std::string text = "# perfmodel completion for fish: perfmodel completion fish | source\ncomplete -c perfmodel -f\n";
  for (const CommandEntry& command : commands) {
    const std::string start = fmt::format("complete -c perfmodel -n {}", fish_quoted(fish_condition(command)));
    for (const std::string& name : command.commands) {
      const std::string path = command.path.empty() ? name : command.path + ' ' + name;
      const auto found = std::ranges::find(commands, path, &CommandEntry::path);
      text += fmt::format("{} -a {} -d {}\n", start, name, fish_quoted(found->description));
    }
    if (!command.values.empty()) text += fmt::format("{} -a {}\n", start, fish_quoted(words(command.values)));
    if (command.takes_file) text += fmt::format("{} -F\n", start);
    const std::string options_start = command.path.empty() ? "complete -c perfmodel" : start;
    for (const OptionEntry& option : command.options) {
      text += options_start;
      for (const std::string& name : option.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.takes_value) text += option.takes_file ? " -r -F" : " -x";
      if (!option.values.empty()) text += " -a " + fish_quoted(words(option.values));
      text += " -d " + fish_quoted(option.description) + '\n';
    }
  }
  return text;
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
  static const std::vector<std::string> shells{"bash", "zsh", "fish"};
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  CLI::Option* option = command->add_option("SHELL", *shell, "bash, zsh or fish")->required();
  context.values[option] = shells;
  context.examples[command] =
      "  eval \"$(perfmodel completion bash)\"                     in ~/.bashrc\n"
      "  perfmodel completion fish | source                      in config.fish\n";
  command->callback([&app, &context, shell] {
    const std::size_t chosen = parse_choice("SHELL", *shell, shells);
    std::vector<CommandEntry> commands;
    collect(app, "", context, commands);
    const auto make = std::array{&bash_script, &zsh_script, &fish_script}[chosen];
    Output("").write(make(commands));
  });
}

}  // namespace perfmodel
