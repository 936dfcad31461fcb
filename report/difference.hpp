// Two predictions of the same things against each other: what moved, by how much, and whose limiter changed.
//
//     fused.json -> overlapped.json: 1.82 ms -> 1.70 ms (-6.6 %), 2 of 16 differ
//
//                        before     after     effect  change  limiter
//     attention          502 us    310 us    -192 us   -38 %  xu -> tensor
//     dropout_mask                71.0 us   +71.0 us          alu
//
// The largest effect first; what takes the same time and has the same limiter is left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/study.hpp"
#include "report/style.hpp"
#include "support/table.hpp"

namespace perfmodel {

// One prediction among others: an operator of a block, or a row of a table.
struct PredictionEntry {
  std::string name;  // the same in both sets for the same thing
  Seconds time;      // 0 if infeasible
  std::string limiter;
};

struct PredictionSet {
  std::string name;
  std::vector<PredictionEntry> entries{};
  Seconds total{};
};

// From the document that json_report or a table's JSON prints; `name` stands for the file in messages. Throws
// InputError for anything else.
PredictionSet predictions_from_json(std::string_view text, const std::string& name);
// From a table with the prediction columns. Rows are named by their inputs (`row 3: gemm 4096 4096 ...`).
PredictionSet predictions_from_table(const Table& table);
PredictionSet predictions_from_sequence(const SequenceEstimate& sequence, const std::string& name);

struct Movement {
  std::string name;
  std::optional<PredictionEntry> before;
  std::optional<PredictionEntry> after;

  [[nodiscard]] Seconds effect() const;
};

struct Difference {
  PredictionSet before;
  PredictionSet after;
  std::vector<Movement> movements{};
  std::size_t compared = 0;
};

Difference difference(PredictionSet before, PredictionSet after);

std::string text_difference(const Difference& difference, const Style& style = {});
std::string json_difference(const Difference& difference);

}  // namespace perfmodel
