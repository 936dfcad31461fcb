// Any text at all is either read or refused by the table reader; what is read, written again, reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "support/table.hpp"

namespace {

using namespace perfmodel;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_every_cell(const Table& table) {
  Diagnostics faults;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t column = 0; column < table.columns(); ++column) {
      table.integer(row, column, faults, IntegerRange::positive());
      table.number(row, column, faults);
      table.choice(row, column, faults, {"fp16", "bf16"});
    }
  }
  (void)faults.format();
}

std::string rewritten(const Table& table) {
  CsvWriter writer;
  for (const std::string& name : table.names()) writer.cell(name);
  writer.end_row();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t column = 0; column < table.columns(); ++column) writer.cell(table.cell(row, column));
    writer.end_row();
  }
  return writer.text();
}

// The rows as they stand in the input with a column more, as `predict` writes them.
std::string extended(const Table& table) {
  CsvWriter writer;
  writer.raw(table.raw_header()).cell("one column more").end_row();
  for (std::size_t row = 0; row < table.rows(); ++row) writer.raw(table.raw_row(row)).cell("x, y").end_row();
  return writer.text();
}

void require_same_cells(const Table& a, const Table& b) {
  require(a.rows() == b.rows());
  for (std::size_t row = 0; row < a.rows(); ++row) {
    for (std::size_t column = 0; column < a.columns(); ++column) require(a.cell(row, column) == b.cell(row, column));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Table table;
  try {
    table = Table::load_text(std::string(reinterpret_cast<const char*>(data), size), "in.csv");
  } catch (const InputError&) {
    return 0;
  }
  read_every_cell(table);
  // At the start of a text a byte-order mark is no part of the first name.
  const bool marked = table.raw_header().starts_with("\xEF\xBB\xBF");
  if (!marked) require_same_cells(table, Table::load_text(extended(table), "extended.csv"));
  // A row of one empty cell is a blank line when written, and blank lines are skipped.
  if (table.columns() > 1) require_same_cells(table, Table::load_text(rewritten(table), "rewritten.csv"));
  return 0;
}
