#include "cli/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "support/suggest.hpp"

namespace perfmodel {

void print_note(const Context& context, std::string_view message) {
  const bool colour = context.colour_on(STDERR_FILENO);
  fmt::print(stderr, "{}note:{} {}\n", colour ? "\x1b[36m" : "", colour ? "\x1b[0m" : "", message);
}

void report_warnings(const Context& context, const Diagnostics& warnings, bool strict) {
  if (warnings.all().empty()) return;
  if (!strict) {
    fmt::print(stderr, "{}", warnings.format(context.colour_on(STDERR_FILENO)));
    return;
  }
  Diagnostics errors;
  for (const Diagnostic& warning : warnings.all()) {
    Diagnostic& error = errors.error(warning.location, warning.message);
    error.notes = warning.notes;
    error.note("a warning, and --strict makes it an error");
  }
  errors.throw_if_errors();
}

std::size_t parse_choice(std::string_view option, std::string_view text, const std::vector<std::string>& names) {
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  Diagnostics faults;
  faults.error(file_location(option), fmt::format("unknown value '{}'", text))
      .suggest(text, names)
      .note("known values: " + join_names(names));
  throw InputError(std::move(faults));
}

void Output::write(std::string_view content) {
  try {
    file_.commit(content);
  } catch (const RuntimeError& error) {
    if (!terminal_) throw;
    // The message begins with the file's name, "-".
    throw RuntimeError("standard output" + std::string(error.what()).substr(1));
  }
}

bool Output::coloured(const Context& context) const {
  return terminal_ ? context.colour_on(STDOUT_FILENO) : context.colour == ColourMode::always;
}

}  // namespace perfmodel
