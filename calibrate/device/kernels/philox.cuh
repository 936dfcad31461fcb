// A word of a dropout mask from Philox4x32: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// The counter is the number of the 128-bit block in the mask's stream, so that any thread can make any word.
#pragma once

#include <cstdint>

namespace perfmodel {

struct PhiloxState {
  std::uint32_t counter[4];
  std::uint32_t key[2];
};

// One IMAD.WIDE. A product of two zero-extended 64-bit numbers costs the compiler two more additions of nought.
__device__ __forceinline__ std::uint64_t wide_product(std::uint32_t a, std::uint32_t b) {
  std::uint64_t product;
  asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
  return product;
}

__device__ __forceinline__ void philox_round(PhiloxState& state) {
  std::uint32_t(&c)[4] = state.counter;
  const std::uint64_t first = wide_product(c[0], 0xD2511F53u);
  const std::uint64_t second = wide_product(c[2], 0xCD9E8D57u);
  c[0] = static_cast<std::uint32_t>(second >> 32) ^ c[1] ^ state.key[0];
  c[1] = static_cast<std::uint32_t>(second);
  c[2] = static_cast<std::uint32_t>(first >> 32) ^ c[3] ^ state.key[1];
  c[3] = static_cast<std::uint32_t>(first);
  state.key[0] += 0x9E3779B9u;
  state.key[1] += 0xBB67AE85u;
}

template <int rounds>
__device__ __forceinline__ PhiloxState philox_block(std::uint64_t block, std::uint64_t seed) {
  PhiloxState state{{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0},
                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
#pragma unroll
  for (int i = 0; i < rounds; ++i) philox_round(state);
  return state;
}

// Word `word` of the mask: 32 decisions of `bits` random bits each, lowest first; a bit is set (the element is kept)
// where its number is below `threshold`. bits is 8, 16 or 32.
template <int rounds, int bits>
__device__ __forceinline__ std::uint32_t philox_mask_word(std::uint64_t word, std::uint64_t seed,
                                                          std::uint32_t threshold) {
  constexpr int blocks = bits * 32 / 128;
  constexpr int numbers = 32 / bits;  // of a 32-bit output
  constexpr std::uint32_t field = bits == 32 ? 0xFFFFFFFFu : (1u << (bits % 32)) - 1;
  std::uint32_t mask = 0;
#pragma unroll
  for (int b = 0; b < blocks; ++b) {
    const PhiloxState state = philox_block<rounds>(word * blocks + static_cast<std::uint64_t>(b), seed);
#pragma unroll
    for (int i = 0; i < 4 * numbers; ++i) {
      const std::uint32_t number = (state.counter[i / numbers] >> (i % numbers * bits)) & field;
      mask |= (number < threshold ? 1u : 0u) << (b * 4 * numbers + i);
    }
  }
  return mask;
}

}  // namespace perfmodel
