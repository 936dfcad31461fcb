#include "calibrate/summary.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace perfmodel {
namespace {

double percentile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

}  // namespace

bool Summary::steady(double limit) const { return samples > 0 && median > 0 && spread <= limit; }

Summary summarise(std::span<const double> values) {
  if (values.empty()) return {};
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double median = percentile(sorted, 0.5);
  const double range = percentile(sorted, 0.9) - percentile(sorted, 0.1);
  return {median, median > 0 ? 0.5 * range / median : 0.0, sorted.size()};
}

}  // namespace perfmodel
