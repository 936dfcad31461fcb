// Predictions of many operators, the rows of a table, for people and as JSON. (As CSV see report/csv.hpp.)
//
//     row  op         work                                        time  90 % interval     limiter   clock  note
//       1  gemm       4096 x 4096 x 4096 bf16                   214 us  205 to 224 us     tensor  1980 MHz
//       2  attention  1 x 32 x 4096 x 128 causal bf16 fwd       398 us  371 to 421 us     xu      1980 MHz
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "report/study.hpp"
#include "report/style.hpp"
#include "support/grid.hpp"

namespace perfmodel {

// One row's answer.
struct TableRow {
  std::size_t row = 0;  // from 0; printed from 1
  std::string machine;  // id, empty when all rows are for one
  Operator op;
  SequenceEstimate estimate;  // of the block for a block row, else of one operator
  Evidence evidence;
};

Grid row_grid(const std::vector<TableRow>& rows);

std::string json_rows(const std::vector<TableRow>& rows, const std::vector<const Machine*>& machines,
                      Fidelity fidelity);

}  // namespace perfmodel
