// Descriptors of matrices for the bulk tensor copies.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace perfmodel {

// A row-major matrix of 16-bit elements and the box that one copy moves.
struct TensorBox {
  void* data = nullptr;       // device memory, aligned to 16 bytes
  std::uint64_t columns = 0;  // elements of a row; rows are as far apart, a multiple of 16 bytes
  std::uint64_t rows = 0;
  std::uint32_t box_columns = 0;  // at most 256
  std::uint32_t box_rows = 0;     // at most 256
  bool swizzled = false;          // 16-byte chunks permuted within 128 bytes, as the tensor cores read them
};

// Asks the driver for the encoding, which needs no link to it. Throws DeviceError.
CUtensorMap tensor_map(const TensorBox& box);

}  // namespace perfmodel
