// What repeated measurements of one quantity come to, and when they are too unlike to be reported.
#pragma once

#include <cstddef>
#include <span>

namespace perfmodel {

// Median and spread of repeated measurements, in the unit that they came in.
struct Summary {
  double median = 0;
  double spread = 0;  // half the distance between the 10th and 90th percentile, as a share of the median
  std::size_t samples = 0;

  // False where a report would mislead: nothing measured, no positive median, or a spread above the limit.
  [[nodiscard]] bool steady(double limit = default_spread_limit) const;

  static constexpr double default_spread_limit = 0.05;
};

// Percentiles are interpolated linearly. No samples give an empty summary.
Summary summarise(std::span<const double> values);

}  // namespace perfmodel
