// The Philox keep-mask kernel: one bit a decision, set where the element is kept; a thread makes one 32-bit word of the
// mask a step, in a grid-stride loop.
#pragma once

#include <cstdint>
#include <vector>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

enum class Carveout : std::uint8_t { standard, maximum_shared };

struct RngMask {
  std::int64_t elements = 0;  // a multiple of 32
  int causal_row = 0;         // words of a row to leave out above the diagonal: the row's length, 0 to make all
  int rounds = 7;             // 3, 5, 7, 10
  int bits = 8;               // random bits a decision: 8, 16, 32
  int ctas = 1056;
  int threads = 256;  // of a CTA
  int registers = 0;  // an upper limit a thread, 0 for none
  Carveout carveout = Carveout::standard;
  std::uint64_t seed = 1;
  double keep = 0.9;
};

// With causal_row, the mask is a stack of square matrices with rows of that many elements, a multiple of 32, and words
// that lie above the diagonal altogether are not made: no causal attention reads them.
// Launches the kernel into `mask`, elements / 32 words. With `started`, every CTA adds one to it when it begins, so
// that another stream can wait until all are resident. Throws DeviceError for a combination that was not compiled.
Launch rng_mask_launch(const RngMask& job, std::uint32_t* mask, unsigned* started = nullptr);

// What a launch needs of an SM, as the driver reports it.
struct KernelResources {
  int threads = 0;    // of a CTA
  int registers = 0;  // of a thread
  Bytes static_smem;
  Bytes dynamic_smem;
  int ctas_per_sm = 0;
};
KernelResources rng_mask_resources(const RngMask& job);

// A random number below this keeps its element: keep * 2^bits, at most 2^bits - 1.
std::uint32_t mask_threshold(const RngMask& job);

// The same mask on the CPU, from Random123; the reference of the kernel and of every kernel that makes it inside.
std::uint32_t reference_mask_word(const RngMask& job, std::uint64_t word);
std::vector<std::uint32_t> reference_mask(const RngMask& job);

// Poisons a mask, runs the kernel once and compares: every word of a small mask, a sample of a large one. Returns the
// share of bits set, of a mask made in full that of elements kept. Throws DeviceError where a word differs.
double check_rng_mask(const RngMask& job, const Stream& stream);

}  // namespace perfmodel
