// Contents of operands, made on the card.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "calibrate/device/kernels/gemm.hpp"

namespace perfmodel {

// What operands hold; the energy of a kernel depends on it.
enum class OperandData : std::uint8_t { random, zeros, sparse90 };

struct OperandFill {
  std::size_t elements = 0;
  GemmType type = GemmType::bf16;
  OperandData data = OperandData::random;  // normal numbers, zeros, or normal numbers of which nine in ten are zero
  std::uint64_t seed = 1;
};

// The same content for the same fill. `data` has room for all elements.
void fill_operand(void* data, const OperandFill& fill, cudaStream_t stream);

}  // namespace perfmodel
