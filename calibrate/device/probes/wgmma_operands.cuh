// Random operands of the tensor cores in shared memory: numbers of either sign between 1/2 and 2, whose sums stay
// finite.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "calibrate/device/wgmma.cuh"

namespace perfmodel {

template <wgmma::Type type>
__device__ __forceinline__ std::uint32_t random_operand(std::uint32_t index) {
  std::uint32_t bits = index * 0x9E3779B9U + 0x7F4A7C15U;
  bits = (bits ^ bits >> 16U) * 0x85EBCA6BU;
  bits = (bits ^ bits >> 13U) * 0xC2B2AE35U;
  bits ^= bits >> 16U;
  if (type == wgmma::Type::bf16) return (bits & 0x807F807FU) | 0x3F003F00U;
  if (type == wgmma::Type::tf32) return (bits & 0x807FFFFFU) | 0x3F000000U;
  return (bits & 0x8F8F8F8FU) | 0x30303030U;  // the exponents of 1/2 and 1, three bits of fraction
}

// By all threads of the CTA; a barrier has to follow. `bytes` is a multiple of 16.
template <wgmma::Type type>
__device__ __forceinline__ void fill_operands(std::uint32_t address, std::uint32_t bytes) {
  for (std::uint32_t i = threadIdx.x; i < bytes / 16; i += blockDim.x) {
    const std::uint32_t first = 4 * (i + blockIdx.x * bytes / 16);
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address + 16 * i), "r"(random_operand<type>(first)),
                 "r"(random_operand<type>(first + 1)), "r"(random_operand<type>(first + 2)),
                 "r"(random_operand<type>(first + 3))
                 : "memory");
  }
  // The tensor cores and the copy engine read past the ordinary path.
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// Where operands may begin, within memory that has period_bytes to spare.
__device__ __forceinline__ std::uint32_t aligned_operands(std::uint32_t address) {
  return (address + wgmma::period_bytes - 1) / wgmma::period_bytes * wgmma::period_bytes;
}

}  // namespace perfmodel
