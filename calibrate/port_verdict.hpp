// Whether two instruction classes compete for an execution port, from how long they take together and alone.
//
//     port_verdict({.together = 4.0, .first = 2.0, .second = 2.0, .issue = 2.0}).text
//       "share a port: 4.00 clk together, 2.00 and 2.00 alone"
#pragma once

#include <string>

namespace perfmodel {

// Clocks of a sub-partition for the same work: both classes interleaved, each alone, and as many as the scheduler
// needs to issue both, one instruction a clock.
struct PortTimes {
  double together = 0;
  double first = 0;
  double second = 0;
  double issue = 0;
};

enum class PortSharing : unsigned char {
  side_by_side,  // as long as the slower one alone
  shared,        // as long as one after the other
  partly,        // between
  hidden,        // the scheduler alone needs as long as one after the other: no telling
};

struct PortVerdict {
  PortSharing sharing;
  double overlap = 0;  // of the shorter one: 1 side by side, 0 one after the other; 0 where hidden
  std::string text;    // one line
};

PortVerdict port_verdict(const PortTimes& times);

}  // namespace perfmodel
