// Kernels that fill a dropout keep-mask, one 32-bit word of decisions a thread and step of a grid-stride loop, by several
// generators: compiled, not run, to count the instructions of a word (count.py). Same loop, store and addressing for all;
// counter-based generators number their blocks by the word, the others keep a state a thread.
//
//     mask<GENERATOR, BITS, PACKED>     BITS random bits a decision; PACKED compares all decisions of a number at once
#include <cstdint>

struct Philox {
  // Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
  template <int rounds>
  struct Rounds {
    static constexpr int words = 4;  // of 32 bits a call
    std::uint32_t key0, key1;
    __device__ Rounds(std::uint64_t seed, std::uint64_t) : key0(seed), key1(seed >> 32) {}
    __device__ void call(std::uint64_t block, std::uint32_t (&out)[4]) {
      std::uint32_t c[4] = {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0};
      std::uint32_t k0 = key0, k1 = key1;
#pragma unroll
      for (int i = 0; i < rounds; ++i) {
        std::uint64_t a, b;
        asm("mul.wide.u32 %0, %1, %2;" : "=l"(a) : "r"(c[0]), "r"(0xD2511F53u));
        asm("mul.wide.u32 %0, %1, %2;" : "=l"(b) : "r"(c[2]), "r"(0xCD9E8D57u));
        c[0] = static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k0;
        c[1] = static_cast<std::uint32_t>(b);
        c[2] = static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k1;
        c[3] = static_cast<std::uint32_t>(a);
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) out[i] = c[i];
    }
  };
};

struct Threefry {
  // The same paper; rotations of Random123's threefry4x32.
  template <int rounds>
  struct Rounds {
    static constexpr int words = 4;
    std::uint32_t ks[5];
    __device__ Rounds(std::uint64_t seed, std::uint64_t) {
      ks[0] = seed, ks[1] = seed >> 32, ks[2] = seed * 3, ks[3] = seed >> 16;
      ks[4] = 0x1BD11BDAu ^ ks[0] ^ ks[1] ^ ks[2] ^ ks[3];
    }
    static __device__ std::uint32_t rotated(std::uint32_t x, int by) { return __funnelshift_l(x, x, by); }
    __device__ void call(std::uint64_t block, std::uint32_t (&out)[4]) {
      constexpr int turns[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5}, {6, 20}, {17, 11}, {25, 10}, {18, 20}};
      std::uint32_t x[4] = {static_cast<std::uint32_t>(block) + ks[0], static_cast<std::uint32_t>(block >> 32) + ks[1], ks[2],
                            ks[3]};
#pragma unroll
      for (int i = 0; i < rounds; ++i) {
        if (i % 2 == 0) {
          x[0] += x[1], x[1] = rotated(x[1], turns[i % 8][0]) ^ x[0];
          x[2] += x[3], x[3] = rotated(x[3], turns[i % 8][1]) ^ x[2];
        } else {
          x[0] += x[3], x[3] = rotated(x[3], turns[i % 8][0]) ^ x[0];
          x[2] += x[1], x[1] = rotated(x[1], turns[i % 8][1]) ^ x[2];
        }
        if (i % 4 == 3) {
          const int s = i / 4 + 1;
          x[0] += ks[s % 5], x[1] += ks[(s + 1) % 5], x[2] += ks[(s + 2) % 5], x[3] += ks[(s + 3) % 5] + s;
        }
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) out[i] = x[i];
    }
  };
};

// Marsaglia, "Xorshift RNGs", 2003, with the counter of cuRAND's XORWOW.
struct Xorwow {
  static constexpr int words = 1;
  std::uint32_t v[5], d;
  __device__ Xorwow(std::uint64_t seed, std::uint64_t thread) {
    for (int i = 0; i < 5; ++i) v[i] = static_cast<std::uint32_t>((seed + thread) * (2 * i + 1)) | 1;
    d = seed;
  }
  __device__ void call(std::uint64_t, std::uint32_t (&out)[1]) {
    const std::uint32_t t = v[0] ^ (v[0] >> 2);
    v[0] = v[1], v[1] = v[2], v[2] = v[3], v[3] = v[4];
    v[4] = v[4] ^ (v[4] << 4) ^ t ^ (t << 1);
    d += 362437;
    out[0] = v[4] + d;
  }
};

// O'Neill, "PCG", HMC-CS-2014-0905: pcg32, 64-bit state, xorshift high and random rotation.
struct Pcg {
  static constexpr int words = 1;
  std::uint64_t state, step;
  __device__ Pcg(std::uint64_t seed, std::uint64_t thread) : state(seed ^ thread), step(2 * thread + 1) {}
  __device__ void call(std::uint64_t, std::uint32_t (&out)[1]) {
    const std::uint64_t old = state;
    state = old * 6364136223846793005ull + step;
    const std::uint32_t x = static_cast<std::uint32_t>(((old >> 18) ^ old) >> 27);
    out[0] = __funnelshift_r(x, x, static_cast<std::uint32_t>(old >> 59));
  }
};

