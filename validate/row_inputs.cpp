#include "validate/row_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/table_columns.hpp"

namespace perfmodel {

std::string inputs_of(const Table& table, std::size_t row, const Operator& op,
                      std::span<const std::string_view> left_out) {
  std::string text;
  for (const std::string& column : columns_of(op_of(op))) {
    const auto at = table.column(column);
    if (!at || table.cell(row, *at).empty() || column == "op") continue;
    if (std::ranges::find(left_out, column) != left_out.end()) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", column, table.cell(row, *at));
  }
  return text;
}

}  // namespace perfmodel
