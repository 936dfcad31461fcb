// The GEMM kernel: one warp of which a thread has the copy engine fill a ring of stages, one or two warpgroups that
// multiply out of it, 64 rows of the tile each, and extra warps that make a mask meanwhile. CTAs are persistent; two
// may form a cluster, whose tiles lie one below the other and share what they read of B.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "calibrate/device/kernels/gemm.hpp"
#include "calibrate/device/kernels/philox.cuh"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/tma.cuh"
#include "calibrate/device/wgmma.cuh"

namespace perfmodel::gemm {

inline constexpr int warp_threads = 32;
inline constexpr int most_stages = 8;
inline constexpr int most_rng_warps = 4;
inline constexpr int mask_bits = 8;
inline constexpr std::uint32_t barrier_bytes = 2 * most_stages * sizeof(std::uint64_t);

// Words of 16 bits that a stage holds of every row, whatever they are.
inline constexpr int stage_columns = wgmma::row_bytes / 2;

struct Maps {
  CUtensorMap a, b;  // boxes: all rows of A's stage; those of B that one CTA of the cluster asks for
};

struct Arguments {
  __nv_bfloat16* c = nullptr;
  int m = 0, n = 0;
  int k_blocks = 0;  // stages to go through for a tile
  int stages = 0;
  int cluster = 1;
  int row_units = 0;     // tiles, or clusters' pairs of tiles, one below the other
  int column_tiles = 0;  // side by side
  std::uint32_t* mask = nullptr;
  std::uint64_t words = 0, seed = 0;
  std::uint32_t threshold = 0;
  int rng_warps = 0;
};

// Warps of a CTA: consumers, the producer, the makers of the mask. Wide tiles have a whole warpgroup about the
// producer, as the libraries' kernels do.
template <int cta_m>
inline constexpr int consumer_warps = cta_m / wgmma::rows * 4;
template <int cta_n>
inline constexpr int most_other_warps = cta_n > 128 ? 4 : 1 + most_rng_warps;
template <int cta_m, int cta_n>
inline constexpr int most_threads = warp_threads*(consumer_warps<cta_m> + most_other_warps<cta_n>);

// Stages in shared memory, each A's rows and then B's, and the barriers behind them. Waits give up together: after one
// has run out, the others return at once, and the kernel ends with wrong output.
template <int cta_m, int cta_n>
class Ring {
 public:
  static constexpr std::uint32_t a_bytes = cta_m * wgmma::row_bytes;
  static constexpr std::uint32_t b_bytes = cta_n * wgmma::row_bytes;
  static constexpr std::uint32_t stage_bytes = a_bytes + b_bytes;

  __device__ __forceinline__ Ring(std::byte* memory, int stages)
      : base_((shared_address(memory) + wgmma::period_bytes - 1) / wgmma::period_bytes * wgmma::period_bytes),
        barriers_(base_ + stages * stage_bytes),
        stages_(stages) {}

  __device__ __forceinline__ void clear(int cluster) const {
    for (int i = 0; i < stages_; ++i) {
      mbarrier_init(barriers_ + 8 * i, 1);
      mbarrier_init(empty(i), static_cast<unsigned>(consumer_warps<cta_m> * cluster));
    }
    mbarrier_init_done();
  }

  [[nodiscard]] __device__ __forceinline__ std::uint32_t a() const { return base_ + stage_ * stage_bytes; }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t b() const { return a() + a_bytes; }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t full() const { return barriers_ + 8 * stage_; }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t empty(int stage) const {
    return barriers_ + 8 * (most_stages + stage);
  }
  [[nodiscard]] __device__ __forceinline__ int stage() const { return stage_; }

  __device__ __forceinline__ void wait_full() { wait(full(), parity_); }
  __device__ __forceinline__ void wait_empty() { wait(empty(stage_), parity_ ^ 1U); }
  __device__ __forceinline__ void advance() {
    if (++stage_ == stages_) {
      stage_ = 0;
      parity_ ^= 1U;
    }
  }

 private:
  __device__ __forceinline__ void wait(std::uint32_t barrier, unsigned parity) {
    if (patient_) patient_ = mbarrier_wait(barrier, parity);
  }

