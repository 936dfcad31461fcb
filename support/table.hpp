// CSV tables: a header row, then rows of as many cells. Comma separated, cells in double quotes where they hold a
// comma, a quote (doubled) or a line end; LF, CRLF or CR line ends; a leading byte-order mark, blank lines and
// blanks around unquoted cells do not matter.
//
// All faults of a table are reported in one run: ragged rows, stray and unclosed quotes, duplicate column names.
// A table without header or with NUL bytes is refused outright.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/parse.hpp"

namespace perfmodel {

class Table {
 public:
  // Throws InputError with every fault. "-" is standard input. A header alone is a table of no rows.
  static Table load_file(const std::string& path, std::size_t max_size = default_max_size);
  static Table load_text(std::string text, std::string_view name);

  static constexpr std::size_t default_max_size = std::size_t{1} << 30U;  // bytes

  [[nodiscard]] std::size_t rows() const { return row_starts_.size(); }
  [[nodiscard]] std::size_t columns() const { return names_.size(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  // The index of a column, nothing if the table has no such column. Look it up once, not in every row.
  [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const;

  // The cell's text, quotes resolved, "" for an empty cell. Valid as long as the table.
  [[nodiscard]] std::string_view cell(std::size_t row, std::size_t column) const {
    const std::size_t index = row * names_.size() + column;
    return std::string_view(cells_).substr(cell_ends_[index], cell_ends_[index + 1] - cell_ends_[index]);
  }

  // The row or header as it stands in the input, without line end: a prefix for an output row.
  [[nodiscard]] std::string_view raw_row(std::size_t row) const;
  [[nodiscard]] std::string_view raw_header() const;

  // Typed cells. Empty: nothing, and no fault. Malformed or out of range: nothing, with the fault recorded at the
  // cell, "'m': expected a positive integer, not '12x'".
  std::optional<std::int64_t> integer(std::size_t row, std::size_t column, Diagnostics& diagnostics,
                                      const IntegerRange& range = {}) const;
  std::optional<double> number(std::size_t row, std::size_t column, Diagnostics& diagnostics,
                               const NumberRange& range = {}) const;
  // The index in `names`.
  std::optional<std::size_t> choice(std::size_t row, std::size_t column, Diagnostics& diagnostics,
                                    const std::vector<std::string>& names) const;

  // Where a row, a cell or a column's name stands.
  [[nodiscard]] Location location(std::size_t row) const;
  [[nodiscard]] Location location(std::size_t row, std::size_t column) const;
  [[nodiscard]] Location header_location(std::size_t column) const;
  [[nodiscard]] const std::string& name() const { return source_->name; }

 private:
  friend class TableParser;

  // A row's bytes in the source.
  struct Extent {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    int line = 0;
  };

  [[nodiscard]] std::string_view text_of(const Extent& extent) const;
  [[nodiscard]] Location place_in(const Extent& extent, std::size_t column) const;

  SourcePtr source_;
  std::vector<std::string> names_;
  Extent header_;
  std::vector<Extent> row_starts_;
  std::string cells_;                     // the text of all cells on end
  std::vector<std::uint32_t> cell_ends_;  // one more than cells, the first is 0
};

// Writes rows of cells, quoting where needed.
class CsvWriter {
 public:
  CsvWriter& cell(std::string_view text);
  // The shortest text that reads back as the same number; empty for NaN and infinities.
  CsvWriter& cell(double value);
  // Text that is already CSV, such as Table::raw_row(); may hold several cells.
  CsvWriter& raw(std::string_view cells);
  CsvWriter& end_row();

  [[nodiscard]] const std::string& text() const { return text_; }
  void reserve(std::size_t bytes) { text_.reserve(bytes); }

 private:
  void separate();

  std::string text_;
  bool row_open_ = false;
};

}  // namespace perfmodel
