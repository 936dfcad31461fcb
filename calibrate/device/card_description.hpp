// The card at hand and the software around it, for the page that goes with every result.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace perfmodel {

struct CardDescription {
  std::string name;                                        // "NVIDIA H200"
  std::vector<std::pair<std::string, std::string>> lines;  // what and value
};

CardDescription describe_card();

// Throws DeviceError, saying what is missing and what to do, unless there is a Hopper GPU with a driver and a CUPTI
// that can be used.
void require_card();

}  // namespace perfmodel
