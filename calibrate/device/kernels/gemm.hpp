// A Hopper GEMM of our own, TMA into a ring of shared-memory stages and wgmma out of it, whose tile, depth and register
// budget can leave room for other CTAs, and which can carry extra warps that make a dropout mask meanwhile.
// C[m][n] = sum over k of A[m][k] B[n][k], both operands row-major along k; bf16 or e4m3 in, float accumulators, bf16
// out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "calibrate/device/bench.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {

enum class GemmType : std::uint8_t { bf16, fp8 };

struct HopperGemm {
  std::int64_t m = 0, n = 0, k = 0;
  GemmType type = GemmType::bf16;
  int cta_m = 128;  // output rows of a CTA: 64 a consumer warpgroup and step
  int cta_n = 128;  // output columns of a CTA
  int cta_k = 64;   // elements of k a stage
  int stages = 4;
  int cluster = 1;    // CTAs, 1 or 2, whose tiles lie one below the other and that share what they read of B
  int ctas = 0;       // persistent CTAs; 0 for one an SM and slot
  int rng_warps = 0;  // warps of the CTA that make `mask` while the others multiply: 1, 2, 4; 1 to 3 beside wide tiles
  RngMask mask;       // rounds, 8 bits, elements, seed and keep; its launch shape is not used
};

// The configurations that are compiled in, sizes and elements left open. Any other number of stages that fits into
// shared memory will do, and a cluster of 1 or 2.
std::vector<HopperGemm> compiled_gemms();

// Operands with reproducible random content, the output and, with rng_warps, the mask. Move-only.
class HopperGemmJob {
 public:
  // Throws DeviceError for a configuration that is not compiled in, or sizes that TMA cannot address.
  explicit HopperGemmJob(const HopperGemm& gemm);

  [[nodiscard]] Launch launch() const;
  [[nodiscard]] KernelResources resources() const;
  [[nodiscard]] const std::uint32_t* mask() const { return mask_.data(); }

  // Poisons the output, runs once, and compares with a double-precision product of sampled rows and, with rng_warps,
  // with reference_mask. Returns the relative error ||out - ref|| / ||ref||. Throws DeviceError if the mask is wrong.
  double check(const Stream& stream);

 private:
  HopperGemm gemm_;
  DeviceMemory a_, b_, c_;
  DeviceBuffer<std::uint32_t> mask_;
  std::vector<std::byte> maps_;  // TMA descriptors
};

}  // namespace perfmodel
