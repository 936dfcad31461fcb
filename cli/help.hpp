// The layout of --help: what the command is for, examples, then its arguments and options.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/context.hpp"

namespace perfmodel {

class HelpFormatter : public CLI::Formatter {
 public:
  // The context must outlive the formatter.
  explicit HelpFormatter(const Context& context) : context_(context) { column_width(28); }

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  const Context& context_;
};

}  // namespace perfmodel
