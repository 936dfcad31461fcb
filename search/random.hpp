// Random numbers that are the same everywhere: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#pragma once

#include <cstddef>
#include <cstdint>

namespace perfmodel {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  // At least 0 and below 1.
  double share() { return static_cast<double>(bits() >> 11U) * 0x1.0p-53; }
  // Below n, which is at least 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(share() * static_cast<double>(n)); }

 private:
  std::uint64_t state_;
};

}  // namespace perfmodel
