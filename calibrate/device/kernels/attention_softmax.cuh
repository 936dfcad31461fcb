// The softmax of the attention kernel: what a thread does with the scores that it holds, and where its decisions of
// dropout come from. Rows and columns of a register are those of attention_mma.cuh.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "calibrate/device/kernels/attention.hpp"
#include "calibrate/device/kernels/philox.cuh"

namespace perfmodel {

inline constexpr int block_rows = 128;     // queries of a CTA, 64 a warpgroup
inline constexpr int block_columns = 128;  // keys of a step
inline constexpr int quad = 4;             // lanes that share a row
inline constexpr unsigned all_lanes = 0xffffffffU;

struct AttentionArguments {
  int sequence = 0;
  int heads = 0;
  int all_heads = 0;      // of all batches
  int section = 0;        // heads whose keys and values stay in the L2 together
  float score_scale = 0;  // log2(e) / sqrt(head dimension)
  float out_scale = 0;    // 1 / the share that is kept
  const std::uint32_t* mask = nullptr;
  std::uint64_t seed = 0;
  std::uint32_t threshold = 0;  // of 8 bits: below it is kept
};

__device__ __forceinline__ float exp2_approximate(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// The greatest score and the sum of the exponentials of a thread's two rows; the sum is the thread's own share.
struct RowState {
  float top[2] = {-INFINITY, -INFINITY};
  float sum[2] = {0, 0};
};

// The greatest score of each row; two chains a row, for the latency.
__device__ __forceinline__ void raise_tops(const float (&scores)[64], float (&tops)[2]) {
  float others[2] = {scores[1], scores[3]};
#pragma unroll
  for (int j = 0; j < 16; ++j) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      tops[r] = fmaxf(tops[r], scores[4 * j + 2 * r]);
      others[r] = fmaxf(others[r], scores[4 * j + 2 * r + 1]);
    }
  }
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    tops[r] = fmaxf(tops[r], others[r]);
    tops[r] = fmaxf(tops[r], __shfl_xor_sync(all_lanes, tops[r], 1));
    tops[r] = fmaxf(tops[r], __shfl_xor_sync(all_lanes, tops[r], 2));
  }
}

// Scores become exponentials; `correction` is what earlier sums and outputs of the rows are multiplied with.
__device__ __forceinline__ void exponentiate(float (&scores)[64], RowState& rows, float scale, float (&correction)[2]) {
  const float before[2] = {rows.top[0], rows.top[1]};
  raise_tops(scores, rows.top);
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    correction[r] = exp2_approximate((before[r] - rows.top[r]) * scale);
    const float offset = rows.top[r] * scale;
    float sums[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < 32; ++i) {
      float& score = scores[4 * (i / 2) + 2 * r + i % 2];
      score = exp2_approximate(fmaf(score, scale, -offset));
      sums[i % 2] += score;
    }
    rows.sum[r] = rows.sum[r] * correction[r] + (sums[0] + sums[1]);
  }
}

// The block on the diagonal: keys after the query do not count. `row` is the thread's first row in the block.
__device__ __forceinline__ void hide_later_keys(float (&scores)[64], int row) {
  const int column = 2 * static_cast<int>(threadIdx.x % quad);
#pragma unroll
  for (int i = 0; i < 64; ++i) {
    if (8 * (i / 4) + column + i % 2 > row + 8 * (i / 2 % 2)) scores[i] = -INFINITY;
  }
}

// All ones in each half whose column is kept: the bits of `low` and `high`, shifted to the top of their bytes.
template <int byte>
__device__ __forceinline__ std::uint32_t kept_pair(std::uint32_t low, std::uint32_t high) {
  constexpr std::uint32_t sign_of_low = 8 + byte;
  constexpr std::uint32_t sign_of_high = 12 + byte;
  std::uint32_t pair;
  asm("prmt.b32 %0, %1, %2, %3;"
      : "=r"(pair)
      : "r"(low), "r"(high), "n"(sign_of_low | sign_of_low << 4 | sign_of_high << 8 | sign_of_high << 12));
  return pair;
}

