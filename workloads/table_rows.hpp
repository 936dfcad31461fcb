// Rows of a CSV table as operators. The columns read are those listed for the row's `op` in docs/table-schema.md;
// every other column passes through unread.
//
//     const Table table = Table::load_file(path);
//     Diagnostics faults;
//     RowReader rows(table, faults);
//     std::vector<Operator> operators;
//     for (std::size_t row = 0; row < table.rows(); ++row) operators.push_back(rows.read(row));
//     faults.throw_if_errors();      // warnings stay in faults
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/table.hpp"
#include "workloads/operator.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {

// Reads rows one by one; columns are looked up once. Faults of all rows gather in the Diagnostics given.
class RowReader {
 public:
  // Records a missing `op` column, and warns of columns that look like a listed one misspelt. The table and the
  // diagnostics must outlive the reader.
  RowReader(const Table& table, Diagnostics& diagnostics);

  // The operator of a row; with default values where a cell is faulty.
  Operator read(std::size_t row);

 private:
  [[nodiscard]] std::size_t index(Column column) const {
    return static_cast<std::size_t>(at_[static_cast<std::size_t>(column)]);
  }
  [[nodiscard]] bool has(Column column) const { return at_[static_cast<std::size_t>(column)] >= 0; }
  [[nodiscard]] std::string_view text(Column column) const;
  void fault(Column column, std::string message);
  template <class Faults>
  void record(const Faults& faults);

  std::int64_t size(Column column);
  int count(Column column);
  std::optional<int> optional_count(Column column, int min = 1);
  std::optional<bool> flag(Column column);
  double probability(Column column);
  template <class Enum>
  std::optional<Enum> choice(Column column);
  Dtype dtype(Column column);
  Impl impl(Column column, Family otherwise);
  bool require(Column column);

  Gemm gemm();
  Attention attention();
  Rng rng(Column elements, Column rounds, Column bits, Column ctas, Column threads, Column registers);
  Overlap overlap();
  BlockRow block();
  MemoryBound membound(std::optional<MemoryKind> kind);
  DataKind data();
  BenchTimes bench_times(Timer timer);
  std::shared_ptr<const KernelProgram> program(const Work& work);
  void warn_of_near_misses(const std::set<Op>& present);
  std::set<Op> present_ops() const;

  const Table& table_;
  Diagnostics& diagnostics_;
  std::array<std::int32_t, column_count> at_{};
  std::array<bool, column_count> missed_{};  // reported as missing already
  std::size_t row_ = 0;
  Op op_ = Op::gemm;
  std::vector<std::string> models_;  // shipped, listed when first needed
  std::string known_model_;          // the last that was found
  std::map<std::string, std::shared_ptr<const KernelProgram>, std::less<>> programs_;  // null: faulty, and said so
};

// Every row of a table. Throws InputError with all faults; what was only a warning is appended to `warnings`.
std::vector<Operator> read_rows(const Table& table, Diagnostics& warnings);

}  // namespace perfmodel
