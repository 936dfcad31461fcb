// Rounds of Philox4x32 (Salmon et al., SC11) as a dependent chain: every call takes its counter from the one before.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "calibrate/device/probes/chain.cuh"

namespace perfmodel {

// Calls of one turn of the loop, per chain: as many as fill the body.
template <int rounds, int chains>
inline constexpr int philox_calls = mix_body / (4 * rounds * chains);

template <int rounds>
__device__ __forceinline__ void philox_call(uint4& counter, const uint2 (&keys)[rounds]) {
#pragma unroll
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t even = std::uint64_t{0xD2511F53U} * counter.x;
    const std::uint64_t odd = std::uint64_t{0xCD9E8D57U} * counter.z;
    counter = {static_cast<std::uint32_t>(odd >> 32U) ^ counter.y ^ keys[i].x, static_cast<std::uint32_t>(odd),
               static_cast<std::uint32_t>(even >> 32U) ^ counter.w ^ keys[i].y, static_cast<std::uint32_t>(even)};
  }
}

// As instruction_mix; every thread has `chains` independent chains of calls.
template <int rounds, int chains>
__global__ void __launch_bounds__(mix_threads, 1)
    philox_chain(const std::uint32_t* data, int iterations, long long* clocks, std::uint32_t* sink) {
  __shared__ ClockSpan span;
  uint4 counter[chains];
  const std::uint32_t* own = data + 4 * threadIdx.x;
  for (int c = 0; c < chains; ++c) {
    counter[c] = {own[0] + c, own[1], own[2], own[3]};
  }
  uint2 keys[rounds];
  for (int i = 0; i < rounds; ++i) {
    keys[i] = {data[0] + i * 0x9E3779B9U, data[1] + i * 0xBB67AE85U};
    asm volatile("" : "+r"(keys[i].x), "+r"(keys[i].y));  // else the loop would make them again
  }
  span.clear();
  for (int pass = 0; pass < 2; ++pass) {
    const int count = pass == 0 ? 1 : iterations;
    __syncthreads();
    const long long start = clock64();
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
#pragma unroll
      for (int call = 0; call < philox_calls<rounds, chains>; ++call) {
#pragma unroll
        for (int c = 0; c < chains; ++c) {
          philox_call<rounds>(counter[c], keys);
        }
      }
    }
    const long long end = clock64();
    if (pass == 1) {
      span.add(start, end);
    }
  }
  std::uint32_t digest = 0;
  for (int c = 0; c < chains; ++c) {
    digest |= counter[c].x | counter[c].y | counter[c].z | counter[c].w;
  }
  if (digest == 0) {
    sink[threadIdx.x] = digest;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    clocks[blockIdx.x] = span.length();
  }
}

}  // namespace perfmodel
