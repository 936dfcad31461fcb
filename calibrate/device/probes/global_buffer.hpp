// Contents of the card's memory, and of its L2.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace perfmodel {

// Random bits; `bytes` is a multiple of 16.
void fill_random(void* data, std::size_t bytes, cudaStream_t stream);

// Reads all of it once from every SM's side past the L1: what then lies in the L2 is this, and clean. `bytes` is a
// multiple of 16.
void read_through(const void* data, std::size_t bytes, cudaStream_t stream);

}  // namespace perfmodel
