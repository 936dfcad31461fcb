// An attention forward kernel of our own on wgmma, in three forms that differ in nothing but the dropout: none, Philox
// made inside, or a mask of one bit a score read from memory. Without the third nobody knows what hiding the random
// numbers elsewhere leaves to pay. bf16, head dimension 128, layout [batch][sequence][head][dimension].
#pragma once

#include <cstdint>

#include "calibrate/device/bench.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {

enum class AttentionDropout : std::uint8_t { none, fused, mask };

struct OwnAttention {
  int batch = 1;
  int heads = 32;
  int sequence = 4096;
  bool causal = true;
  AttentionDropout dropout = AttentionDropout::none;
  int rounds = 7;       // of the Philox made inside
  double keep = 0.9;
  std::uint64_t seed = 1;
};

class OwnAttentionJob {
 public:
  // Throws DeviceError for a form that is not compiled in.
  explicit OwnAttentionJob(const OwnAttention& attention);

  // `mask` is read in the mask form: bit (b, h, i, j) at ((b * heads + h) * sequence + i) * sequence + j. The fused
  // form makes the same bits for the same seed, rounds and 8 bits a decision, so that both give the same output.
  [[nodiscard]] Launch launch(const std::uint32_t* mask = nullptr) const;
  [[nodiscard]] KernelResources resources() const;

  // Poisons the output, runs once, and compares sampled rows with a double-precision reference that takes the mask of
  // reference_mask. Returns ||out - ref|| / ||ref||.
  double check(const Stream& stream);

 private:
  OwnAttention attention_;
  DeviceMemory q_, k_, v_, out_;
};

}  // namespace perfmodel
