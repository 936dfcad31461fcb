// A sequence seen as a whole: why it cannot run, what holds its time, and one estimate for all of it.
#pragma once

#include <string>
#include <vector>

#include "model/estimate.hpp"

namespace perfmodel {

// Why the sequence cannot run, with the operator's name in front when there are several, or what excludes what; "" if it
// can.
std::string refusal_of(const SequenceEstimate& sequence);

// The time that each limiter holds, the longest first; limiters that hold none are left out.
struct LimiterShare {
  Limiter limiter = Limiter::launch;
  Seconds time;
};
std::vector<LimiterShare> limiter_shares(const SequenceEstimate& sequence);

// One estimate for the whole sequence: its total and interval, clock and power, the limiter that holds most of the
// time, traffic and bounds added up, utilisation averaged over time. A sequence of one is its only estimate.
Estimate flattened(const SequenceEstimate& sequence);

}  // namespace perfmodel
