// What a kernel can be limited by, and the names that tables and reports use for it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace perfmodel {

enum class Limiter : std::uint8_t {
  tensor,      // tensor-core issue
  fma,         // FP32 and integer multiply-add pipes
  alu,         // logic, compare and select pipe
  xu,          // special functions, exp2 among them
  issue,       // instruction issue slots of the four schedulers
  smem,        // shared-memory bandwidth
  tmem,        // tensor-memory bandwidth
  l2,          // what the L2 hands out, in all or to one SM
  dram,        // device memory
  power,       // the clock that the power limit leaves
  recurrence,  // a chain of dependent steps in each iteration
  fill,        // start-up latency, prologue and epilogue of a CTA
  wave,        // SMs without work in a partial last wave
  launch,      // launching the kernels of the operator
  spill,       // registers kept in local memory
  infeasible,  // the kernel cannot run on this machine
};

inline constexpr int limiter_count = 16;

// "tensor", "fma", ...
std::string_view limiter_name(Limiter limiter);

// A value for each limiter.
template <class T>
class PerLimiter {
 public:
  constexpr T& operator[](Limiter limiter) { return values_[static_cast<std::size_t>(limiter)]; }
  constexpr const T& operator[](Limiter limiter) const { return values_[static_cast<std::size_t>(limiter)]; }

 private:
  std::array<T, limiter_count> values_{};
};

}  // namespace perfmodel
