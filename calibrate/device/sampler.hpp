// Clock, power and temperature of the card every 5 ms, on a thread of its own, while the caller keeps the card busy.
#pragma once

#include <stop_token>
#include <thread>
#include <vector>

#include "calibrate/device/nvml.hpp"

namespace perfmodel {

class CardSampler {
 public:
  struct Mean {
    CardState card;
    int samples = 0;
  };

  explicit CardSampler(const Nvml& nvml);

  // Ends the sampling; the mean of what was read.
  Mean stop();

 private:
  void sample(const std::stop_token& stopped);

  const Nvml& nvml_;
  std::vector<CardState> states_;  // the thread's until it has ended
  std::jthread thread_;            // last: starts when the rest is there
};

}  // namespace perfmodel
