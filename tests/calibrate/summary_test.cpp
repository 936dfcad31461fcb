#include "calibrate/summary.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace perfmodel {
namespace {

using doctest::Approx;

TEST_CASE("median and spread of eleven values") {
  // 10th and 90th percentile are the second and the tenth: half of 109 - 101 over 105.
  const std::vector<double> values{110, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109};
  const Summary summary = summarise(values);
  CHECK(summary.median == 105);
  CHECK(summary.spread == Approx(4.0 / 105));
  CHECK(summary.samples == 11);
  CHECK(summary.steady());
  CHECK_FALSE(summary.steady(0.03));
}

TEST_CASE("percentiles between two values are interpolated") {
  CHECK(summarise(std::vector<double>{1, 2}).median == 1.5);
  CHECK(summarise(std::vector<double>{1, 2}).spread == Approx(0.4 / 1.5));
}

TEST_CASE("nothing measured is not steady, nor is a median that is not positive") {
  CHECK_FALSE(summarise({}).steady());
  CHECK(summarise({}).samples == 0);
  CHECK_FALSE(summarise(std::vector<double>{0, 0, 0}).steady());
  CHECK(summarise(std::vector<double>{-1, -1}).spread == 0);
}

}  // namespace
}  // namespace perfmodel
