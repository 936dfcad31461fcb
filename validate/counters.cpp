#include "validate/counters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "support/format.hpp"
#include "support/grid.hpp"
#include "validate/row_inputs.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

double value_of(const Estimate& estimate, std::string_view column) {
  const Utilisation& use = estimate.executed;
  const Traffic& traffic = estimate.traffic;
  if (column == "tensor_pct") return use.tensor;
  if (column == "xu_pct") return use.xu;
  if (column == "alu_pct") return use.alu;
  if (column == "fma_pct") return use.fma;
  if (column == "issue_pct") return use.issue;
  if (column == "smem_bytes") return traffic.smem.si();
  if (column == "l2_bytes") return traffic.l2.si();
  if (column == "dram_read_bytes") return traffic.dram_read.si();
  return traffic.dram_written.si();
}

double error_of(const Counter& counter, const CounterPair& pair) {
  const double difference = pair.predicted - pair.measured;
  return counter.kind == CounterKind::utilisation ? difference : difference / pair.measured;
}

// How a kernel was timed tells nothing of what it counted.
constexpr std::array<std::string_view, 2> conditions{"timer", "regime"};

CounterScore score_of(const Counter& counter, const std::vector<CounterPair>& pairs) {
  CounterScore score{.counter = counter, .n = pairs.size(), .mean = 0, .bias = 0, .worst = {}};
  double most = -1;
  for (const CounterPair& pair : pairs) {
    const double error = error_of(counter, pair);
    score.mean += std::abs(error);
    score.bias += error;
    if (std::abs(error) > most) {
      most = std::abs(error);
      score.worst = pair;
    }
  }
  score.mean /= static_cast<double>(pairs.size());
  score.bias /= static_cast<double>(pairs.size());
  return score;
}

std::string value_text(const Counter& counter, double value) {
  return counter.kind == CounterKind::utilisation ? fmt::format("{:.0f} %", 100.0 * value) : format_bytes(Bytes(value));
}

}  // namespace

const std::vector<Counter>& counters() {
  static const std::vector<Counter> all{
      {"tensor_pct", "tensor", CounterKind::utilisation},
      {"xu_pct", "XU", CounterKind::utilisation},
      {"alu_pct", "ALU", CounterKind::utilisation},
      {"fma_pct", "FMA", CounterKind::utilisation},
      {"issue_pct", "issue", CounterKind::utilisation},
      {"smem_bytes", "shared memory", CounterKind::bytes},
      {"l2_bytes", "L2", CounterKind::bytes},
      {"dram_read_bytes", "DRAM read", CounterKind::bytes},
      {"dram_write_bytes", "DRAM written", CounterKind::bytes},
  };
  return all;
}

bool has_counters(const Table& table) {
  return table.column("op").has_value() && std::ranges::any_of(counters(), [&](const Counter& counter) {
           return table.column(counter.column).has_value();
         });
}

CounterValidation validate_counters(const Table& table, RowPredictor& predictor, Bytes small) {
  CounterValidation result{
      .table = table.name(), .machine = predictor.machine().id, .kernels = 0, .scores = {}, .names = {}};
  std::vector<std::vector<CounterPair>> pairs(counters().size());
  Diagnostics faults;
  RowReader reader(table, faults);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Operator op = reader.read(row);
    if (faults.has_errors()) continue;
    result.names.push_back(op_names()[static_cast<std::size_t>(op_of(op))] + ' ' +
                           inputs_of(table, row, op, conditions));
    const Estimate estimate = predictor.predict(op);
    if (!estimate.feasible()) continue;
    ++result.kernels;
    const bool cold = op.regime == Regime::cold;
    // The profiler empties the L2 between its passes: what was timed warm reads and writes as after that.
    const Estimate counted = cold ? estimate : predictor.predict_emptied(op);
    for (std::size_t i = 0; i < counters().size(); ++i) {
      const Counter& counter = counters()[i];
      const auto column = table.column(counter.column);
      const auto cell = column ? table.number(row, *column, faults) : std::nullopt;
      if (!cell) continue;
      const double measured = counter.kind == CounterKind::utilisation ? 0.01 * *cell : *cell;
      if (counter.kind == CounterKind::bytes && measured < small.si()) continue;
      const bool moved = counter.kind == CounterKind::bytes;
      pairs[i].push_back({row, measured, value_of(moved ? counted : estimate, counter.column)});
    }
  }
  faults.throw_if_errors();
  for (std::size_t i = 0; i < counters().size(); ++i) {
    if (!pairs[i].empty()) result.scores.push_back(score_of(counters()[i], pairs[i]));
  }
  return result;
}

std::string counter_table(const CounterValidation& validation, bool markdown) {
  Grid grid;
  grid.column("counter", Grid::Align::left).column("kernels").column("mean error").column("bias");
  grid.column("worst: predicted").column("measured").column("of", Grid::Align::left);
  for (const CounterScore& score : validation.scores) {
    const bool share = score.counter.kind == CounterKind::utilisation;
    const char* unit = share ? "points" : "%";
    grid.row({std::string(score.counter.name), fmt::format("{}", score.n),
              fmt::format("{:.1f} {}", 100 * score.mean, unit), fmt::format("{:+.1f} {}", 100 * score.bias, unit),
              value_text(score.counter, score.worst.predicted), value_text(score.counter, score.worst.measured),
              validation.names[score.worst.row]});
  }
  return markdown ? grid.markdown() : grid.text();
}

}  // namespace perfmodel
