#include "support/table.hpp"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "support/format.hpp"
#include "support/suggest.hpp"
#include "support/text_file.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view line_ends = "\r\n";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The place of a byte of `row`, which starts at the first column of `first_line`.
Location place(const SourcePtr& source, std::string_view row, int first_line, std::size_t offset) {
  Location where{source, first_line, 1};
  for (std::size_t i = 0; i < std::min(offset, row.size()); ++i) {
    if (row[i] == '\n' || (row[i] == '\r' && (i + 1 == row.size() || row[i + 1] != '\n'))) {
      ++where.line;
      where.column = 1;
    } else if (row[i] != '\r' && !is_continuation(row[i])) {
      ++where.column;
    }
  }
  return where;
}

// Where the n-th cell of a row starts, blanks skipped; the row's end if it has fewer cells.
std::size_t cell_offset(std::string_view row, std::size_t column) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < row.size() && column > 0; ++at) {
    if (row[at] == '"') quoted = !quoted;
    if (row[at] == ',' && !quoted) --column;
  }
  while (at < row.size() && (row[at] == ' ' || row[at] == '\t')) ++at;
  return at;
}

// Where the quote that nothing closes stands.
std::size_t open_quote_offset(std::string_view row) {
  std::size_t last = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < row.size(); ++at) {
    if (row[at] != '"') continue;
    if (!quoted) last = at;
    quoted = !quoted;
  }
  return last;
}

}  // namespace

// Feeds libcsv a line at a time: a row is complete when libcsv says so at the end of a line, and that is how its
// extent in the source is known. libcsv itself gives no positions.
class TableParser {
 public:
  explicit TableParser(SourcePtr source) {
    table_.source_ = std::move(source);
    start_libcsv();
  }
  TableParser(const TableParser&) = delete;
  TableParser& operator=(const TableParser&) = delete;
  ~TableParser() { csv_free(&csv_); }

  Table parse() {
    const std::string_view text = table_.source_->text;
    reserve(text);
    int line = 1;
    for (std::size_t begin = 0; begin < text.size(); ++line) {
      const std::size_t end = std::min(text.find_first_of(line_ends, begin), text.size());
      const bool crlf = text.substr(end, 2) == line_ends;
      const std::size_t next = std::min(end + (crlf ? 2 : 1), text.size());
      take_line({begin, end, next}, line);
      begin = next;
    }
    finish_last_row();
    if (!has_header_) throw InputError({table_.source_, 1, 1}, "has no header row");
    diagnostics_.throw_if_errors();
    return std::move(table_);
  }

 private:
  struct Line {
    std::size_t begin;
    std::size_t end;   // of the text
    std::size_t next;  // after the line end
  };

