#include "search/candidate.hpp"

#include <algorithm>

namespace perfmodel {

std::optional<std::size_t> find_kernel_column(std::string_view name) {
  for (std::size_t i = 0; i < kernel_columns.size(); ++i) {
    if (column_name(kernel_columns[i]) == name) return i;
  }
  return std::nullopt;
}

bool is_program_text(std::string_view program) { return program.find('\n') != std::string_view::npos; }

}  // namespace perfmodel
