#include "validate/validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>

#include "model/deferral.hpp"
#include "validate/row_inputs.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

constexpr std::array<std::string_view, 10> tile_columns{"cta_m",   "cta_n", "cta_k",   "stages",    "cluster",
                                                        "split_k", "ctas",  "threads", "registers", "smem"};
constexpr std::array<std::string_view, 3> compiled_columns{"registers", "spills", "smem"};
// What tells the candidates of one problem apart.
constexpr std::array<std::string_view, 13> candidate_columns{"cta_m",   "cta_n", "cta_k",   "stages",    "cluster",
                                                             "split_k", "ctas",  "threads", "registers", "smem",
                                                             "warps",   "tma",   "spills"};

bool is_withheld(std::string_view column, Withheld withheld) {
  switch (withheld) {
    case Withheld::nothing: return false;
    case Withheld::tile: return std::ranges::find(tile_columns, column) != tile_columns.end();
    case Withheld::compiled: return std::ranges::find(compiled_columns, column) != compiled_columns.end();
  }
  return false;
}

struct Measured {
  std::optional<std::size_t> time;
  std::optional<std::size_t> clock;
  std::optional<std::size_t> power;
  std::optional<std::size_t> gemm;      // overlap: the GEMM alone
  std::optional<std::size_t> full_rng;  // overlap: the mask alone by a full grid

  explicit Measured(const Table& table)
      : time(table.column("measured_us")),
        clock(table.column("sm_mhz")),
        power(table.column("power_w")),
        gemm(table.column("gemm_us")),
        full_rng(table.column("rng_full_grid_us")) {}
};

std::optional<double> positive(const Table& table, std::size_t row, const std::optional<std::size_t>& column,
                               Diagnostics& faults) {
  if (!column) return std::nullopt;
  return table.number(row, *column, faults, NumberRange::positive());
}

std::string pass_of(const Operator& op) {
  if (const auto* attention = std::get_if<Attention>(&op.work)) return std::string(name_of(attention->pass));
  if (const auto* block = std::get_if<BlockRow>(&op.work)) return std::string(name_of(block->pass));
  return {};
}

std::string impl_of(const Operator& op) {
  if (const auto* gemm = std::get_if<Gemm>(&op.work)) return std::string(name_of(gemm->impl.family));
  if (const auto* attention = std::get_if<Attention>(&op.work)) return std::string(name_of(attention->impl.family));
  if (const auto* overlap = std::get_if<Overlap>(&op.work)) return std::string(name_of(overlap->gemm.impl.family));
  if (const auto* block = std::get_if<BlockRow>(&op.work)) return std::string(name_of(block->attention_impl.family));
  return {};
}

std::string group_of(const Operator& op) {
  std::string name = op_names()[static_cast<std::size_t>(op_of(op))];
  for (const std::string& part : {pass_of(op), std::string(name_of(regime_of(op))), impl_of(op)}) {
    if (!part.empty()) name += ' ' + part;
  }
  return name;
}

std::optional<double> mean_error(std::span<const double> errors) {
  return errors.empty() ? std::nullopt : std::optional(mean(errors));
}

GroupScore score_of(std::string name, std::span<const ScoredRow* const> rows) {
  GroupScore score{.name = std::move(name), .accuracy = {}, .roofline = {}, .clock_error = {}, .power_error = {}};
  std::vector<Outcome> outcomes;
  std::vector<RooflineRow> plain;
  std::vector<double> clock;
  std::vector<double> power;
  for (const ScoredRow* row : rows) {
    outcomes.push_back(row->outcome);
    plain.push_back({row->roofline, row->outcome.measured});
    const bool steady = regime_of(row->op) == Regime::sustained;
    if (steady && row->measured_clock) clock.push_back(std::abs(row->clock / *row->measured_clock - 1.0));
    if (steady && row->measured_power) power.push_back(std::abs(row->power / *row->measured_power - 1.0));
  }
  score.accuracy = accuracy(outcomes);
  const FittedRoofline fitted = fit_roofline(plain);
  for (std::size_t i = 0; i < plain.size(); ++i) outcomes[i].predicted = fitted.time(plain[i].terms);
  score.roofline = accuracy(outcomes);
  score.clock_error = mean_error(clock);
  score.power_error = mean_error(power);
  return score;
}

