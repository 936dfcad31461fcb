#include "calibrate/latency_modes.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace perfmodel {
namespace {

constexpr double least_share = 0.1;
constexpr double least_distance = 0.12;

double median_of(const std::vector<double>& sorted, std::size_t begin, std::size_t end) {
  const std::size_t middle = begin + (end - begin) / 2;
  return (end - begin) % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
}

// Where to cut sorted values so that the variance between both parts is largest (Otsu).
std::size_t best_cut(const std::vector<double>& sorted) {
  const double total = std::accumulate(sorted.begin(), sorted.end(), 0.0);
  const auto count = static_cast<double>(sorted.size());
  double below = 0, best = -1;
  std::size_t cut = 0;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    below += sorted[i - 1];
    const auto lower = static_cast<double>(i);
    const double distance = below / lower - (total - below) / (count - lower);
    const double between = lower * (count - lower) * distance * distance;
    if (between > best) {
      best = between;
      cut = i;
    }
  }
  return cut;
}

}  // namespace

LatencyModes latency_modes(std::vector<double> latencies) {
  if (latencies.empty()) return {};
  std::sort(latencies.begin(), latencies.end());
  const auto trimmed = static_cast<std::ptrdiff_t>(latencies.size() / 100);
  const std::vector<double> sorted(latencies.begin() + trimmed, latencies.end() - trimmed);
  const double all = median_of(sorted, 0, sorted.size());
  LatencyModes one{.near = all, .far = all, .near_share = 1, .threshold = sorted.back()};
  if (sorted.size() < 2) return one;
  const std::size_t cut = best_cut(sorted);
  LatencyModes two;
  two.near = median_of(sorted, 0, cut);
  two.far = median_of(sorted, cut, sorted.size());
  two.near_share = static_cast<double>(cut) / static_cast<double>(sorted.size());
  two.threshold = 0.5 * (sorted[cut - 1] + sorted[cut]);
  two.apart = std::min(two.near_share, 1 - two.near_share) >= least_share && two.far > (1 + least_distance) * two.near;
  return two.apart ? two : one;
}

double agreement(const std::vector<double>& one, const LatencyModes& one_modes, const std::vector<double>& other,
                 const LatencyModes& other_modes) {
  if (one.empty() || one.size() != other.size()) return 0;
  std::size_t alike = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    if ((one[i] <= one_modes.threshold) == (other[i] <= other_modes.threshold)) ++alike;
  }
  return static_cast<double>(alike) / static_cast<double>(one.size());
}

}  // namespace perfmodel
