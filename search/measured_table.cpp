#include "search/measured_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "support/diagnostic.hpp"
#include "support/format.hpp"

namespace perfmodel {

namespace {

std::string work_key(const Operator& op) {
  if (const auto* a = std::get_if<Attention>(&op.work)) {
    return fmt::format("{} {} {} {} {} {} {}", a->batch, a->heads, a->kv_heads, a->seq_q, a->seq_kv, a->head_dim,
                       a->causal ? 1 : 0);
  }
  if (const auto* g = std::get_if<Gemm>(&op.work))
    return fmt::format("{} {} {} {}", g->m, g->n, g->k, name_of(g->dtype));
  const auto& rng = std::get<Rng>(op.work);
  return fmt::format("{} {} {}", rng.elements, rng.rounds, rng.bits);
}

std::vector<std::string> work_columns(const Operator& op) {
  if (std::holds_alternative<Attention>(op.work)) {
    return {"batch", "heads", "kv_heads", "seq_q", "seq_kv", "head_dim", "causal"};
  }
  if (std::holds_alternative<Gemm>(op.work)) return {"m", "n", "k", "dtype"};
  return {"elements", "rounds", "bits"};
}

}  // namespace

MeasuredTable::MeasuredTable(Table table) : table_(std::move(table)) {
  const auto time = table_.column("measured_us");
  if (!time) throw InputError(table_.location(0), "the table has no column 'measured_us'");
  time_ = *time;
}

std::string MeasuredTable::key(std::size_t row, const std::vector<std::string>& names) const {
  std::string text;
  for (const std::string& name : names) {
    const auto column = table_.column(name);
    text += column ? std::string(table_.cell(row, *column)) : std::string("-");
    text += ' ';
  }
  return text;
}

const std::map<std::string, std::size_t>& MeasuredTable::index(const std::vector<std::string>& names) const {
  const auto [found, fresh] = indices_.try_emplace(names);
  if (fresh) {
    for (std::size_t row = 0; row < table_.rows(); ++row) found->second.emplace(key(row, names), row);
  }
  return found->second;
}

double MeasuredTable::best(const Suite& suite, const std::vector<std::string>& names) const {
  double most = 0;
  for (const auto& [settings, row] : index(names)) {
    Design design;
    for (const std::string& name : names) {
      Diagnostics faults;
      const auto column = table_.column(name);
      const auto value = column ? table_.number(row, *column, faults) : std::nullopt;
      if (value) set(design, name, *value);
    }
    most = std::max(most, fitness(suite, design).geomean);
  }
  return most;
}

std::optional<std::size_t> MeasuredTable::find(const Operator& configuration, const Design& design) const {
  std::vector<std::string> names = work_columns(configuration);
  std::string wanted = work_key(configuration) + ' ';
  for (const Setting& setting : design.settings) {
    names.push_back(setting.name);
    wanted += format_exact(setting.value) + ' ';
  }
  const auto& rows = index(names);
  const auto row = rows.find(wanted);
  return row == rows.end() ? std::nullopt : std::optional(row->second);
}

Compiled MeasuredTable::compiled(const Suite& suite, const Design& design,
                                 const std::vector<std::string>& columns) const {
  Compiled compiled;
  for (const std::string& name : columns) {
    std::optional<double> most;
    for (const Operator& configuration : suite.configurations()) {
      const auto row = find(configuration, design);
      Diagnostics faults;
      const auto value = row ? table_.number(*row, *table_.column(name), faults) : std::nullopt;
      if (value) most = std::max(most.value_or(*value), *value);
    }
    if (most) compiled.columns.push_back({name, *most});
  }
  return compiled;
}

bool MeasuredTable::covers(const Suite& suite, const Design& design) const {
  return std::ranges::all_of(suite.configurations(),
                             [&](const Operator& configuration) { return find(configuration, design).has_value(); });
}

Fitness MeasuredTable::fitness(const Suite& suite, const Design& design) const {
  Fitness fitness = refused("", suite.size());
  fitness.measured = true;
  for (std::size_t i = 0; i < suite.size(); ++i) {
    const auto row = find(suite.configurations()[i], design);
    if (!row) {
      fitness.refusal = "the table has no row of this design";
      return fitness;
    }
    Diagnostics faults;
    const auto time = table_.number(*row, time_, faults, NumberRange::positive());
    if (!time) {
      const auto status = table_.column("status");
      fitness.refusal = status ? std::string(table_.cell(*row, *status)) : "the row has no time";
      fitness.tflops.assign(suite.size(), 0.0);
      return fitness;
    }
    fitness.tflops[i] = useful_work(suite.configurations()[i]) / (*time * 1e-6) / 1e12;
  }
  fitness.geomean = geometric_mean(fitness.tflops);
  return fitness;
}

}  // namespace perfmodel
