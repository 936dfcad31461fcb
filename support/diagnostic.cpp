#include "support/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "support/suggest.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t clip_columns = 72;

// Line `number` (from 1) of a text, without its line end.
std::string_view line_of(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const std::size_t end = text.find_first_of("\r\n", 0);
    if (end == std::string_view::npos) return {};
    const bool crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (crlf ? 2 : 1));
  }
  return text.substr(0, text.find_first_of("\r\n"));
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The characters of a line, each a string of its own, safe to show on a terminal one column wide.
std::vector<std::string> visible_characters(std::string_view line) {
  std::vector<std::string> characters;
  for (const char c : line) {
    if (is_continuation(c) && !characters.empty()) {
      characters.back() += c;
    } else if (c == '\t') {
      characters.emplace_back(" ");
    } else if (static_cast<unsigned char>(c) < 0x20U || c == '\x7f') {
      characters.emplace_back("?");
    } else {
      characters.emplace_back(1, c);
    }
  }
  return characters;
}

// Keeps a window of 72 columns around the caret; "..." marks what is cut.
std::string caret_lines(const Location& location, std::string_view caret) {
  if (!location.known() || location.line <= 0) return {};
  const std::vector<std::string> characters = visible_characters(line_of(location.source->text, location.line));
  if (characters.empty() || location.column <= 0) return {};
  const std::size_t at = std::min(static_cast<std::size_t>(location.column - 1), characters.size());
  std::size_t first = 0;
  if (characters.size() > clip_columns && at + 12 > clip_columns) first = at - std::min(at, clip_columns / 2);
  const std::size_t last = std::min(characters.size(), first + clip_columns);

  std::string shown = first > 0 ? "..." : "";
  const std::size_t indent = shown.size() + (at - first);
  for (std::size_t i = first; i < last; ++i) shown += characters[i];
  if (last < characters.size()) shown += "...";
  return fmt::format("  {}\n  {}{}\n", shown, std::string(indent, ' '), caret);
}

std::string prefix(const Location& location) {
  const std::string where = location.text();
  return where.empty() ? "" : where + ": ";
}

}  // namespace

std::string Location::text() const {
  if (!source) return {};
  if (line <= 0) return source->name;
  if (column <= 0) return fmt::format("{}:{}", source->name, line);
  return fmt::format("{}:{}:{}", source->name, line, column);
}

Location file_location(std::string_view name) {
  return {std::make_shared<const Source>(Source{std::string(name), {}}), 0, 0};
}

Diagnostic& Diagnostic::note(std::string text) {
  notes.push_back({{}, std::move(text)});
  return *this;
}

Diagnostic& Diagnostic::note(Location where, std::string text) {
  notes.push_back({std::move(where), std::move(text)});
  return *this;
}

Diagnostic& Diagnostic::suggest(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = nearest_name(name, candidates);
  return nearest.empty() ? *this : note("did you mean '" + nearest + "'?");
}

std::string format_diagnostic(const Diagnostic& diagnostic, bool colour) {
  const bool is_error = diagnostic.severity == Severity::error;
  const std::string_view word = is_error ? "error" : "warning";
  const std::string_view paint = is_error ? "\x1b[1;31m" : "\x1b[1;35m";
  const auto painted = [&](std::string_view text, std::string_view code) {
    return colour ? fmt::format("{}{}\x1b[0m", code, text) : std::string(text);
  };
  std::string text = fmt::format("{}{} {}\n", prefix(diagnostic.location), painted(fmt::format("{}:", word), paint),
                                 diagnostic.message);
  text += caret_lines(diagnostic.location, painted("^", "\x1b[1;32m"));
  for (const Note& note : diagnostic.notes) {
    text += fmt::format("{}{} {}\n", prefix(note.location), painted("note:", "\x1b[1;36m"), note.message);
    text += caret_lines(note.location, painted("^", "\x1b[1;32m"));
  }
  return text;
}

Diagnostic& Diagnostics::error(Location where, std::string message) {
  ++error_count_;
  return add(Severity::error, std::move(where), std::move(message));
}

Diagnostic& Diagnostics::warning(Location where, std::string message) {
  ++warning_count_;
  return add(Severity::warning, std::move(where), std::move(message));
}

Diagnostic& Diagnostics::add(Severity severity, Location where, std::string message) {
  const auto same = static_cast<std::size_t>(
      std::count_if(kept_.begin(), kept_.end(), [&](const Diagnostic& kept) { return kept.severity == severity; }));
  Diagnostic& slot = same < max_kept ? kept_.emplace_back() : dropped_;
  slot = {severity, std::move(where), std::move(message), {}};
  return slot;
}

void Diagnostics::append(const Diagnostics& other) {
  for (const Diagnostic& diagnostic : other.kept_) {
    add(diagnostic.severity, diagnostic.location, diagnostic.message).notes = diagnostic.notes;
  }
  error_count_ += other.error_count_;
  warning_count_ += other.warning_count_;
}

std::string Diagnostics::format(bool colour) const {
  std::string text;
  for (const Diagnostic& diagnostic : kept_) text += format_diagnostic(diagnostic, colour);
  const auto kept_errors = static_cast<std::size_t>(std::count_if(
      kept_.begin(), kept_.end(), [](const Diagnostic& kept) { return kept.severity == Severity::error; }));
  const std::size_t errors = error_count_ - kept_errors;
  const std::size_t warnings = warning_count_ - (kept_.size() - kept_errors);
  if (errors > 0) text += fmt::format("note: {} more error{} not shown\n", errors, errors == 1 ? "" : "s");
  if (warnings > 0) text += fmt::format("note: {} more warning{} not shown\n", warnings, warnings == 1 ? "" : "s");
  return text;
}

void Diagnostics::throw_if_errors() const {
  if (has_errors()) throw InputError(*this);
}

InputError::InputError(Diagnostics diagnostics)
    : std::runtime_error(diagnostics.format()),
      diagnostics_(std::make_shared<const Diagnostics>(std::move(diagnostics))) {}

InputError::InputError(Location where, std::string message, std::vector<Note> notes)
    : InputError([&] {
        Diagnostics one;
        one.error(std::move(where), std::move(message)).notes = std::move(notes);
        return one;
      }()) {}

}  // namespace perfmodel
