// The vendor's kernels: GEMM through cuBLASLt, attention through cuDNN's graph API. Both libraries are loaded when
// first used, so that the program starts without them. A launch is good for as long as the object that gave it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "calibrate/device/bench.hpp"
#include "calibrate/device/kernels/gemm.hpp"
#include "calibrate/device/kernels/operand_data.hpp"

namespace perfmodel {

// C = A B^T as HopperGemm's, in bf16 (bf16 out) or e4m3 (bf16 out, one scale a tensor), by the heuristic's first
// choice.
class CublasGemm {
 public:
  // Throws DeviceError if the library is missing or refuses the shape.
  CublasGemm(std::int64_t m, std::int64_t n, std::int64_t k, GemmType type, OperandData data = OperandData::random);
  CublasGemm(CublasGemm&&) noexcept;
  ~CublasGemm();

  [[nodiscard]] Launch launch() const;
  // Poisons the output, runs once; relative error against sampled double-precision rows.
  double check(const Stream& stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct LibraryAttention {
  int batch = 1, heads = 32, kv_heads = 32;
  int sequence = 4096, head_dim = 128;
  bool causal = true;
  bool backward = false;  // the backward pass alone, all its kernels
  double dropout = 0;
  OperandData data = OperandData::random;
};

// cuDNN's scaled dot-product attention in bf16, layout [batch][sequence][head][dimension], by the heuristic's first
// choice; random numbers by cuDNN's own Philox. The forward pass keeps its row statistics only with dropout.
class CudnnAttention {
 public:
  // Compiles for half a second a pass; several threads may do so at once. Throws DeviceError if the library is missing
  // or refuses the shape.
  explicit CudnnAttention(const LibraryAttention& attention);
  CudnnAttention(CudnnAttention&&) noexcept;
  ~CudnnAttention();

  [[nodiscard]] Launch launch() const;
  // Forward without dropout only: relative error against sampled double-precision rows.
  double check(const Stream& stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perfmodel
