#include "validate/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>

namespace perfmodel {
namespace {

constexpr double interval_quantile = 0.95;
constexpr double pays_threshold = 1.02;

std::vector<std::size_t> in_predicted_order(std::span<const Outcome> outcomes, std::vector<std::size_t> members) {
  std::ranges::stable_sort(members, {}, [&](std::size_t i) { return outcomes[i].predicted; });
  return members;
}

Seconds best_measured(std::span<const Outcome> outcomes, std::span<const std::size_t> members) {
  Seconds best = outcomes[members.front()].measured;
  for (const std::size_t i : members) best = std::min(best, outcomes[i].measured);
  return best;
}

double kendall_tau(std::span<const Outcome> outcomes, std::span<const std::size_t> members) {
  std::int64_t score = 0;
  std::int64_t pairs = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t j = i + 1; j < members.size(); ++j) {
      const Outcome& a = outcomes[members[i]];
      const Outcome& b = outcomes[members[j]];
      if (a.measured == b.measured) continue;
      ++pairs;
      if (a.predicted == b.predicted) continue;
      score += (a.measured < b.measured) == (a.predicted < b.predicted) ? 1 : -1;
    }
  }
  return pairs == 0 ? 0.0 : static_cast<double>(score) / static_cast<double>(pairs);
}

}  // namespace

double relative_error(const Outcome& outcome) { return outcome.predicted / outcome.measured - 1.0; }

double mean(std::span<const double> values) {
  if (values.empty()) return 0.0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

Accuracy accuracy(std::span<const Outcome> outcomes) {
  Accuracy result{.n = outcomes.size()};
  if (outcomes.empty()) return result;
  std::vector<double> errors;
  std::vector<double> absolute;
  std::vector<double> widths;
  double covered = 0.0;
  for (const Outcome& outcome : outcomes) {
    errors.push_back(relative_error(outcome));
    absolute.push_back(std::abs(errors.back()));
    widths.push_back((outcome.upper - outcome.lower) / outcome.predicted);
    covered += outcome.lower <= outcome.measured && outcome.measured <= outcome.upper ? 1.0 : 0.0;
  }
  std::ranges::sort(absolute);
  const auto last = static_cast<double>(absolute.size() - 1);
  result.mean = mean(absolute);
  result.median = median(absolute);
  result.p95 = absolute[static_cast<std::size_t>(interval_quantile * last)];
  result.bias = mean(errors);
  result.coverage = covered / static_cast<double>(outcomes.size());
  result.width = median(std::move(widths));
  return result;
}

Ranking ranking(std::span<const Outcome> outcomes, std::span<const std::size_t> problem) {
  std::map<std::size_t, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < outcomes.size(); ++i) members[problem[i]].push_back(i);
  std::vector<double> top1;
  std::vector<double> top5;
  std::vector<double> taus;
  for (const auto& [key, candidates] : members) {
    if (candidates.size() < smallest_problem) continue;
    const std::vector<std::size_t> order = in_predicted_order(outcomes, candidates);
    const std::span<const std::size_t> first_five = std::span(order).first(std::min<std::size_t>(5, order.size()));
    const Seconds best = best_measured(outcomes, order);
    top1.push_back(outcomes[order.front()].measured / best - 1.0);
    top5.push_back(best_measured(outcomes, first_five) / best - 1.0);
    taus.push_back(kendall_tau(outcomes, candidates));
  }
  Ranking result{.problems = top1.size()};
  if (top1.empty()) return result;
  result.top1 = mean(top1);
  result.top1_worst = *std::ranges::max_element(top1);
  result.top5 = mean(top5);
  result.tau = mean(taus);
  return result;
}

bool pays(Seconds sequence, Seconds overlapped) { return sequence / overlapped > pays_threshold; }

double pays_right(std::span<const OverlapOutcome> outcomes) {
  if (outcomes.empty()) return 0.0;
  const auto right = std::ranges::count_if(outcomes, [](const OverlapOutcome& outcome) {
    return pays(outcome.measured_sequence, outcome.measured) == pays(outcome.predicted_sequence, outcome.predicted);
  });
  return static_cast<double>(right) / static_cast<double>(outcomes.size());
}

}  // namespace perfmodel