std::vector<GroupScore> group_scores(const std::vector<ScoredRow>& rows) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const ScoredRow*>> members;
  for (const ScoredRow& row : rows) {
    const std::string name = group_of(row.op);
    auto& group = members[name];
    if (group.empty()) order.push_back(name);
    group.push_back(&row);
  }
  std::vector<GroupScore> scores;
  if (order.size() < 2) return scores;
  for (const std::string& name : order) scores.push_back(score_of(name, members[name]));
  return scores;
}

std::optional<Ranking> ranking_of(const Table& table, const std::vector<ScoredRow>& rows) {
  std::map<std::string, std::size_t> problems;
  std::vector<std::size_t> problem;
  std::vector<Outcome> outcomes;
  for (const ScoredRow& row : rows) {
    const Op op = op_of(row.op);
    if (op != Op::gemm && op != Op::attention) continue;
    const std::string key = group_of(row.op) + inputs_of(table, row.row, row.op, candidate_columns);
    problem.push_back(problems.emplace(key, problems.size()).first->second);
    outcomes.push_back(row.outcome);
  }
  const Ranking result = ranking(outcomes, problem);
  return result.problems > 0 ? std::optional(result) : std::nullopt;
}

Deferral deferral_of(const std::vector<ScoredRow>& rows) {
  constexpr double far_off = 0.15;
  Deferral result;
  std::size_t caught = 0;
  std::size_t deferred = 0;
  for (const ScoredRow& row : rows) {
    const bool off = std::abs(relative_error(row.outcome)) > far_off;
    result.off += off ? 1 : 0;
    caught += off && row.deferred ? 1 : 0;
    deferred += row.deferred ? 1 : 0;
  }
  const auto share = [](std::size_t part, std::size_t whole, double none) {
    return whole == 0 ? none : static_cast<double>(part) / static_cast<double>(whole);
  };
  result.caught = share(caught, result.off, 1);
  result.deferred = share(deferred, rows.size(), 0);
  return result;
}

std::optional<double> pays_right_of(const Table& table, const std::vector<ScoredRow>& rows, RowPredictor& predictor) {
  const Measured columns(table);
  if (!columns.gemm || !columns.full_rng) return std::nullopt;
  std::vector<OverlapOutcome> outcomes;
  Diagnostics faults;
  for (const ScoredRow& row : rows) {
    if (!std::holds_alternative<Overlap>(row.op.work)) continue;
    const auto gemm = positive(table, row.row, columns.gemm, faults);
    const auto rng = positive(table, row.row, columns.full_rng, faults);
    if (!gemm || !rng) continue;
    outcomes.push_back({row.outcome.measured, Seconds((*gemm + *rng) * 1e-6), row.outcome.predicted,
                        predictor.predict(row.op).sequence});
  }
  faults.throw_if_errors();
  return outcomes.empty() ? std::nullopt : std::optional(pays_right(outcomes));
}

std::vector<WorstRow> worst_rows(const Table& table, const std::vector<ScoredRow>& rows, std::size_t count) {
  std::vector<const ScoredRow*> order;
  order.reserve(rows.size());
  for (const ScoredRow& row : rows) order.push_back(&row);
  std::ranges::stable_sort(order, std::greater<>{},
                           [](const ScoredRow* row) { return std::abs(relative_error(row->outcome)); });
  order.resize(std::min(count, order.size()));
  std::vector<WorstRow> worst;
  worst.reserve(order.size());
  for (const ScoredRow* row : order) {
    worst.push_back({row->row, row->outcome, row->limiter, inputs_of(table, row->row, row->op)});
  }
  return worst;
}

std::vector<RooflineTerm> terms_of(RowPredictor& predictor, const Operator& op) {
  if (!std::holds_alternative<BlockRow>(op.work)) return {roofline_term(predictor.machine(), op.work)};
  return roofline_terms(predictor.machine(), predictor.block_of(op));
}

