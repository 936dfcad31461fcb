#include "calibrate/latency_modes.hpp"

#include <doctest/doctest.h>

namespace perfmodel {

TEST_CASE("near and far lines of equal number") {
  std::vector<double> latencies;
  for (int i = 0; i < 100; ++i) latencies.push_back(i % 2 == 0 ? 200 + i % 7 : 270 + i % 5);
  const LatencyModes modes = latency_modes(latencies);
  CHECK(modes.apart);
  CHECK(modes.near == doctest::Approx(203));
  CHECK(modes.far == doctest::Approx(272));
  CHECK(modes.near_share == doctest::Approx(0.5).epsilon(0.02));
  CHECK(modes.threshold > 206);
  CHECK(modes.threshold < 270);
}

TEST_CASE("one mode, and stragglers that are none") {
  std::vector<double> latencies(100, 200);
  latencies.front() = 900;
  const LatencyModes modes = latency_modes(latencies);
  CHECK_FALSE(modes.apart);
  CHECK(modes.near == 200);
  CHECK(modes.far == 200);
  CHECK(modes.near_share == 1);
  CHECK(latency_modes({}).near == 0);
  CHECK(latency_modes({7}).far == 7);
}

TEST_CASE("SMs of opposite sides disagree on every line") {
  std::vector<double> left, right;
  for (int i = 0; i < 64; ++i) {
    left.push_back(i % 2 == 0 ? 200 : 280);
    right.push_back(i % 2 == 0 ? 285 : 205);
  }
  CHECK(agreement(left, latency_modes(left), right, latency_modes(right)) == 0);
  CHECK(agreement(left, latency_modes(left), left, latency_modes(left)) == 1);
}

}  // namespace perfmodel
