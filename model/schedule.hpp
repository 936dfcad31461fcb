// When the last of many unlike items ends: list scheduling of CTAs in dispatch order.
#pragma once

#include <span>

#include "support/units.hpp"

namespace perfmodel {

// `items`, `repeats` times over, in that order onto `workers` that each take the next item when free. Long
// repetitions are cut: whole heads in the middle add their even share.
Cycles list_schedule(std::span<const Cycles> items, double repeats, int workers);

// The same with two CTA slots on each of `sms` SMs. An item takes its time while the SM is shared and runs `alone`
// times faster while it is not. The second slots start a little later than the first, as CTAs do, so that the few
// items of a last wave go to SMs of their own.
Cycles paired_schedule(std::span<const Cycles> items, double repeats, int sms, double alone);

}  // namespace perfmodel