  void start_libcsv() {
    if (csv_init(&csv_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw RuntimeError("libcsv does not start");
  }

  void reserve(std::string_view text) {
    table_.cells_.reserve(text.size());
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    const std::string_view first = text.substr(0, text.find_first_of(line_ends));
    const auto columns = static_cast<std::size_t>(std::count(first.begin(), first.end(), ',')) + 1;
    table_.row_starts_.reserve(lines);
    // Never more cells than commas and line ends, whatever the first line pretends.
    table_.cell_ends_.reserve(std::min(lines * columns, text.size()) + 2);
    table_.cell_ends_.push_back(0);
  }

  void take_line(const Line& line, int number) {
    const std::string_view text = table_.source_->text;
    if (!in_row_) {
      const bool blank = text.substr(line.begin, line.end - line.begin).find_first_not_of(" \t") == std::string::npos;
      if (blank) return;
      in_row_ = true;
      row_ = {static_cast<std::uint32_t>(line.begin), 0, number};
      row_cells_ = 0;
    }
    row_.size = static_cast<std::uint32_t>(line.end - row_.begin);
    row_done_ = false;
    const std::size_t size = line.next - line.begin;
    const std::size_t taken = csv_parse(&csv_, text.data() + line.begin, size, &on_cell, &on_row, this);
    if (taken < size) {
      stray_quote(line.begin + taken);
    } else if (row_done_) {
      end_row();
    }
  }

  void finish_last_row() {
    if (!in_row_) return;
    row_done_ = false;
    if (csv_fini(&csv_, &on_cell, &on_row, this) != 0) {
      const std::string_view row = table_.text_of(row_);
      diagnostics_.error(place(table_.source_, row, row_.line, open_quote_offset(row)), "quote is never closed");
      has_header_ = true;
      return;
    }
    end_row();
  }

  static void on_cell(void* text, std::size_t size, void* self) {
    auto& parser = *static_cast<TableParser*>(self);
    parser.table_.cells_.append(static_cast<const char*>(text), size);
    parser.table_.cell_ends_.push_back(static_cast<std::uint32_t>(parser.table_.cells_.size()));
    ++parser.row_cells_;
  }
  static void on_row(int /*terminator*/, void* self) { static_cast<TableParser*>(self)->row_done_ = true; }

  // libcsv cannot go on after a fault: start afresh with the next line.
  void stray_quote(std::size_t offset) {
    const std::string_view row = table_.text_of(row_);
    // libcsv notices a quote inside of a quoted cell one character late.
    std::size_t at = offset - row_.begin;
    if (at < row.size() && row[at] != '"' && at > 0) at = std::min(row.rfind('"', at), at);
    diagnostics_.error(place(table_.source_, row, row_.line, at), "stray quote in a cell")
        .note("put the whole cell in quotes and double the quotes inside: \"a \"\"b\"\" c\"");
    csv_free(&csv_);
    start_libcsv();
    drop_cells(row_cells_);
    in_row_ = false;
    has_header_ = has_header_ || row_.begin == 0;
  }

  void drop_cells(std::size_t count) {
    table_.cell_ends_.resize(table_.cell_ends_.size() - count);
    table_.cells_.resize(table_.cell_ends_.back());
  }

  void end_row() {
    in_row_ = false;
    if (!has_header_) {
      take_header();
    } else if (row_cells_ == table_.columns() || table_.columns() == 0) {
      table_.row_starts_.push_back(row_);
    } else {
      ragged_row();
    }
  }

  void take_header() {
    has_header_ = true;
    table_.header_ = row_;
    std::unordered_map<std::string_view, std::size_t> seen;
    table_.names_.resize(row_cells_);
    for (std::size_t column = 0; column < row_cells_; ++column) {
      table_.names_[column] = std::string(table_.cell(0, column));
    }
    for (std::size_t column = 0; column < row_cells_; ++column) {
      const auto [first, fresh] = seen.emplace(table_.names_[column], column);
      if (fresh) continue;
      diagnostics_
          .error(table_.header_location(column), fmt::format("column '{}' is given twice", table_.names_[column]))
          .note(table_.header_location(first->second), "first given here");
    }
    drop_cells(row_cells_);
  }

  void ragged_row() {
    const std::size_t wanted = table_.columns();
    const std::size_t at = row_cells_ > wanted ? wanted : row_cells_;
    Location where = table_.place_in(row_, at);
    if (row_cells_ < wanted) {
      const std::string_view row = table_.text_of(row_);
      where = place(table_.source_, row, row_.line, row.size());
    }
    const std::string_view plural = row_cells_ == 1 ? "" : "s";
    diagnostics_.error(where, fmt::format("row has {} cell{}, the header has {}", row_cells_, plural, wanted));
    drop_cells(row_cells_);
  }

  Table table_;
  Diagnostics diagnostics_;
  csv_parser csv_{};
  Table::Extent row_;
  std::size_t row_cells_ = 0;
  bool in_row_ = false;    // a row has begun, and a quoted line end may have kept it open
  bool row_done_ = false;  // libcsv saw the end of a row
  bool has_header_ = false;
};

Table Table::load_file(const std::string& path, std::size_t max_size) {
  const SourcePtr source = read_source(path, std::min<std::size_t>(max_size, std::numeric_limits<std::int32_t>::max()));
  require_text(source, /*require_utf8=*/false);
  return TableParser(source).parse();
}

Table Table::load_text(std::string text, std::string_view name) {
  const SourcePtr source = make_source(name, std::move(text));
  require_text(source, /*require_utf8=*/false);
  return TableParser(source).parse();
}

std::optional<std::size_t> Table::column(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

std::string_view Table::text_of(const Extent& extent) const {
  return std::string_view(source_->text).substr(extent.begin, extent.size);
}

std::string_view Table::raw_row(std::size_t row) const { return text_of(row_starts_[row]); }
std::string_view Table::raw_header() const { return text_of(header_); }

Location Table::place_in(const Extent& extent, std::size_t column) const {
  const std::string_view row = text_of(extent);
  return place(source_, row, extent.line, cell_offset(row, column));
}

Location Table::location(std::size_t row) const { return {source_, row_starts_[row].line, 1}; }
Location Table::location(std::size_t row, std::size_t column) const { return place_in(row_starts_[row], column); }
Location Table::header_location(std::size_t column) const { return place_in(header_, column); }

std::optional<std::int64_t> Table::integer(std::size_t row, std::size_t column, Diagnostics& diagnostics,
                                           const IntegerRange& range) const {
  const std::string_view text = cell(row, column);
  if (text.empty()) return std::nullopt;
  const ParsedInteger parsed = parse_integer(text, range);
  if (parsed.error.empty()) return parsed.value;
  diagnostics.error(location(row, column), fmt::format("'{}': {}", names_[column], parsed.error));
  return std::nullopt;
}

std::optional<double> Table::number(std::size_t row, std::size_t column, Diagnostics& diagnostics,
                                    const NumberRange& range) const {
  const std::string_view text = cell(row, column);
  if (text.empty()) return std::nullopt;
  const ParsedNumber parsed = parse_number(text, range);
  if (parsed.error.empty()) return parsed.value;
  diagnostics.error(location(row, column), fmt::format("'{}': {}", names_[column], parsed.error));
  return std::nullopt;
}

std::optional<std::size_t> Table::choice(std::size_t row, std::size_t column, Diagnostics& diagnostics,
                                         const std::vector<std::string>& names) const {
  const std::string_view text = cell(row, column);
  if (text.empty()) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  diagnostics.error(location(row, column), fmt::format("'{}': unknown value '{}'", names_[column], text))
      .suggest(text, names)
      .note("known values: " + join_names(names));
  return std::nullopt;
}

CsvWriter& CsvWriter::cell(std::string_view text) {
  separate();
  const bool blank_ends = !text.empty() && (trimmed(text).size() != text.size());
  const bool byte_order_mark = text.starts_with("\xEF\xBB\xBF");  // would be dropped at the start of a file
  if (!blank_ends && !byte_order_mark && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    text_ += text;
    return *this;
  }
  text_ += '"';
  for (const char c : text) {
    if (c == '"') text_ += '"';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

CsvWriter& CsvWriter::cell(double value) { return raw(format_exact(value)); }

CsvWriter& CsvWriter::raw(std::string_view cells) {
  separate();
  text_ += cells;
  return *this;
}

CsvWriter& CsvWriter::end_row() {
  text_ += '\n';
  row_open_ = false;
  return *this;
}

void CsvWriter::separate() {
  if (row_open_) text_ += ',';
  row_open_ = true;
}

}  // namespace perfmodel
