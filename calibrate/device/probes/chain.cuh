// Kernels that run chains of instructions and time them by the SM's own clock, so that its frequency drops out.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "calibrate/device/probes/instruction_ops.cuh"

namespace perfmodel {

inline constexpr int mix_threads = 1024;  // 8 warps a sub-partition
inline constexpr int mix_body = 512;      // instructions of the unrolled loop: its counter and branch stay below 1 %

// One class of a mix and the chains that a thread has of it.
template <int position, class Op, int chains>
struct MixSlot {
  typename Op::Register chain[chains];
};

template <class Positions, int chains, class... Ops>
struct MixState;

template <int... positions, int chains_, class... Ops>
struct MixState<std::integer_sequence<int, positions...>, chains_, Ops...> : MixSlot<positions, Ops, chains_>... {
  __device__ __forceinline__ void seed(std::uint32_t bits) {
    for (int c = 0; c < chains_; ++c) {
      ((this->MixSlot<positions, Ops, chains_>::chain[c] = spread<typename Ops::Register>(bits + 977 * c)), ...);
    }
  }
  template <int index>
  __device__ __forceinline__ void step(const instruction::Operands& operands) {
#pragma unroll
    for (int c = 0; c < chains_; ++c) {
      (Ops::template step<index>(this->MixSlot<positions, Ops, chains_>::chain[c], operands, c), ...);
    }
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t digest() const {
    std::uint32_t bits = 0;
    for (int c = 0; c < chains_; ++c) {
      ((bits ^= fold(this->MixSlot<positions, Ops, chains_>::chain[c])), ...);
    }
    return bits;
  }

 private:
  template <class Register>
  static __device__ __forceinline__ Register spread(std::uint32_t bits) {
    if constexpr (sizeof(Register) == 8) {
      return static_cast<std::uint64_t>(bits) << 32U | (bits * 2654435761U);
    } else {
      return bits;
    }
  }
  static __device__ __forceinline__ std::uint32_t fold(std::uint64_t value) {
    return static_cast<std::uint32_t>(value ^ (value >> 32U));
  }
};

// Chains a thread has of every class: fewer where many classes run, so that no register spills, and where registers go
// in pairs, which the compiler copies at the loop's end.
template <class... Ops>
inline constexpr int mix_chains = (8 >> (sizeof...(Ops) > 2) >> (sizeof...(Ops) > 4)) >>
                                  (((sizeof(typename Ops::Register) > 4) || ...) ? 1 : 0);
// Turns of the unrolled loop, and steps of every class in it.
template <class... Ops>
inline constexpr int mix_repeats = mix_body / ((Ops::instructions + ...) * mix_chains<Ops...>);
template <class... Ops>
inline constexpr int mix_steps = mix_repeats<Ops...>* mix_chains<Ops...>;

__device__ __forceinline__ instruction::Operands load_operands(const std::uint32_t* data) {
  const std::uint32_t* own = data + 4 * threadIdx.x;
  const std::uint64_t mantissa = own[1] & 0x000fffffU;
  constexpr std::uint32_t halve = 0x00800000U;
  return {.a = own[0] - halve,
          .b = own[1],
          .c = own[2],
          .v = {data[0] - halve, data[1] - halve, data[2] - halve, data[3] - halve, data[4] - halve, data[5] - halve,
                data[6] - halve, data[7] - halve},
          .a64 = (mantissa | 0x3fe00000U) << 32U | own[0],
          .b64 = (mantissa | 0x3ff00000U) << 32U | own[2]};
}

template <int... indices, class State>
__device__ __forceinline__ void mix_pass(std::integer_sequence<int, indices...>, State& state,
                                         const instruction::Operands& operands) {
  (state.template step<indices>(operands), ...);
}

// From the start of a CTA's first warp to the end of its last one, in shared memory.
struct ClockSpan {
  unsigned long long first, last;

  // Before a barrier of the CTA.
  __device__ void clear() {
    if (threadIdx.x == 0) {
      first = ~0ULL;
      last = 0;
    }
  }
  __device__ void add(long long start, long long end) {
    atomicMin(&first, static_cast<unsigned long long>(start));
    atomicMax(&last, static_cast<unsigned long long>(end));
  }
  // After a barrier.
  [[nodiscard]] __device__ long long length() const { return static_cast<long long>(last - first); }
};

// Every SM runs one CTA of up to mix_threads, each warp the classes in turn. `clocks` of a CTA is what `iterations`
// turns of the loop took, once the instruction cache is warm. `data`: four random floats in [1, 2) a thread. Nothing is
// written to `sink` unless a digest is zero.
template <class... Ops>
__global__ void __launch_bounds__(mix_threads, 1)
    instruction_mix(const std::uint32_t* data, int iterations, long long* clocks, std::uint32_t* sink) {
  __shared__ ClockSpan span;
  MixState<std::make_integer_sequence<int, sizeof...(Ops)>, mix_chains<Ops...>, Ops...> state;
  const instruction::Operands operands = load_operands(data);
  state.seed(data[4 * threadIdx.x + 3]);
  span.clear();
  for (int pass = 0; pass < 2; ++pass) {
    const int count = pass == 0 ? 1 : iterations;
    __syncthreads();
    const long long start = clock64();
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      mix_pass(std::make_integer_sequence<int, mix_repeats<Ops...>>(), state, operands);
    }
    const long long end = clock64();
    if (pass == 1) {
      span.add(start, end);
    }
  }
  const std::uint32_t digest = state.digest();
  if (digest == 0) {
    sink[threadIdx.x] = digest;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    clocks[blockIdx.x] = span.length();
  }
}

inline constexpr int latency_short = 64;  // steps of the two timed chains; the difference of their times has neither
inline constexpr int latency_long = 320;  // the clock's own cost nor the way in and out

// One warp, one chain: `clocks` is the time of latency_long - latency_short dependent steps.
template <class Op>
__global__ void __launch_bounds__(32, 1)
    instruction_latency(const std::uint32_t* data, long long* clocks, std::uint32_t* sink) {
  MixState<std::integer_sequence<int, 0>, 1, Op> state;
  const instruction::Operands operands = load_operands(data);
  state.seed(data[4 * threadIdx.x + 3]);
  long long difference = 0;
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    const long long start = clock64();
    mix_pass(std::make_integer_sequence<int, latency_short>(), state, operands);
    const long long middle = clock64();
    mix_pass(std::make_integer_sequence<int, latency_long>(), state, operands);
    const long long end = clock64();
    difference = (end - middle) - (middle - start);
  }
  const std::uint32_t digest = state.digest();
  if (digest == 0) {
    sink[threadIdx.x] = digest;
  }
  if (threadIdx.x == 0) {
    clocks[blockIdx.x] = difference;
  }
}

}  // namespace perfmodel
