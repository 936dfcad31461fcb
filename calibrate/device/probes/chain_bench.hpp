// Runs the kernels of chain.cuh: random operands, a whole SM for every CTA, and as many turns of the loop as make the
// ends of the measurement vanish.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

class ChainBench {
 public:
  using MixKernel = void (*)(const std::uint32_t*, int, long long*, std::uint32_t*);
  using LatencyKernel = void (*)(const std::uint32_t*, long long*, std::uint32_t*);

  explicit ChainBench(Bench& bench);

  // One CTA of `threads` an SM: clocks of one turn of the kernel's loop, of every SM and repetition.
  [[nodiscard]] std::vector<double> turn_clocks(MixKernel kernel, int threads);
  // One warp an SM: clocks of the kernel's dependent steps, of every SM and repetition.
  [[nodiscard]] std::vector<double> chain_clocks(LatencyKernel kernel);

 private:
  // What every CTA wrote.
  std::vector<double> run(const void* kernel, int threads, std::span<void*> arguments);

  Bench& bench_;
  DeviceBuffer<std::uint32_t> data_;
  DeviceBuffer<std::uint32_t> sink_;
  DeviceBuffer<long long> clocks_;
};

}  // namespace perfmodel