  std::uint32_t base_, barriers_;
  int stages_;
  int stage_ = 0;
  unsigned parity_ = 0;
  bool patient_ = true;
};

// Tiles in bands of a few rows of tiles, down each column of the band in turn, so that those that run together share
// what they read.
struct Tile {
  int row, column;

  __device__ __forceinline__ Tile(const Arguments& arguments, int unit, int rank) {
    constexpr int band_rows = 8;
    const int band = unit / (band_rows * arguments.column_tiles);
    const int within = unit % (band_rows * arguments.column_tiles);
    const int rows = min(band_rows, arguments.row_units - band * band_rows);
    row = (band * band_rows + within % rows) * arguments.cluster + rank;
    column = within / rows;
  }
};

// By one thread.
template <int cta_m, int cta_n>
__device__ __forceinline__ void produce(Ring<cta_m, cta_n> ring, const Maps& maps, const Arguments& arguments) {
  const int cluster = arguments.cluster;
  const int rank = cluster > 1 ? static_cast<int>(cluster_rank()) : 0;
  const int units = arguments.row_units * arguments.column_tiles;
  const int b_rows = cta_n / cluster;
  const auto everyone = static_cast<std::uint16_t>((1 << cluster) - 1);
  for (int unit = static_cast<int>(blockIdx.x) / cluster; unit < units; unit += static_cast<int>(gridDim.x) / cluster) {
    const Tile tile(arguments, unit, rank);
    const int b_row = tile.column * cta_n + rank * b_rows;
#pragma unroll 1
    for (int i = 0; i < arguments.k_blocks; ++i) {
      ring.wait_empty();
      mbarrier_expect(ring.full(), Ring<cta_m, cta_n>::stage_bytes);
      tma_load(ring.a(), &maps.a, i * stage_columns, tile.row * cta_m, ring.full());
      const std::uint32_t b = ring.b() + static_cast<std::uint32_t>(rank * b_rows) * wgmma::row_bytes;
      if (cluster > 1) {
        tma_load_multicast(b, &maps.b, i * stage_columns, b_row, ring.full(), everyone);
      } else {
        tma_load(b, &maps.b, i * stage_columns, b_row, ring.full());
      }
      ring.advance();
    }
  }
}

// What lane l of four has in words[i] goes to words[l] of lane i.
__device__ __forceinline__ void transpose_quad(std::uint32_t (&words)[4]) {
#pragma unroll
  for (int distance = 1; distance <= 2; distance *= 2) {
    const bool upper = (threadIdx.x & static_cast<unsigned>(distance)) != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & distance) != 0) continue;
      const std::uint32_t sent = upper ? words[i] : words[i + distance];
      const std::uint32_t received = __shfl_xor_sync(0xffffffffU, sent, distance);
      words[i] = upper ? received : words[i];
      words[i + distance] = upper ? words[i + distance] : received;
    }
  }
}

__device__ __forceinline__ std::uint32_t packed(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return static_cast<std::uint32_t>(__bfloat16_as_ushort(pair.y)) << 16U | __bfloat16_as_ushort(pair.x);
}

template <GemmType type, int cta_m, int cta_n>
class Consumer {
 public:
  __device__ __forceinline__ Consumer(Ring<cta_m, cta_n> ring, const Arguments& arguments, int group)
      : ring_(ring), arguments_(arguments), group_(group) {}

  __device__ __forceinline__ void run() {
    const int cluster = arguments_.cluster;
    const int rank = cluster > 1 ? static_cast<int>(cluster_rank()) : 0;
    const int units = arguments_.row_units * arguments_.column_tiles;
    // Of the other CTA's barriers; a stage's lies as far on as our own.
    const std::uint32_t other = cluster > 1 ? address_at(ring_.empty(0), static_cast<unsigned>(rank ^ 1)) : 0;
    for (int unit = static_cast<int>(blockIdx.x) / cluster; unit < units;
         unit += static_cast<int>(gridDim.x) / cluster) {
      multiply(other);
      store(Tile(arguments_, unit, rank));
    }
  }

 private:
  using Multiply = wgmma::Multiply<type == GemmType::bf16 ? wgmma::Type::bf16 : wgmma::Type::e4m3, cta_n>;

