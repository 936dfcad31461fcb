#include "search/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "search/measured_table.hpp"

namespace perfmodel {

namespace {

std::string_view name_of(VariationKind kind) { return variation_names[static_cast<std::size_t>(kind)]; }

int count_of(const SearchStep& step, bool measured) { return measured ? step.measurements : step.evaluations; }

// The best design of the table, where there is one to know it from.
double known_best(const EvolveFile& file) {
  if (!file.silicon || !file.silicon->table) return 0;
  std::vector<std::string> names;
  for (const Setting& setting : file.start.settings) names.push_back(setting.name);
  for (const Variable& variable : file.variables) {
    if (std::ranges::find(names, variable.name) == names.end()) names.push_back(variable.name);
  }
  std::ranges::sort(names);
  return file.silicon->table->best(*file.suite, names);
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double at = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

void find_needed(SearchComparison& comparison, double within) {
  comparison.target = (1 - within) * comparison.best;
  for (ComparedOperator& each : comparison.operators) {
    for (ComparedRun& run : each.runs) {
      const auto reached =
          std::ranges::find_if(run.steps, [&](const SearchStep& step) { return step.geomean >= comparison.target; });
      if (reached != run.steps.end()) run.needed = std::max(1, count_of(*reached, comparison.measured));
    }
  }
}

}  // namespace

SearchComparison compare(const EvolveFile& file, const std::shared_ptr<Oracle>& oracle,
                         const ComparisonOptions& options) {
  SearchComparison comparison;
  comparison.measured = file.silicon.has_value();
  comparison.best = known_best(file);
  const double target = comparison.best > 0 ? (1 - options.within) * comparison.best : 0;
  for (const VariationKind kind : options.operators) {
    ComparedOperator compared{kind, {}};
    for (int seed = 1; seed <= options.seeds; ++seed) {
      EvolveFile one = file;
      one.operators = {kind};
      one.seed = static_cast<std::uint64_t>(seed);
      SearchOptions search;
      search.evaluations = options.evaluations;
      search.random_start = options.random_start;
      search.unsafe = options.unsafe;
      search.target = target;
      Search run(std::move(one), oracle, search);
      const SearchResult result = run.run();
      comparison.budget =
          comparison.measured ? file.silicon->budget : std::max(comparison.budget, result.progress.most_evaluations);
      const double best = result.steps.empty() ? 0 : result.steps.back().geomean;
      compared.runs.push_back({static_cast<std::uint64_t>(seed), result.steps, best, 0, result.progress.compilations});
      if (options.say)
        options.say(fmt::format("{} seed {}: {:.1f} TFLOPS, {}", name_of(kind), seed, best, result.ended));
    }
    comparison.operators.push_back(std::move(compared));
  }
  if (comparison.best <= 0) {
    for (const ComparedOperator& each : comparison.operators) {
      for (const ComparedRun& run : each.runs) comparison.best = std::max(comparison.best, run.best);
    }
  }
  find_needed(comparison, options.within);
  return comparison;
}

double needed_quantile(const ComparedOperator& of, int budget, double share) {
  std::vector<double> needed;
  for (const ComparedRun& run : of.runs) needed.push_back(run.needed > 0 ? run.needed : budget + 1);
  return quantile(std::move(needed), share);
}

std::string comparison_text(const SearchComparison& comparison) {
  std::string text = fmt::format("{} until {:.1f} TFLOPS, of {:.1f} at best; {} a run at most\n\n",
                                 comparison.measured ? "measurements" : "evaluations", comparison.target,
                                 comparison.best, comparison.budget);
  text += fmt::format("{:<10} {:>5} {:>8}   {:>8} {:>7} {:>7}   {:>13}\n", "operator", "runs", "reached", "median",
                      "10 %", "90 %", "best (median)");
  for (const ComparedOperator& each : comparison.operators) {
    const auto reached = std::ranges::count_if(each.runs, [](const ComparedRun& run) { return run.needed > 0; });
    std::vector<double> bests;
    for (const ComparedRun& run : each.runs) bests.push_back(run.best);
    const auto shown = [&](double share) {
      const double needed = needed_quantile(each, comparison.budget, share);
      return needed > comparison.budget ? fmt::format("> {}", comparison.budget) : fmt::format("{:.0f}", needed);
    };
    text += fmt::format("{:<10} {:>5} {:>8}   {:>8} {:>7} {:>7}   {:>13.1f}\n", name_of(each.kind), each.runs.size(),
                        reached, shown(0.5), shown(0.1), shown(0.9), quantile(bests, 0.5));
  }
  return text;
}

std::string comparison_json(const SearchComparison& comparison) {
  nlohmann::json json{{"counted", comparison.measured ? "measurements" : "evaluations"},
                      {"target", comparison.target},
                      {"best", comparison.best},
                      {"budget", comparison.budget},
                      {"operators", nlohmann::json::array()}};
  for (const ComparedOperator& each : comparison.operators) {
    nlohmann::json runs = nlohmann::json::array();
    for (const ComparedRun& run : each.runs) {
      nlohmann::json steps = nlohmann::json::array();
      for (const SearchStep& step : run.steps) steps.push_back({count_of(step, comparison.measured), step.geomean});
      runs.push_back({{"seed", run.seed},
                      {"needed", run.needed},
                      {"best", run.best},
                      {"compilations", run.compilations},
                      {"steps", std::move(steps)}});
    }
    json["operators"].push_back({{"operator", name_of(each.kind)}, {"runs", std::move(runs)}});
  }
  return json.dump(1) + "\n";
}

}  // namespace perfmodel
