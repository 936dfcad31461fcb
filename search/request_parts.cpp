#include "search/request_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "search/program_store.hpp"
#include "support/diagnostic.hpp"
#include "support/suggest.hpp"
#include "support/table.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t longest_program = std::size_t{256} << 10U;
constexpr std::size_t most_moves = 64;

[[noreturn]] void expected(std::string_view key, std::string_view what) {
  throw InputError({}, fmt::format("'{}': expected {}", key, what));
}

double number_of(std::string_view key, const dom::element& value) {
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS) expected(key, "a number");
  return number;
}

std::int32_t count_of(std::string_view key, const dom::element& value) {
  bool flag = false;
  if (value.get(flag) == simdjson::SUCCESS) return flag ? 1 : 0;
  std::int64_t count = 0;
  if (value.get(count) != simdjson::SUCCESS) {
    double number = 0;
    // 128.0 is what some writers make of 128.
    if (value.get(number) != simdjson::SUCCESS ||
        number != static_cast<double>(static_cast<std::int32_t>(std::clamp(number, -2e9, 2e9)))) {
      expected(key, "a whole number");
    }
    count = static_cast<std::int64_t>(number);
  }
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(count, -most, most));
}

void set_column(std::string_view name, const dom::element& value, KernelColumns& columns) {
  if (const auto at = find_kernel_column(name)) {
    columns.set(*at, count_of(name, value));
    return;
  }
  if (name == "impl") {
    columns.impl = parse_impl(text_of(name, value, most_name));
    if (!columns.impl) expected(name, "a code family such as triton or cublas");
    return;
  }
  std::vector<std::string> known{"impl"};
  for (const Column column : kernel_columns) known.emplace_back(column_name(column));
  Diagnostics faults;
  faults.error({}, fmt::format("'{}' is no column of a kernel", name))
      .suggest(name, known)
      .note("known columns: " + join_names(known));
  throw InputError(std::move(faults));
}

void set_parameter(std::string_view name, double value, ProgramCandidate& program) {
  const auto found = std::ranges::find(program.settings, name, &Setting::name);
  if (found != program.settings.end()) {
    found->value = value;
  } else if (program.settings.size() < most_settings) {
    program.settings.push_back({std::string(name), value});
  } else {
    throw InputError({}, fmt::format("'set': {} parameters are the most", most_settings));
  }
}

constexpr std::array<std::string_view, 5> move_keys{"move", "target", "other", "operations", "value"};

Move move_of(const dom::element& element) {
  Move move;
  bool named = false;
  for (const auto [key, value] : object_of("moves", element)) {
    if (key == "move") {
      const std::string kind = text_of(key, value, most_name);
      const auto found = std::ranges::find(move_kind_names, kind);
      if (found == move_kind_names.end()) unknown_key(kind, move_kind_names);
      move.kind = static_cast<MoveKind>(found - move_kind_names.begin());
      named = true;
    } else if (key == "target") {
      move.target = text_of(key, value, most_name);
    } else if (key == "other") {
      move.other = text_of(key, value, most_name);
    } else if (key == "operations") {
      move.operations = names_of(key, value, most_moves);
    } else if (key == "value") {
      move.value = count_of(key, value);
    } else {
      unknown_key(key, move_keys);
    }
  }
  if (!named) throw InputError({}, "'moves': a move needs 'move', its kind");
  return move;
}

void read_moves(const dom::element& value, ProgramCandidate& program) {
  dom::array moves;
  if (value.get(moves) != simdjson::SUCCESS) expected("moves", "a list of moves");
  for (const dom::element& each : moves) {
    if (program.moves.size() >= most_moves) throw InputError({}, fmt::format("'moves': {} are the most", most_moves));
    program.moves.push_back(move_of(each));
  }
}

