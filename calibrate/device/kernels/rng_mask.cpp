#include "calibrate/device/kernels/rng_mask.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace perfmodel {
namespace {

template <unsigned rounds>
r123::Philox4x32_R<rounds>::ctr_type block_of(std::uint64_t block, std::uint64_t seed) {
  typename r123::Philox4x32_R<rounds>::ctr_type counter{
      {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U), 0, 0}};
  typename r123::Philox4x32_R<rounds>::key_type key{
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)}};
  return r123::Philox4x32_R<rounds>()(counter, key);
}

r123::Philox4x32::ctr_type block_of(int rounds, std::uint64_t block, std::uint64_t seed) {
  switch (rounds) {
    case 3: return block_of<3>(block, seed);
    case 5: return block_of<5>(block, seed);
    case 7: return block_of<7>(block, seed);
    default: return block_of<10>(block, seed);
  }
}

}  // namespace

std::uint32_t mask_threshold(const RngMask& job) {
  const double top = std::ldexp(1.0, job.bits) - 1;
  return static_cast<std::uint32_t>(std::min(top, std::round(job.keep * (top + 1))));
}

std::uint32_t reference_mask_word(const RngMask& job, std::uint64_t word) {
  const auto blocks = static_cast<std::uint64_t>(job.bits * 32 / 128);
  const auto bits = static_cast<unsigned>(job.bits);
  const unsigned numbers = 32U / bits;
  const std::uint32_t field = bits == 32U ? ~std::uint32_t{0} : (std::uint32_t{1} << bits) - 1;
  const std::uint32_t threshold = mask_threshold(job);
  std::uint32_t mask = 0;
  for (std::uint64_t b = 0; b < blocks; ++b) {
    const auto block = block_of(job.rounds, word * blocks + b, job.seed);
    for (unsigned i = 0; i < 4 * numbers; ++i) {
      const std::uint32_t number = (block[i / numbers] >> (i % numbers * bits)) & field;
      if (number < threshold) mask |= std::uint32_t{1} << (static_cast<unsigned>(b) * 4 * numbers + i);
    }
  }
  return mask;
}

std::vector<std::uint32_t> reference_mask(const RngMask& job) {
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(job.elements / 32));
  for (std::size_t word = 0; word < mask.size(); ++word) mask[word] = reference_mask_word(job, word);
  return mask;
}

namespace {

// Causal masks leave out what lies above the diagonal.
bool is_made(const RngMask& job, std::size_t word) {
  if (job.causal_row == 0) return true;
  const auto row = static_cast<std::size_t>(job.causal_row);
  const std::size_t element = 32 * word;
  return element % row <= element / row % row;
}

}  // namespace

double check_rng_mask(const RngMask& job, const Stream& stream) {
  const auto words = static_cast<std::size_t>(job.elements / 32);
  DeviceBuffer<std::uint32_t> mask(words);
  mask.fill(0xA5);
  rng_mask_launch(job, mask.data())(stream.get());
  stream.wait();
  const std::vector<std::uint32_t> made = mask.download();
  std::size_t kept = 0;
  for (std::size_t word = 0; word < words; ++word) {
    // All of a small mask; of a large one a sample that reaches both ends.
    const bool sampled = words < 4096 || word % (words / 2048) == 0 || word + 1 == words;
    if (sampled && is_made(job, word) && made[word] != reference_mask_word(job, word)) {
      throw DeviceError("the mask kernel's word " + std::to_string(word) + " is not that of the reference");
    }
    kept += static_cast<std::size_t>(__builtin_popcount(made[word]));
  }
  return static_cast<double>(kept) / static_cast<double>(job.elements);
}

}  // namespace perfmodel
