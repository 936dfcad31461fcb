#include "calibrate/least_squares.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace perfmodel {
namespace {

using doctest::Approx;

// y = a exp(-b x) at ten points.
Eigen::VectorXd decay(const Eigen::VectorXd& point) {
  Eigen::VectorXd residuals(10);
  for (int i = 0; i < 10; ++i) {
    residuals[i] = 0.01 * (point[0] * std::exp(-point[1] * i) - 3.0 * std::exp(-0.4 * i));
  }
  return residuals;
}

TEST_CASE("finds the parameters behind exact data") {
  const auto result = least_squares(decay, {{1, 0, 10}, {1, 0, 10}});
  CHECK(result.point[0] == Approx(3.0).epsilon(1e-3));
  CHECK(result.point[1] == Approx(0.4).epsilon(1e-3));
}

TEST_CASE("stays in the box") {
  const auto result = least_squares(decay, {{1, 0, 2}, {1, 0, 10}});
  CHECK(result.point[0] == Approx(2.0));
}

TEST_CASE("one wild observation moves the fit little") {
  const auto line = [](const Eigen::VectorXd& point) {
    Eigen::VectorXd residuals(21);
    for (int i = 0; i < 21; ++i) {
      residuals[i] = point[0] - (i == 20 ? 3.0 : 1.0 + 0.001 * (i % 3 - 1));
    }
    return residuals;
  };
  CHECK(least_squares(line, {{0.5, 0, 10}}).point[0] == Approx(1.0).epsilon(0.01));
}

}  // namespace
}  // namespace perfmodel
