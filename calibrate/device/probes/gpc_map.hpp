// Which SMs share a GPC, as the placement of clusters shows it.
#pragma once

#include <vector>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

// The SMs of each GPC by their index on the card, in the order of their first SMs. Throws DeviceError.
std::vector<std::vector<int>> gpcs_of(Bench& bench);

}  // namespace perfmodel
