// Alike CTAs of an SM that go round between the tensor cores, their own instructions and waits of their own: a closed
// queueing network with a fixed number of customers.
#pragma once

#include "support/units.hpp"

namespace perfmodel {

// What one round of one CTA takes, alone.
struct Round {
  Cycles tensor;     // of the tensor cores
  Cycles port;       // of the sub-partitions' port that its instructions keep busiest
  Cycles elsewhere;  // waits that others' rounds do not prolong
};

// How long a round takes beside `ctas` - 1 alike: mean value analysis of two stations and a delay (Reiser and
// Lavenberg, J. ACM 27, 1980). A CTA that comes finds the queues as they are with one CTA less. `lost`: the share of
// the port's time that its warps lose while the tensor cores work for others.
Cycles round_beside(const Round& round, int ctas, double lost);

}  // namespace perfmodel
