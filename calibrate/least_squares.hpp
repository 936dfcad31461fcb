// Bounded robust least squares for a few dozen constants.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

namespace perfmodel {

struct FitParameter {
  double start = 1;
  double low = 0;
  double high = 1;
};

// The residuals at a point, one an observation, in the same order and number each time. Must be safe to call from
// several threads at once.
using Residuals = std::function<Eigen::VectorXd(const Eigen::VectorXd& point)>;

struct LeastSquaresOptions {
  int iterations = 30;
  double scale = 0.05;      // residuals well above it count linearly (soft L1), not by their square
  double tolerance = 1e-6;  // stop when the cost falls by less than this share
};

struct LeastSquaresResult {
  Eigen::VectorXd point;
  double cost = 0;
  int iterations = 0;
};

// Levenberg-Marquardt with a forward-difference Jacobian and a box: steps are cut at the bounds. Deterministic,
// whatever the number of threads.
LeastSquaresResult least_squares(const Residuals& residuals, const std::vector<FitParameter>& parameters,
                                 const LeastSquaresOptions& options = {});

}  // namespace perfmodel
