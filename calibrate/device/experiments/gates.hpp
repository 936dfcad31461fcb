// Small kernels that hold a stream: for a time, or until CTAs of another stream have begun.
#pragma once

#include <cuda_runtime.h>

#include "support/units.hpp"

namespace perfmodel {

// One thread that ends when this much time of the card's own timer has passed.
void hold_stream(cudaStream_t stream, Seconds time);

// One thread that ends when `*counter` has reached `count`, or after 5 ms.
void await_counter(cudaStream_t stream, const unsigned* counter, unsigned count);

}  // namespace perfmodel