struct Scoring {
  std::vector<ScoredRow> rows;
  std::size_t infeasible = 0;
  Diagnostics warnings;
};

Scoring score(const Table& table, RowPredictor& predictor) {
  Scoring result;
  Diagnostics faults;
  const Measured columns(table);
  RowReader reader(table, faults);
  if (!columns.time) {
    faults.error(table.columns() > 0 ? table.header_location(0) : file_location(table.name()),
                 "column 'measured_us' is missing, there is nothing to compare with");
  }
  for (std::size_t row = 0; row < table.rows() && columns.time; ++row) {
    ScoredRow scored;
    scored.row = row;
    scored.op = reader.read(row);
    const auto measured = positive(table, row, columns.time, faults);
    if (!measured && table.cell(row, *columns.time).empty()) {
      faults.error(table.location(row, *columns.time), "'measured_us': empty, there is nothing to compare with");
    }
    if (const auto clock = positive(table, row, columns.clock, faults)) scored.measured_clock = Hertz(*clock * 1e6);
    if (const auto power = positive(table, row, columns.power, faults)) scored.measured_power = Watts(*power);
    if (faults.has_errors()) continue;
    const Estimate estimate = predictor.predict(scored.op);
    if (!estimate.feasible()) {
      ++result.infeasible;
      continue;
    }
    scored.outcome = {Seconds(*measured * 1e-6), estimate.time, estimate.lower, estimate.upper};
    scored.limiter = estimate.limiter;
    scored.deferred = defer_reasons(predictor.machine(), scored.op, estimate).any();
    scored.clock = estimate.reported_clock > Hertz(0.0) ? estimate.reported_clock : estimate.clock;
    scored.power = estimate.power;
    scored.roofline = terms_of(predictor, scored.op);
    result.rows.push_back(std::move(scored));
  }
  faults.throw_if_errors();
  result.warnings = std::move(faults);
  return result;
}

// The table as predictions may see it.
Table withholding(const Table& table, Withheld withheld) {
  return Table::load_text(without_inputs(table, withheld), table.name());
}

}  // namespace

std::string_view withheld_name(Withheld withheld) {
  static constexpr std::array<std::string_view, 3> names{"", "tile not given", "not compiled"};
  return names[static_cast<std::size_t>(withheld)];
}

bool is_measured_table(const Table& table) {
  return table.column("op").has_value() && table.column("measured_us").has_value();
}

std::string without_inputs(const Table& table, Withheld withheld) {
  CsvWriter writer;
  for (const std::string& name : table.names()) writer.cell(name);
  writer.end_row();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t column = 0; column < table.columns(); ++column) {
      writer.cell(is_withheld(table.names()[column], withheld) ? std::string_view() : table.cell(row, column));
    }
    writer.end_row();
  }
  return writer.text();
}

std::vector<ScoredRow> score_rows(const Table& table, RowPredictor& predictor, Withheld withheld) {
  if (withheld == Withheld::nothing) return score(table, predictor).rows;
  return score(withholding(table, withheld), predictor).rows;
}

TableValidation validate_table(const Table& measured, RowPredictor& predictor, const ValidationOptions& options) {
  const Table table = options.withheld == Withheld::nothing ? measured : withholding(measured, options.withheld);
  Scoring scoring = score(table, predictor);
  TableValidation result;
  result.name = std::filesystem::path(table.name()).filename().string();
  result.machine = predictor.machine().id;
  result.withheld = options.withheld;
  result.rows = table.rows();
  result.infeasible = scoring.infeasible;
  std::vector<const ScoredRow*> all;
  for (const ScoredRow& row : scoring.rows) all.push_back(&row);
  result.all = score_of(result.name, all);
  result.groups = group_scores(scoring.rows);
  result.ranking = ranking_of(table, scoring.rows);
  result.deferral = deferral_of(scoring.rows);
  result.pays_right = pays_right_of(table, scoring.rows, predictor);
  if (has_counters(table)) result.counters = validate_counters(table, predictor);
  result.worst = worst_rows(table, scoring.rows, options.worst);
  result.warnings = std::move(scoring.warnings);
  return result;
}

}  // namespace perfmodel
