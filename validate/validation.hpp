// A measured table against the model: errors for the table and for each kind of its rows, the fitted roofline beside
// them, rankings where a problem has several candidates, and the rows that came out worst.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/table.hpp"
#include "validate/baseline.hpp"
#include "validate/counters.hpp"
#include "validate/metrics.hpp"
#include "validate/row_predictor.hpp"

namespace perfmodel {

// Inputs to leave unread, to see what a prediction is worth without them.
enum class Withheld {
  nothing,
  tile,      // how the kernel is cut and launched: the model has to choose as the library would
  compiled,  // what only the compiler knows: registers, spills, shared memory
};

struct ValidationOptions {
  Withheld withheld = Withheld::nothing;
  std::size_t worst = 3;  // rows listed
};

// A row that can be scored: measured and feasible.
struct ScoredRow {
  std::size_t row = 0;  // in the table, from 0
  Operator op;
  Outcome outcome;
  Limiter limiter = Limiter::launch;
  Hertz clock;
  Watts power;
  std::optional<Hertz> measured_clock;
  std::optional<Watts> measured_power;
  std::vector<RooflineTerm> roofline;
  bool deferred = false;  // the model says to measure rather than to trust it
};

// How well the model knows its own errors: of the rows off by more than 15 %, how many it would have measured instead.
struct Deferral {
  std::size_t off = 0;  // rows that err by more than 15 %
  double caught = 0;    // share of these that are deferred; 1 if there are none
  double deferred = 0;  // share of all rows that are
};

// The figures of one set of rows.
struct GroupScore {
  std::string name;  // "gemm cold cublas"; the table's for all rows
  Accuracy accuracy;
  Accuracy roofline;                  // of the three constants fitted on the same rows
  std::optional<double> clock_error;  // mean absolute relative error, where a steady clock was measured
  std::optional<double> power_error;
};

struct WorstRow {
  std::size_t row = 0;
  Outcome outcome;
  Limiter limiter = Limiter::launch;
  std::string inputs;  // "m=4096 n=4096 k=64 dtype=bf16"
};

struct TableValidation {
  std::string name;  // "gemm.csv"
  std::string machine;
  Withheld withheld = Withheld::nothing;
  std::size_t rows = 0;        // of the table
  std::size_t infeasible = 0;  // refused, and so not scored
  GroupScore all;
  std::vector<GroupScore>
      groups;  // by op, regime and implementation, in order of first appearance; none for a single one
  std::optional<Ranking> ranking;
  Deferral deferral;
  std::optional<double> pays_right;           // overlap tables
  std::optional<CounterValidation> counters;  // tables with hardware counters
  std::vector<WorstRow> worst;
  Diagnostics warnings;
};

// Whether it is a table of measured operators: it has the columns `op` and `measured_us`.
bool is_measured_table(const Table& table);

// Throws InputError for rows that cannot be read or have no positive measured_us.
TableValidation validate_table(const Table& measured, RowPredictor& predictor, const ValidationOptions& options = {});

// The scored rows themselves, for a fit.
std::vector<ScoredRow> score_rows(const Table& table, RowPredictor& predictor, Withheld withheld = Withheld::nothing);

// The table's text without the withheld inputs: their cells empty.
std::string without_inputs(const Table& table, Withheld withheld);

std::string_view withheld_name(Withheld withheld);

}  // namespace perfmodel
