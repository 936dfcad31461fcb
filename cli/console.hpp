// What goes to standard error: notes, warnings, errors. Results go through Output.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.hpp"
#include "support/atomic_file.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

// "note: ..." on standard error.
void print_note(const Context& context, std::string_view message);

// The kept warnings on standard error; with `strict` they are thrown as errors instead.
void report_warnings(const Context& context, const Diagnostics& warnings, bool strict);

// The value of an option that takes one of a few names: its index. Throws InputError with the nearest name.
std::size_t parse_choice(std::string_view option, std::string_view text, const std::vector<std::string>& names);

// Where a command's result goes: a file or standard output. Opened before the work, written whole at its end.
class Output {
 public:
  // "" and "-" stand for standard output. Throws InputError if the file cannot be created.
  explicit Output(const std::string& path) : file_(path.empty() ? "-" : path), terminal_(path.empty() || path == "-") {}

  // Throws RuntimeError if it cannot be written.
  void write(std::string_view content);
  [[nodiscard]] bool coloured(const Context& context) const;

 private:
  AtomicFile file_;
  bool terminal_;
};

}  // namespace perfmodel
