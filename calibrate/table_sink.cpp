#include "calibrate/table_sink.hpp"

#include <algorithm>
#include <filesystem>

#include "support/atomic_file.hpp"
#include "support/table.hpp"

namespace perfmodel {

void append(Cells& cells, const Cells& more) { cells.insert(cells.end(), more.begin(), more.end()); }

TableSink::TableSink(std::string path) : path_(std::move(path)) {
  std::error_code code;
  if (!std::filesystem::exists(path_, code)) return;
  const Table table = Table::load_file(path_);
  columns_ = table.names();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::vector<std::string>& cells = rows_.emplace_back();
    for (std::size_t column = 0; column < table.columns(); ++column) cells.emplace_back(table.cell(row, column));
  }
}

bool TableSink::has(const Cells& inputs) const {
  return std::ranges::any_of(rows_, [&](const std::vector<std::string>& row) {
    return std::ranges::all_of(inputs, [&](const auto& cell) {
      const auto column = std::ranges::find(columns_, cell.first);
      const auto index = static_cast<std::size_t>(column - columns_.begin());
      // A column that the table does not have is empty in every row.
      return (index < row.size() ? row[index] : std::string()) == cell.second;
    });
  });
}

void TableSink::add(const Cells& cells) {
  std::vector<std::string>& row = rows_.emplace_back();
  for (const auto& [name, text] : cells) {
    const auto column = std::ranges::find(columns_, name);
    const auto index = static_cast<std::size_t>(column - columns_.begin());
    if (column == columns_.end()) columns_.push_back(name);
    if (row.size() <= index) row.resize(index + 1);
    row[index] = text;
  }
  CsvWriter csv;
  for (const std::string& column : columns_) csv.cell(column);
  csv.end_row();
  for (const std::vector<std::string>& cells_of_row : rows_) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      csv.cell(i < cells_of_row.size() ? std::string_view(cells_of_row[i]) : std::string_view());
    }
    csv.end_row();
  }
  write_file_atomically(path_, csv.text());
}

}  // namespace perfmodel