// A cell of a table from a JSON value.
std::string cell_of(std::string_view key, const dom::element& value) {
  switch (value.type()) {
    case dom::element_type::STRING: return text_of(key, value, most_name);
    case dom::element_type::BOOL: return bool(value) ? "1" : "0";
    case dom::element_type::NULL_VALUE: return {};
    case dom::element_type::INT64: return fmt::format("{}", std::int64_t(value));
    case dom::element_type::UINT64: return fmt::format("{}", std::uint64_t(value));
    case dom::element_type::DOUBLE: return fmt::format("{}", double(value));
    default: expected(key, "a number or text");
  }
}

Suite suite_of_rows(const dom::array& rows) {
  std::vector<Operator> configurations;
  for (const dom::element& row : rows) {
    if (configurations.size() > most_configurations) break;
    try {
      configurations.push_back(operator_of(object_of("configurations", row)));
    } catch (const InputError& error) {
      throw InputError({}, fmt::format("configuration {}: {}", configurations.size(), first_fault(error)));
    }
  }
  return {"", std::move(configurations)};
}

}  // namespace

std::string words_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return "an empty line";
    case simdjson::DEPTH_ERROR: return "nested too deeply";
    case simdjson::UTF8_ERROR: return "not valid UTF-8";
    case simdjson::UNCLOSED_STRING: return "malformed JSON: a string does not end";
    case simdjson::NUMBER_ERROR: return "malformed JSON: a number that is none";
    case simdjson::UNESCAPED_CHARS: return "malformed JSON: a control character in a string";
    case simdjson::STRING_ERROR: return "malformed JSON: a faulty escape in a string";
    case simdjson::CAPACITY: return "the line is too long";
    default: return "malformed JSON";
  }
}

std::string first_fault(const InputError& error) {
  const std::vector<Diagnostic>& found = error.diagnostics().all();
  if (found.empty()) return "unreadable";
  std::string text = found.front().message;
  for (const Note& note : found.front().notes) text += "; " + note.message;
  return text;
}

Operator operator_of(const dom::object& row) {
  CsvWriter header;
  CsvWriter cells;
  std::vector<std::string> names;
  for (const auto [key, value] : row) {
    // A candidate brings its program along and names no file.
    const auto column = find_column(key);
    const bool known = (column && column != Column::program) || key == "name";
    if (!known || std::ranges::find(names, key) != names.end()) {
      throw InputError(
          {}, known ? fmt::format("'{}' is given twice", key) : fmt::format("a table has no column '{}'", key));
    }
    names.emplace_back(key);
    header.cell(key);
    cells.cell(cell_of(key, value));
  }
  if (names.empty()) throw InputError({}, "a configuration without columns");
  header.end_row();
  cells.end_row();
  const Table table = Table::load_text(std::string(header.text()) + std::string(cells.text()), "configuration");
  Diagnostics faults;
  RowReader reader(table, faults);
  Operator op = table.rows() == 1 ? reader.read(0) : Operator{};
  faults.throw_if_errors();
  return op;
}

std::string text_of(std::string_view key, const dom::element& value, std::size_t longest) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) expected(key, "text");
  if (text.size() > longest) {
    throw InputError({}, fmt::format("'{}': {} bytes, {} are the most", key, text.size(), longest));
  }
  return std::string(text);
}

std::vector<std::string> names_of(std::string_view key, const dom::element& value, std::size_t most) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) expected(key, "a list of names");
  std::vector<std::string> names;
  for (const dom::element& each : list) {
    if (names.size() >= most) throw InputError({}, fmt::format("'{}': {} are the most", key, most));
    names.push_back(text_of(key, each, most_name));
  }
  return names;
}

dom::object object_of(std::string_view key, const dom::element& value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) expected(key, "an object");
  return object;
}

bool is_option(std::string_view key) { return key == "fidelity" || key == "incumbent" || key == "cut"; }

