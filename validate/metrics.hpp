// Figures of merit of predictions against measurements: errors, intervals, rankings, and whether overlap pays.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "support/units.hpp"

namespace perfmodel {

// One measured row and what was predicted for it; all times positive.
struct Outcome {
  Seconds measured;
  Seconds predicted;
  Seconds lower;  // 90 % interval of the prediction
  Seconds upper;
};

// predicted / measured - 1.
double relative_error(const Outcome& outcome);

// Errors are shares, 0.05 is 5 %. Everything is 0 for no outcomes.
struct Accuracy {
  std::size_t n = 0;
  double mean = 0;      // of the absolute relative errors
  double median = 0;    // of the absolute relative errors
  double p95 = 0;       // of the absolute relative errors: the one at index floor(0.95 (n - 1)) in ascending order
  double bias = 0;      // mean of the relative errors, positive when predictions are too long
  double coverage = 0;  // share of the rows whose measurement lies in the interval
  double width = 0;     // median of (upper - lower) / predicted
};

Accuracy accuracy(std::span<const Outcome> outcomes);

// How well predictions sort the candidates of one problem, such as the tiles of one GEMM shape.
struct Ranking {
  std::size_t problems = 0;  // those with at least `smallest_problem` candidates
  double top1 = 0;        // mean regret: the measured time of the candidate predicted best over the best one's, less 1
  double top1_worst = 0;  // the largest of these regrets
  double top5 = 0;        // mean regret of the best measured among the five predicted best
  double tau = 0;  // mean Kendall tau: concordant less discordant pairs, over the pairs that differ in measurement
};

inline constexpr std::size_t smallest_problem = 4;

// `problem[i]` numbers the problem that outcome i belongs to; of equal predictions the first counts as the better.
Ranking ranking(std::span<const Outcome> outcomes, std::span<const std::size_t> problem);

// An overlap against the same two kernels one after the other.
struct OverlapOutcome {
  Seconds measured;
  Seconds measured_sequence;
  Seconds predicted;
  Seconds predicted_sequence;
};

// Overlap pays when the sequence takes more than 1.02 times as long.
bool pays(Seconds sequence, Seconds overlapped);

// The share of the outcomes where prediction and measurement agree on whether overlap pays; 0 for none.
double pays_right(std::span<const OverlapOutcome> outcomes);

// Middle value, the mean of the middle two for an even count, 0 for none.
double median(std::vector<double> values);
double mean(std::span<const double> values);

}  // namespace perfmodel
