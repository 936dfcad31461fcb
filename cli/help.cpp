#include "cli/help.hpp"

namespace perfmodel {

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
  std::string text = app->get_description() + "\n";
  const auto examples = context_.examples.find(app);
  if (examples != context_.examples.end()) text += "\nExamples:\n" + examples->second;
  text += '\n' + make_usage(app, name);
  text += make_positionals(app);
  text += make_groups(app, mode);
  text += make_subcommands(app, mode);
  if (!app->get_footer().empty()) text += "\n" + app->get_footer() + "\n";
  return text;
}

}  // namespace perfmodel
