#include "calibrate/dram_ramp.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <limits>

namespace perfmodel {
namespace {

constexpr std::size_t least_streams = 5;
constexpr double smallest_ramp = 1e4, largest_ramp = 1e8;
constexpr int grid_points = 161;

struct Linear {
  Eigen::Vector3d point = Eigen::Vector3d::Zero();  // start, ramp, seconds a byte
  double cost = std::numeric_limits<double>::infinity();
};

// The subset of the three terms with the least cost whose coefficients are all positive; seven subsets are few.
Linear solve(const Eigen::MatrixX3d& terms, const Eigen::VectorXd& ones) {
  Linear best;
  for (unsigned chosen = 1; chosen < 8; ++chosen) {
    if ((chosen & 4U) == 0) continue;  // a stream without a rate is none
    Eigen::MatrixXd columns(terms.rows(), 0);
    for (int c = 0; c < 3; ++c) {
      if ((chosen >> static_cast<unsigned>(c) & 1U) == 0) continue;
      columns.conservativeResize(Eigen::NoChange, columns.cols() + 1);
      columns.col(columns.cols() - 1) = terms.col(c);
    }
    // Columns of like size, for seconds stand beside bytes.
    const Eigen::VectorXd sizes = columns.colwise().norm();
    if (sizes.minCoeff() <= 0) continue;
    const Eigen::VectorXd scaled = (columns * sizes.cwiseInverse().asDiagonal()).colPivHouseholderQr().solve(ones);
    const Eigen::VectorXd point = scaled.cwiseQuotient(sizes);
    if (point.minCoeff() < 0) continue;
    const double cost = (columns * point - ones).squaredNorm();
    if (cost >= best.cost) continue;
    best = {};
    best.cost = cost;
    for (int c = 0, used = 0; c < 3; ++c) {
      if ((chosen >> static_cast<unsigned>(c) & 1U) != 0) best.point(c) = point(used++);
    }
  }
  return best;
}

Eigen::MatrixX3d relative_terms(const std::vector<StreamTime>& streams, double ramp_bytes) {
  Eigen::MatrixX3d terms(static_cast<Eigen::Index>(streams.size()), 3);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const double time = streams[i].time.si();
    const double bytes = streams[i].bytes.si();
    terms.row(static_cast<Eigen::Index>(i)) << 1 / time, (1 - std::exp(-bytes / ramp_bytes)) / time, bytes / time;
  }
  return terms;
}

}  // namespace

DramRamp fit_ramp(const std::vector<StreamTime>& streams) {
  if (streams.size() < least_streams) return {};
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(static_cast<Eigen::Index>(streams.size()));
  DramRamp best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < grid_points; ++i) {
    const double ramp_bytes = smallest_ramp * std::pow(largest_ramp / smallest_ramp, i / (grid_points - 1.0));
    const Linear linear = solve(relative_terms(streams, ramp_bytes), ones);
    if (!(linear.cost < least)) continue;
    least = linear.cost;
    best.start = Seconds(linear.point(0));
    best.ramp = Seconds(linear.point(1));
    best.ramp_bytes = Bytes(ramp_bytes);
    best.rate = BytesPerSecond(1 / linear.point(2));
    best.error = std::sqrt(linear.cost / static_cast<double>(streams.size()));
  }
  return best;
}

}  // namespace perfmodel
