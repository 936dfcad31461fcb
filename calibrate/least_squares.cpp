#include "calibrate/least_squares.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <thread>

namespace perfmodel {

namespace {

// Soft L1: residuals whose squares sum to the robust cost.
Eigen::VectorXd robust(const Eigen::VectorXd& residuals, double scale) {
  Eigen::VectorXd result(residuals.size());
  for (Eigen::Index i = 0; i < residuals.size(); ++i) {
    const double r = residuals[i] / scale;
    result[i] = std::copysign(scale * std::sqrt(2.0 * (std::sqrt(1.0 + r * r) - 1.0)), r);
  }
  return result;
}

// Columns are independent, so that threads take them in any order without changing the result.
Eigen::MatrixXd jacobian(const Residuals& residuals, const std::vector<FitParameter>& parameters,
                         const Eigen::VectorXd& point, const Eigen::VectorXd& at_point, double scale) {
  Eigen::MatrixXd result(at_point.size(), point.size());
  const auto columns = [&](Eigen::Index first, Eigen::Index stride) {
    for (Eigen::Index j = first; j < point.size(); j += stride) {
      const FitParameter& parameter = parameters[static_cast<std::size_t>(j)];
      double step = 1e-3 * std::max(std::abs(point[j]), 1e-2 * (parameter.high - parameter.low));
      if (point[j] + step > parameter.high) {
        step = -step;
      }
      Eigen::VectorXd moved = point;
      moved[j] += step;
      result.col(j) = (robust(residuals(moved), scale) - at_point) / step;
    }
  };
  const auto threads = static_cast<Eigen::Index>(std::clamp(std::thread::hardware_concurrency(), 1U, 8U));
  std::vector<std::thread> workers;
  for (Eigen::Index t = 1; t < threads; ++t) {
    workers.emplace_back(columns, t, threads);
  }
  columns(0, threads);
  for (std::thread& worker : workers) {
    worker.join();
  }
  return result;
}

Eigen::VectorXd boxed(Eigen::VectorXd point, const std::vector<FitParameter>& parameters) {
  for (Eigen::Index j = 0; j < point.size(); ++j) {
    const FitParameter& parameter = parameters[static_cast<std::size_t>(j)];
    point[j] = std::clamp(point[j], parameter.low, parameter.high);
  }
  return point;
}

}  // namespace

LeastSquaresResult least_squares(const Residuals& residuals, const std::vector<FitParameter>& parameters,
                                 const LeastSquaresOptions& options) {
  Eigen::VectorXd point(static_cast<Eigen::Index>(parameters.size()));
  for (std::size_t j = 0; j < parameters.size(); ++j) {
    point[static_cast<Eigen::Index>(j)] = parameters[j].start;
  }
  point = boxed(point, parameters);
  Eigen::VectorXd at_point = robust(residuals(point), options.scale);
  double cost = at_point.squaredNorm();
  double damping = 1e-2;
  int iteration = 0;
  for (; iteration < options.iterations; ++iteration) {
    const Eigen::MatrixXd slopes = jacobian(residuals, parameters, point, at_point, options.scale);
    const Eigen::MatrixXd normal = slopes.transpose() * slopes;
    const Eigen::VectorXd gradient = slopes.transpose() * at_point;
    bool better = false;
    double gain = 0;
    for (int attempt = 0; attempt < 8 && !better; ++attempt) {
      Eigen::MatrixXd damped = normal;
      damped.diagonal() += damping * normal.diagonal() + Eigen::VectorXd::Constant(point.size(), 1e-12);
      const Eigen::VectorXd next = boxed(point - damped.ldlt().solve(gradient), parameters);
      const Eigen::VectorXd at_next = robust(residuals(next), options.scale);
      const double next_cost = at_next.squaredNorm();
      if (std::isfinite(next_cost) && next_cost < cost) {
        better = true;
        gain = (cost - next_cost) / cost;
        point = next;
        at_point = at_next;
        cost = next_cost;
        damping = std::max(damping * 0.3, 1e-9);
      } else {
        damping *= 4.0;
      }
    }
    if (!better || gain < options.tolerance) {
      break;
    }
  }
  return {point, cost, iteration};
}

}  // namespace perfmodel
