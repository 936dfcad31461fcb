// What the oracle says of a candidate: a throughput for each configuration, what limits it, how sure that is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/limiter.hpp"
#include "model/deferral.hpp"
#include "support/units.hpp"

namespace perfmodel {

struct ConfigurationScore {
  FlopsPerSecond throughput;  // useful work; zero for every configuration if the candidate fails one
  Seconds time;
  Seconds lower;  // 90 % interval
  Seconds upper;
  Limiter limiter = Limiter::infeasible;
  Limiter second = Limiter::infeasible;
  double slack = 0;  // how much shorter the second limiter's bound is, as a share
  DeferReasons defer;

  bool operator==(const ConfigurationScore&) const = default;
};

// How far down the cascade a candidate went.
enum class Stage : std::uint8_t {
  refused,   // does not read, does not cover the work or does not fit
  bound,     // closed form
  pipeline,  // simulated where it is a program, else the full closed form
};
inline constexpr std::array<std::string_view, 3> stage_names{"refused", "bound", "pipeline"};

struct Score {
  std::vector<ConfigurationScore> configurations;
  FlopsPerSecond geomean;  // zero if refused
  Stage stage = Stage::refused;
  bool cut = false;     // its bound was worse than the incumbent by more than the cut-off: not taken further
  DeferReasons defer;   // of all configurations
  std::string refusal;  // why it scores zero

  [[nodiscard]] bool feasible() const { return stage != Stage::refused; }
  bool operator==(const Score&) const = default;
};

}  // namespace perfmodel
