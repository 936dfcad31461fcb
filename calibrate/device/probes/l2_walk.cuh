// Warps that walk over a buffer in blocks of 4 KiB, so that each comes by every block.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <numeric>

namespace perfmodel {

inline constexpr unsigned walk_block = 4096;
inline constexpr int walk_vectors = 8;  // loads or stores of 16 bytes that a lane makes of a block

struct Walk {
  char* base = nullptr;
  unsigned blocks = 1;
  unsigned step = 1;  // blocks from one turn to the next, without a common divisor with `blocks`
  int turns = 0;
};

// Over `bytes`, each warp going on by about `stride` blocks a turn.
inline Walk make_walk(char* base, std::size_t bytes, unsigned stride, int turns) {
  const auto blocks = static_cast<unsigned>(bytes / walk_block);
  unsigned step = stride % blocks;
  while (std::gcd(step, blocks) != 1) ++step;
  return {base, blocks, step % blocks, turns};
}

__device__ __forceinline__ unsigned next_block(const Walk& walk, unsigned block) {
  block += walk.step;
  return block >= walk.blocks ? block - walk.blocks : block;
}

// Reads past the L1; returns a digest.
__device__ __forceinline__ std::uint32_t walk_read(const Walk& walk, unsigned warp) {
  std::uint32_t digest = 0;
  unsigned block = warp % walk.blocks;
#pragma unroll 1
  for (int turn = 0; turn < walk.turns; ++turn) {
    const auto* from = reinterpret_cast<const uint4*>(walk.base + std::size_t{block} * walk_block) + threadIdx.x % 32;
    uint4 values[walk_vectors];
#pragma unroll
    for (int i = 0; i < walk_vectors; ++i) values[i] = __ldcg(from + 32 * i);
#pragma unroll
    for (int i = 0; i < walk_vectors; ++i) digest ^= (values[i].x ^ values[i].y ^ values[i].z) ^ values[i].w;
    block = next_block(walk, block);
  }
  return digest;
}

__device__ __forceinline__ void walk_write(const Walk& walk, unsigned warp) {
  unsigned block = warp % walk.blocks;
  std::uint32_t value = 2654435761U * (warp * 32 + threadIdx.x);
#pragma unroll 1
  for (int turn = 0; turn < walk.turns; ++turn) {
    auto* to = reinterpret_cast<uint4*>(walk.base + std::size_t{block} * walk_block) + threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < walk_vectors; ++i) {
      value = value * 1664525U + 1013904223U;
      __stcg(to + 32 * i, make_uint4(value, ~value, value << 7U, value >> 3U));
    }
    block = next_block(walk, block);
  }
}

}  // namespace perfmodel
