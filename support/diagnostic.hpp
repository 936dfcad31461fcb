// Located faults: where in which input, what is wrong, what to do about it. A reader collects every fault of a file
// in a Diagnostics and throws them together as one InputError; the command line prints its text and exits 2.
//
//     llama2_block.yaml:7:3: error: unknown key 'sequense'
//       sequense: 4096
//       ^
//     note: did you mean 'sequence'?
//     note: known keys: model, sequence, batch
#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perfmodel {

// A named input text, shared by all the locations that point into it.
struct Source {
  std::string name;
  std::string text;
};
using SourcePtr = std::shared_ptr<const Source>;

// A place in an input. Line and column count from 1, columns in characters (not bytes); 0 means unknown, and a
// Location without source means that there is no place to show.
struct Location {
  SourcePtr source;
  int line = 0;
  int column = 0;

  // g++ 12 destroys a braced aggregate inside another one twice when a later member's initialiser throws, so this is
  // no aggregate.
  Location() = default;
  Location(SourcePtr in, int at_line, int at_column) : source(std::move(in)), line(at_line), column(at_column) {}

  [[nodiscard]] bool known() const { return source != nullptr; }
  // "file:line:col", "file:line", "file" or "", as far as known.
  [[nodiscard]] std::string text() const;
};

// A place in a file of which only the name is known, such as one that cannot be opened.
Location file_location(std::string_view name);

enum class Severity { warning, error };

struct Note {
  Location location;
  std::string message;
};

struct Diagnostic {
  Severity severity = Severity::error;
  Location location;
  std::string message;
  std::vector<Note> notes;

  // Adds a note and returns the diagnostic, for chaining.
  Diagnostic& note(std::string text);
  Diagnostic& note(Location where, std::string text);
  // Adds "did you mean 'x'?" when a candidate is near.
  Diagnostic& suggest(std::string_view name, const std::vector<std::string>& candidates);
};

// Compiler style, ending in a newline: message, source line clipped to 72 columns with a caret, then the notes.
// With colour, the severity and the caret are set off by ANSI codes.
std::string format_diagnostic(const Diagnostic& diagnostic, bool colour = false);

// Collects faults. The first `max_kept` errors and warnings are kept and the rest counted, so that a large broken
// table stays bounded.
class Diagnostics {
 public:
  static constexpr std::size_t max_kept = 50;

  // The reference is valid until the next call; meant for chaining notes.
  Diagnostic& error(Location where, std::string message);
  Diagnostic& warning(Location where, std::string message);
  // Appends what another collector found.
  void append(const Diagnostics& other);

  [[nodiscard]] bool has_errors() const { return error_count_ > 0; }
  [[nodiscard]] std::size_t error_count() const { return error_count_; }
  [[nodiscard]] std::size_t warning_count() const { return warning_count_; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return kept_; }

  // Every kept diagnostic in order, then "N more errors not shown" if any were dropped.
  [[nodiscard]] std::string format(bool colour = false) const;
  // Throws InputError if there is an error; warnings alone do not throw.
  void throw_if_errors() const;

 private:
  Diagnostic& add(Severity severity, Location where, std::string message);

  std::vector<Diagnostic> kept_;
  Diagnostic dropped_;
  std::size_t error_count_ = 0;
  std::size_t warning_count_ = 0;
};

// Bad input or a bad command line: exit code 2. what() is the full text, without colour.
class InputError : public std::runtime_error {
 public:
  explicit InputError(Diagnostics diagnostics);
  // One fault; location and notes may be empty.
  InputError(Location where, std::string message, std::vector<Note> notes = {});

  [[nodiscard]] const Diagnostics& diagnostics() const { return *diagnostics_; }
  [[nodiscard]] std::string format(bool colour = false) const { return diagnostics_->format(colour); }

 private:
  std::shared_ptr<const Diagnostics> diagnostics_;  // shared, so that copying the exception cannot throw
};

// The input is fine and the work failed (disk full, no such device): exit code 1.
class RuntimeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace perfmodel
