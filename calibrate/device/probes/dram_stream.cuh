// Streams through the card's memory: so many vectors read and written of every place.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace perfmodel {

inline constexpr int dram_threads = 512, dram_ctas = 2;  // of an SM
inline constexpr int dram_unroll = 4;
inline constexpr std::size_t dram_tile = std::size_t{dram_threads} * dram_unroll;  // vectors of a CTA's turn

// The k-th source begins k * apart vectors after the first, likewise the destinations; `vectors` of each are moved, a
// multiple of dram_tile. Returns a digest of what was read.
template <int reads, int writes>
__device__ __forceinline__ std::uint32_t dram_stream(const uint4* source, uint4* destination, std::size_t apart,
                                                     std::size_t vectors) {
  std::uint32_t digest = 0;
  for (std::size_t first = blockIdx.x * dram_tile; first < vectors; first += gridDim.x * dram_tile) {
    uint4 values[dram_unroll][reads > 0 ? reads : 1];
#pragma unroll
    for (int u = 0; u < dram_unroll; ++u) {
      const std::size_t place = first + u * dram_threads + threadIdx.x;
      if constexpr (reads == 0) {
        const auto seed = static_cast<std::uint32_t>(place) * 2654435761U;
        values[u][0] = {seed, seed * 1664525U + 1013904223U, ~seed ^ seed << 13U, seed ^ seed >> 7U};
      }
#pragma unroll
      for (int r = 0; r < reads; ++r) values[u][r] = source[place + r * apart];
    }
#pragma unroll
    for (int u = 0; u < dram_unroll; ++u) {
      const std::size_t place = first + u * dram_threads + threadIdx.x;
      uint4 sum = values[u][0];
#pragma unroll
      for (int r = 1; r < reads; ++r) {
        sum = {sum.x ^ values[u][r].x, sum.y ^ values[u][r].y, sum.z ^ values[u][r].z, sum.w ^ values[u][r].w};
      }
#pragma unroll
      for (int w = 0; w < writes; ++w) destination[place + w * apart] = sum;
      if constexpr (writes == 0) digest ^= (sum.x ^ sum.y ^ sum.z) ^ sum.w;
    }
  }
  return digest;
}

}  // namespace perfmodel
