// Latencies of many cache lines, seen by one SM, told apart into near and far.
#pragma once

#include <vector>

namespace perfmodel {

struct LatencyModes {
  double near = 0;        // median of the lower mode, or of all if there is one mode
  double far = 0;         // median of the upper mode, or of all
  double near_share = 1;  // of the lines
  double threshold = 0;   // between the two
  bool apart = false;     // two modes: each holds a tenth of the lines, and they lie 12 % apart
};

// The unit is the caller's. The lowest and highest hundredths are left out: refreshes and translations.
LatencyModes latency_modes(std::vector<double> latencies);

// Share of the lines that two SMs place alike, near or far: towards 1 on the same side of the chip, 0 on opposite
// sides. Both lists are of the same lines.
double agreement(const std::vector<double>& one, const LatencyModes& one_modes, const std::vector<double>& other,
                 const LatencyModes& other_modes);

}  // namespace perfmodel