  __device__ __forceinline__ void multiply(std::uint32_t other) {
    int before = 0;
#pragma unroll 1
    for (int i = 0; i < arguments_.k_blocks; ++i) {
      ring_.wait_full();
      const std::uint64_t a = wgmma::descriptor(ring_.a() + group_ * wgmma::rows * wgmma::row_bytes);
      const std::uint64_t b = wgmma::descriptor(ring_.b());
      wgmma::fence();
#pragma unroll
      for (int byte = 0; byte < static_cast<int>(wgmma::row_bytes); byte += wgmma::step_bytes) {
        Multiply::shared(sums_, wgmma::advanced(a, byte), wgmma::advanced(b, byte), i > 0 || byte > 0 ? 1 : 0);
      }
      wgmma::commit();
      wgmma::wait<1>();
      if (i > 0) release(before, other);
      before = ring_.stage();
      ring_.advance();
    }
    wgmma::wait<0>();
    wgmma::hold(sums_);
    if (arguments_.k_blocks > 0) release(before, other);
  }

  __device__ __forceinline__ void release(int stage, std::uint32_t other) const {
    if (threadIdx.x % warp_threads != 0) return;
    mbarrier_arrive(ring_.empty(stage));
    if (arguments_.cluster > 1) mbarrier_arrive_remote(other + 8 * static_cast<std::uint32_t>(stage));
  }

  // 16 bytes a lane, 64 bytes of a row a quad.
  __device__ __forceinline__ void store(const Tile& tile) const {
    const int lane = static_cast<int>(threadIdx.x % warp_threads);
    const int warp = static_cast<int>(threadIdx.x / warp_threads % 4);
    const int first_row = tile.row * cta_m + group_ * wgmma::rows + 16 * warp + lane / 4;
    const int first_column = tile.column * cta_n + 8 * (lane % 4);
#pragma unroll
    for (int j = 0; j < cta_n / 8; j += 4) {
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        std::uint32_t words[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) words[i] = packed(sums_[4 * (j + i) + 2 * r], sums_[4 * (j + i) + 2 * r + 1]);
        transpose_quad(words);
        const int row = first_row + 8 * r;
        const int column = first_column + 8 * j;
        if (row < arguments_.m && column < arguments_.n) {
          *reinterpret_cast<uint4*>(arguments_.c + std::int64_t{row} * arguments_.n + column) = {words[0], words[1],
                                                                                                 words[2], words[3]};
        }
      }
    }
  }

  Ring<cta_m, cta_n> ring_;
  const Arguments& arguments_;
  int group_;
  float sums_[cta_n / 2];
};

template <int rounds>
__device__ __forceinline__ void make_mask(const Arguments& arguments, int maker) {
  const auto makers = static_cast<std::uint64_t>(arguments.rng_warps * warp_threads);
  const std::uint64_t first = blockIdx.x * makers + static_cast<std::uint64_t>(maker) * warp_threads;
  for (std::uint64_t word = first + threadIdx.x % warp_threads; word < arguments.words; word += gridDim.x * makers) {
    arguments.mask[word] = philox_mask_word<rounds, mask_bits>(word, arguments.seed, arguments.threshold);
  }
}

// `rounds` is 0 where no warps make a mask.
template <GemmType type, int cta_m, int cta_n, int rounds>
__global__ void __launch_bounds__(most_threads<cta_m, cta_n>, 1)
    hopper_gemm(const __grid_constant__ Maps maps, const __grid_constant__ Arguments arguments) {
  extern __shared__ std::byte memory[];
  const Ring<cta_m, cta_n> ring(memory, arguments.stages);
  const int warp = __shfl_sync(0xffffffffU, static_cast<int>(threadIdx.x) / warp_threads, 0);
  if (threadIdx.x == 0) ring.clear(arguments.cluster);
  if (arguments.cluster > 1) {
    cluster_sync();
  } else {
    __syncthreads();
  }
  if (warp < consumer_warps<cta_m>) {
    Consumer<type, cta_m, cta_n>(ring, arguments, warp / 4).run();
  } else if (warp == consumer_warps<cta_m>) {
    if (elected()) produce<cta_m, cta_n>(ring, maps, arguments);
  } else if constexpr (rounds > 0) {
    make_mask<rounds>(arguments, warp - consumer_warps<cta_m> - 1);
  }
  // The other CTA may still copy to here, or arrive.
  if (arguments.cluster > 1) cluster_sync();
}

}  // namespace perfmodel::gemm
