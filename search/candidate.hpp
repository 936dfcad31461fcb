// What a search proposes: a kernel of a library by the columns of its table row, or a program with settings and typed
// moves. Neither can change the work: that is the suite's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "search/move.hpp"
#include "workloads/operator.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {

// The columns of a table row that describe a compiled kernel and its launch, `impl` apart.
inline constexpr std::array<Column, 13> kernel_columns{
    Column::cta_m,   Column::cta_n,     Column::cta_k, Column::stages, Column::cluster, Column::split_k, Column::ctas,
    Column::threads, Column::registers, Column::smem,  Column::warps,  Column::tma,     Column::spills};

// The position of a column in kernel_columns; nothing for one of the work's.
std::optional<std::size_t> find_kernel_column(std::string_view name);

// Values for some of the kernel columns; the others stay as the configuration has them.
struct KernelColumns {
  std::array<std::int32_t, kernel_columns.size()> values{};
  std::uint32_t given = 0;  // a bit for each of kernel_columns
  std::optional<Impl> impl{};

  void set(std::size_t column, std::int32_t value) {
    values[column] = value;
    given |= 1U << column;
  }
  [[nodiscard]] bool has(std::size_t column) const { return (given >> column & 1U) != 0; }

  bool operator==(const KernelColumns&) const = default;
};

// A parameter of a program and its value.
struct Setting {
  std::string name;
  double value = 0;

  bool operator==(const Setting&) const = default;
};

struct ProgramCandidate {
  std::string program;  // the name of a shipped one, or the text of one
  std::vector<Move> moves{};
  std::vector<Setting> settings{};

  bool operator==(const ProgramCandidate&) const = default;
};

using Candidate = std::variant<KernelColumns, ProgramCandidate>;

// Text with a line end is a program, anything else the name of one.
bool is_program_text(std::string_view program);

}  // namespace perfmodel
