// A mask kernel on a second stream beside other work on the first, in a given order of execution on the card.
#pragma once

#include <cstdint>

#include "calibrate/device/bench.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {

enum class Order : std::uint8_t {
  rng_first,    // the work may start once every CTA of the mask kernel has begun
  work_first,   // the mask kernel comes 30 us after the work
  as_launched,  // the mask kernel is launched first, and nothing holds the work back
};

class SideBySide {
 public:
  SideBySide();

  // Both behind a gate of that length, or without one, so that the host is not in the way; whatever follows in the
  // stream waits for both. `mask` has elements / 32 words. The launch is good for as long as this object.
  [[nodiscard]] Launch launch(const RngMask& rng, std::uint32_t* mask, const Launch& work, Order order, Seconds gate);

 private:
  Stream second_;
  Event opened_;
  Event made_;
  DeviceBuffer<unsigned> started_;
};

}  // namespace perfmodel
