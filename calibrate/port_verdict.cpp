#include "calibrate/port_verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace perfmodel {
namespace {

constexpr double clear = 0.15;  // of the shorter class: nearer to either end than this, loops and clocks explain it

std::string describe(const char* what, const PortTimes& times) {
  return fmt::format("{}: {:.2f} clk together, {:.2f} and {:.2f} alone", what, times.together, times.first,
                     times.second);
}

}  // namespace

PortVerdict port_verdict(const PortTimes& times) {
  const double sum = times.first + times.second;
  const double least = std::max({times.first, times.second, times.issue});
  if (sum - least < clear * std::min(times.first, times.second)) {
    return {PortSharing::hidden, 0, describe("the issue limit hides whether they share a port", times)};
  }
  const double overlap = (sum - times.together) / (sum - least);
  if (overlap >= 1 - clear) return {PortSharing::side_by_side, overlap, describe("run side by side", times)};
  if (overlap > clear) {
    return {PortSharing::partly, overlap, describe("share a port in part, or wait for each other's results", times)};
  }
  const bool worse = overlap < -clear;
  return {PortSharing::shared, overlap, describe(worse ? "slower than one after the other" : "share a port", times)};
}

}  // namespace perfmodel
