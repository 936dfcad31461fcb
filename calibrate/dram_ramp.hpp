// What a cold stream loses until it runs at its rate, from the times of streams of many sizes:
//
//     time(bytes) = start + bytes / rate + ramp (1 - exp(-bytes / ramp_bytes))
#pragma once

#include <vector>

#include "support/units.hpp"

namespace perfmodel {

struct StreamTime {
  Bytes bytes;
  Seconds time;
};

struct DramRamp {
  Seconds start;  // of the smallest stream, beyond what its bytes take
  Seconds ramp;
  Bytes ramp_bytes;
  BytesPerSecond rate;
  double error = 0;  // root mean square of the relative residuals
};

// Least squares of the relative residuals: linear in start, ramp and 1 / rate, each kept from falling below 0, for
// every ramp_bytes of a logarithmic grid from 10 kB to 100 MB. Needs five sizes; an empty result (no rate) with fewer.
DramRamp fit_ramp(const std::vector<StreamTime>& streams);

}  // namespace perfmodel
