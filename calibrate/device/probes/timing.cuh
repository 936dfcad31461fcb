// What kernels that time themselves need: the card's clocks, where a CTA runs, and waits that end.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace perfmodel {

// Nanoseconds of the card's timer, the same on every SM.
__device__ __forceinline__ unsigned long long global_nanoseconds() {
  unsigned long long time;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  return time;
}

__device__ __forceinline__ unsigned sm_index() {
  unsigned index;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(index));
  return index;
}

inline constexpr long long meeting_limit = 2'000'000;  // clocks, about 1 ms

// Returns when so many CTAs have come here, or none the wiser after meeting_limit. For one thread of each CTA.
__device__ __forceinline__ void meet(unsigned* arrived, unsigned expected) {
  atomicAdd(arrived, 1U);
  const long long start = clock64();
  while (atomicAdd(arrived, 0U) < expected && clock64() - start < meeting_limit) {
  }
}

// From the first warp's start of a CTA to the last one's end.
struct CtaSpan {
  unsigned long long first, last;

  // By one thread, before a barrier.
  __device__ __forceinline__ void clear() {
    first = ~0ULL;
    last = 0;
  }
  __device__ __forceinline__ void add(long long start, long long end) {
    atomicMin(&first, static_cast<unsigned long long>(start));
    atomicMax(&last, static_cast<unsigned long long>(end));
  }
  // After a barrier.
  [[nodiscard]] __device__ __forceinline__ long long clocks() const { return static_cast<long long>(last - first); }
};

}  // namespace perfmodel