// Numerical Recipes' 32-bit linear congruential generator; all 32 bits are used, the low ones being poor.
struct Lcg {
  static constexpr int words = 1;
  std::uint32_t state;
  __device__ Lcg(std::uint64_t seed, std::uint64_t thread) : state(seed ^ thread) {}
  __device__ void call(std::uint64_t, std::uint32_t (&out)[1]) {
    state = state * 1664525u + 1013904223u;
    out[0] = state;
  }
};

// Decisions of one 32-bit number, as its lowest bits: shift and mask out, compare, or.
template <int bits>
__device__ __forceinline__ std::uint32_t plain(std::uint32_t number, std::uint32_t threshold) {
  constexpr std::uint32_t field = bits == 32 ? 0xFFFFFFFFu : (1u << (bits % 32)) - 1;
  std::uint32_t keep = 0;
#pragma unroll
  for (int i = 0; i < 32 / bits; ++i) {
    keep |= (((number >> (i * bits)) & field) < threshold ? 1u : 0u) << i;
  }
  return keep;
}

// All fields of the number at once, `threshold` repeated in each field: the borrow of each field's subtraction ends in its
// highest bit (Warren, Hacker's Delight, 2-18), and a product brings those bits together.
template <int bits>
__device__ __forceinline__ std::uint32_t packed(std::uint32_t number, std::uint32_t threshold) {
  if constexpr (bits == 32) {
    return number < threshold ? 1u : 0u;
  } else {
    constexpr std::uint32_t high = bits == 4 ? 0x88888888u : bits == 8 ? 0x80808080u : 0x80008000u;
    const std::uint32_t difference = (number | high) - (threshold & ~high);
    // The field is below the threshold where its high bit is not set and the threshold's is, or both are alike and the
    // lower bits have borrowed.
    const std::uint32_t below = ((~number & threshold) | (~(number ^ threshold) & ~difference)) & high;
    if constexpr (bits == 16) return (below >> 15 & 1u) | (below >> 30);
    if constexpr (bits == 8) return (below >> 7) * 0x01020408u >> 24 & 0xFu;
    const std::uint32_t even = below >> 3 & 0x01010101u, odd = below >> 7 & 0x01010101u;
    return ((even * 0x01020408u >> 24 & 0xFu) << 4) | (odd * 0x01020408u >> 24 & 0xFu);
  }
}

template <class Generator, int bits, bool together>
__device__ __forceinline__ std::uint32_t word_of(Generator& generator, std::uint64_t word, std::uint32_t threshold) {
  constexpr int calls = bits / Generator::words;
  static_assert(bits % Generator::words == 0);
  std::uint32_t keep = 0;
#pragma unroll
  for (int c = 0; c < calls; ++c) {
    std::uint32_t numbers[Generator::words];
    generator.call(word * calls + c, numbers);
#pragma unroll
    for (int i = 0; i < Generator::words; ++i) {
      const std::uint32_t some = together ? packed<bits>(numbers[i], threshold) : plain<bits>(numbers[i], threshold);
      keep |= some << ((c * Generator::words + i) * (32 / bits));
    }
  }
  return keep;
}

template <class Generator, int bits, bool together>
__global__ void mask(std::uint32_t* out, std::uint64_t words, std::uint64_t seed, std::uint32_t threshold) {
  const std::uint64_t threads = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  const std::uint64_t thread = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  Generator generator(seed, thread);
#pragma unroll 1
  for (std::uint64_t word = thread; word < words; word += threads) {
    out[word] = word_of<Generator, bits, together>(generator, word, threshold);
  }
}

#define MASK(generator, bits, together) \
  template __global__ void mask<generator, bits, together>(std::uint32_t*, std::uint64_t, std::uint64_t, std::uint32_t);
#define MASKS(...)                                                       \
  MASK(__VA_ARGS__, 4, false) MASK(__VA_ARGS__, 8, false) MASK(__VA_ARGS__, 16, false) MASK(__VA_ARGS__, 32, false) \
      MASK(__VA_ARGS__, 4, true) MASK(__VA_ARGS__, 8, true) MASK(__VA_ARGS__, 16, true)
using Philox3 = Philox::Rounds<3>;
using Philox5 = Philox::Rounds<5>;
using Philox7 = Philox::Rounds<7>;
using Philox10 = Philox::Rounds<10>;
using Threefry12 = Threefry::Rounds<12>;
using Threefry20 = Threefry::Rounds<20>;
MASKS(Philox3)
MASKS(Philox5)
MASKS(Philox7)
MASKS(Philox10)
MASKS(Threefry12)
MASKS(Threefry20)
MASKS(Xorwow)
MASKS(Pcg)
MASKS(Lcg)
