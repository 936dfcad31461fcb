// The SM clock right behind other work of a stream, as an SM's cycle counter and the card's timer have it.
#pragma once

#include <string_view>

#include "calibrate/device/cuda.hpp"

namespace perfmodel {

class ClockMeter {
 public:
  ClockMeter();

  // A kernel of one thread and about 20 us.
  void launch(cudaStream_t stream) const;
  // Of the last launch, which must be over. Throws DeviceError if the timer stood still.
  [[nodiscard]] Hertz read() const;

  static constexpr std::string_view kernel_name = "clock_meter";  // part of it

 private:
  DeviceBuffer<unsigned long long> reading_;  // nanoseconds, clocks
};

}  // namespace perfmodel