__device__ __forceinline__ std::uint32_t bf16_pair(float low, float high) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

// The 128 bits of dropout of a thread's two rows in a block of keys, and how they come by.
template <AttentionDropout source, int rounds>
class KeptWords {
 public:
  // `row` is the thread's first row among those of all heads; `blocks` the number of blocks, taken from the last.
  __device__ __forceinline__ KeptWords(const AttentionArguments& arguments, std::int64_t row, int blocks)
      : arguments_(arguments), first_word_(row * (arguments.sequence / 32)), block_(blocks - 1) {
    if constexpr (source == AttentionDropout::mask) load();
  }

  // Those of the next block. A mask's are asked for a block ahead.
  __device__ __forceinline__ void next() {
    if constexpr (source == AttentionDropout::mask) {
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        words_[r][0] = ahead_[r].x, words_[r][1] = ahead_[r].y;
        words_[r][2] = ahead_[r].z, words_[r][3] = ahead_[r].w;
      }
      if (--block_ >= 0) load();
    } else if constexpr (source == AttentionDropout::fused) {
      make();
      --block_;
    }
  }

  // Scores of a row as pairs of bf16, those dropped zero.
  __device__ __forceinline__ void pack(const float (&scores)[64], std::uint32_t (&weights)[32]) const {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      pack_word<0>(scores, weights, r);
      pack_word<1>(scores, weights, r);
      pack_word<2>(scores, weights, r);
      pack_word<3>(scores, weights, r);
    }
  }

 private:
  [[nodiscard]] __device__ __forceinline__ std::int64_t word_of_row(int r) const {
    return first_word_ + std::int64_t{8 * r} * (arguments_.sequence / 32) + 4 * block_;
  }

  __device__ __forceinline__ void load() {
#pragma unroll
    for (int r = 0; r < 2; ++r) ahead_[r] = __ldg(reinterpret_cast<const uint4*>(arguments_.mask + word_of_row(r)));
  }

  // Each lane of a row makes one of its four words and hands it to the others.
  __device__ __forceinline__ void make() {
    const auto lane = static_cast<int>(threadIdx.x % quad);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const std::uint32_t own = philox_mask_word<rounds, 8>(static_cast<std::uint64_t>(word_of_row(r) + lane),
                                                            arguments_.seed, arguments_.threshold);
#pragma unroll
      for (int i = 0; i < 4; ++i) words_[r][i] = __shfl_sync(all_lanes, own, i, quad);
    }
  }

  template <int word>
  __device__ __forceinline__ void pack_word(const float (&scores)[64], std::uint32_t (&weights)[32], int r) const {
    const std::uint32_t column = 2 * (threadIdx.x % quad);
    const std::uint32_t low = source == AttentionDropout::none ? 0 : words_[r][word] << (7 - column);
    const std::uint32_t high = source == AttentionDropout::none ? 0 : words_[r][word] << (6 - column);
    weights[8 * word + r] = pack_pair<4 * word>(scores, r, low, high);
    weights[8 * word + 2 + r] = pack_pair<4 * word + 1>(scores, r, low, high);
    weights[8 * word + 4 + r] = pack_pair<4 * word + 2>(scores, r, low, high);
    weights[8 * word + 6 + r] = pack_pair<4 * word + 3>(scores, r, low, high);
  }

  template <int j>
  [[nodiscard]] __device__ __forceinline__ std::uint32_t pack_pair(const float (&scores)[64], int r, std::uint32_t low,
                                                                   std::uint32_t high) const {
    const std::uint32_t pair = bf16_pair(scores[4 * j + 2 * r], scores[4 * j + 2 * r + 1]);
    return source == AttentionDropout::none ? pair : pair & kept_pair<j % 4>(low, high);
  }

  const AttentionArguments& arguments_;
  std::int64_t first_word_;
  int block_;
  std::uint32_t words_[2][4];
  uint4 ahead_[2];
};

}  // namespace perfmodel