bool read_option(std::string_view key, const dom::element& value, ScoreOptions& options) {
  constexpr double tera = 1e12;
  if (key == "fidelity") {
    const std::string name = text_of(key, value, most_name);
    if (name != "bound" && name != "pipeline") expected(key, "'bound' or 'pipeline'");
    options.fidelity = name == "bound" ? Fidelity::bound : Fidelity::pipeline;
  } else if (key == "incumbent") {
    const double tflops = number_of(key, value);
    if (!(tflops >= 0)) expected(key, "a geometric mean in TFLOPS, at least 0");
    options.incumbent = FlopsPerSecond(tera * tflops);
  } else if (key == "cut") {
    options.cut = number_of(key, value);
    if (!(options.cut >= 0 && options.cut < 1)) expected(key, "a number of at least 0 and below 1");
  } else {
    return false;
  }
  return true;
}

void unknown_key(std::string_view key, std::span<const std::string_view> known) {
  const std::vector<std::string> names(known.begin(), known.end());
  const std::string shown(key.substr(0, most_name));
  Diagnostics faults;
  faults.error({}, fmt::format("unknown key '{}'", shown))
      .suggest(shown, names)
      .note("known keys: " + join_names(names));
  throw InputError(std::move(faults));
}

Suite suite_of(std::string_view key, const dom::element& value, const std::optional<Suite>& already) {
  if (already) throw InputError({}, "give 'suite' or 'configurations', once");
  if (key == "configurations") {
    dom::array rows;
    if (value.get(rows) != simdjson::SUCCESS) expected(key, "a list of table rows");
    return suite_of_rows(rows);
  }
  const std::string name = text_of(key, value, most_name);
  if (auto suite = shipped_suite(name)) return *std::move(suite);
  const std::vector<std::string> known = shipped_suite_names();
  Diagnostics faults;
  faults.error({}, fmt::format("unknown suite '{}'", name))
      .suggest(name, known)
      .note("known suites: " + join_names(known));
  throw InputError(std::move(faults));
}

Candidate candidate_of(const dom::object& object, const std::optional<Candidate>& base, bool whole) {
  constexpr std::array<std::string_view, 4> keys{"kernel", "program", "moves", "set"};
  std::optional<KernelColumns> columns;
  std::optional<ProgramCandidate> program;
  const auto the_program = [&]() -> ProgramCandidate& {
    if (!program) {
      const auto* own = base ? std::get_if<ProgramCandidate>(&*base) : nullptr;
      program = own != nullptr ? *own : ProgramCandidate{};
    }
    return *program;
  };
  for (const auto [key, value] : object) {
    if (key == "kernel") {
      const auto* own = base ? std::get_if<KernelColumns>(&*base) : nullptr;
      columns = own != nullptr ? *own : KernelColumns{};
      for (const auto [name, each] : object_of(key, value)) set_column(name, each, *columns);
    } else if (key == "program") {
      the_program().program = text_of(key, value, longest_program);
    } else if (key == "moves") {
      read_moves(value, the_program());
    } else if (key == "set") {
      for (const auto [name, each] : object_of(key, value)) set_parameter(name, number_of(name, each), the_program());
    } else if (whole) {
      unknown_key(key, keys);
    }
  }
  if (columns && program) throw InputError({}, "a candidate is a 'kernel' or a 'program', not both");
  if (program && program->program.empty())
    throw InputError({}, "'moves' and 'set' change a 'program', and there is none");
  if (program) return *std::move(program);
  return columns.value_or(KernelColumns{});
}

void set_values(const dom::element& values, std::span<const std::string> columns, Candidate& candidate) {
  dom::array list;
  if (values.get(list) != simdjson::SUCCESS) expected("values", "a list of numbers");
  std::size_t at = 0;
  for (const dom::element& value : list) {
    if (at == columns.size()) break;
    if (auto* program = std::get_if<ProgramCandidate>(&candidate)) {
      set_parameter(columns[at], number_of(columns[at], value), *program);
    } else {
      set_column(columns[at], value, std::get<KernelColumns>(candidate));
    }
    ++at;
  }
  if (at != columns.size() || list.size() != columns.size()) {
    throw InputError({}, fmt::format("'values': {} values for {} columns", list.size(), columns.size()));
  }
}

}  // namespace perfmodel
