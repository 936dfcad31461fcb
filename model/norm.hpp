// Times that overlap by chance.
#pragma once

#include <algorithm>
#include <cmath>

namespace perfmodel {

// Of two times, a norm of that exponent: their sum at 1, the longer one at infinity. One below a tenth of the other
// adds next to nothing, and powers are dear.
template <class Time>
Time norm(Time a, Time b, double exponent) {
  const Time most = std::max(a, b);
  if (most.si() <= 0) return Time(0);
  const double share = std::min(a, b) / most;
  return share > 0.1 ? std::pow(1.0 + std::pow(share, exponent), 1.0 / exponent) * most : most;
}

}  // namespace perfmodel
