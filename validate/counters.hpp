// Hardware counters of whole kernels against the model: what share of each pipe's slots a kernel used, and how many
// bytes passed at each level of the memory. A time may be right for the wrong reason; these figures tell.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/table.hpp"
#include "validate/row_predictor.hpp"

namespace perfmodel {

// How a counter's error is taken.
enum class CounterKind {
  utilisation,  // a share of the peak over the kernel's time; errors in points of it
  bytes,        // errors relative to the measured bytes
};

// A counter column of a table: `tensor_pct` holds percent, `dram_read_bytes` bytes.
struct Counter {
  std::string_view column;
  std::string_view name;  // in reports
  CounterKind kind;
};

// All that a table may have, in the order of the reports.
const std::vector<Counter>& counters();

// Predicted and measured value of one counter for one row; shares from 0 to 1, or bytes.
struct CounterPair {
  std::size_t row = 0;  // of the table, from 0
  double measured = 0;
  double predicted = 0;
};

struct CounterScore {
  Counter counter;
  std::size_t n = 0;
  double mean = 0;  // of the absolute error: points as a share (0.05 = 5 points), or relative
  double bias = 0;  // mean of predicted less measured, likewise
  CounterPair worst;
};

struct CounterValidation {
  std::string table;  // "counters.csv"
  std::string machine;
  std::size_t kernels = 0;
  std::vector<CounterScore> scores;  // of the counters that the table has
  std::vector<std::string> names;    // by row of the table: "gemm 4096x4096x4096 bf16 cublas"
};

// Whether the table has a counter column beside `op`.
bool has_counters(const Table& table);

// Scores every counter over the rows that have it and that the model can run. Byte counts below `small` are too near
// to what the driver itself moves to be compared. Throws InputError for rows that cannot be read.
CounterValidation validate_counters(const Table& table, RowPredictor& predictor, Bytes small = Bytes(4.0 * 1024 * 1024));

// As a table for a page or a terminal: counter, kernels, mean error, bias, the worst kernel.
std::string counter_table(const CounterValidation& validation, bool markdown);

}  // namespace perfmodel
