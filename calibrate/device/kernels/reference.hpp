// What the kernels under test are held against: reproducible operands, the small number formats, and products and
// attention rows in double precision, computed on the CPU from what lies in the card's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calibrate/device/kernels/gemm.hpp"

namespace perfmodel {

// Independent normal numbers, mean 0 and deviation 1; the same for the same seed.
std::vector<float> random_normal(std::size_t count, std::uint64_t seed);

// Round to nearest even; e4m3 saturates at 448.
std::uint16_t to_bf16(float value);
float from_bf16(std::uint16_t bits);
std::uint8_t to_e4m3(float value);
float from_e4m3(std::uint8_t bits);

// ||values - reference|| / ||reference||; infinity where the sizes differ or a value is not a number.
double relative_error(std::span<const float> values, std::span<const double> reference);

// The row-major operands and result of C[m][n] = sum over k of A[m][k] B[n][k], in the card's memory; C in bf16.
struct GemmOperands {
  const void* a = nullptr;
  const void* b = nullptr;
  const void* c = nullptr;
  std::int64_t m = 0, n = 0, k = 0;
  GemmType type = GemmType::bf16;
};

// Relative error of C at the crossings of up to 12 rows and 192 columns, spread evenly with the edges among them.
// Throws DeviceError.
double gemm_error(const GemmOperands& gemm);

// One row of softmax(q k^T / sqrt(d)) v: q has d elements; k and v have one row of d elements for each key. `kept` has
// one entry a key: what the dropped-out probability is multiplied with, 0 or 1 / keep; empty for none.
std::vector<double> attention_row(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                                  std::span<const double> kept = {});

// The bf16 tensors of an attention, in the card's memory, [batch][sequence][head][dimension] each.
struct AttentionTensors {
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  const void* out = nullptr;
  int batch = 1, heads = 1, kv_heads = 1, sequence = 0, head_dim = 128;
  bool causal = false;
};

// A query: its row of `sequence` keep factors is at (batch * heads + head) * sequence + row.
struct AttentionRow {
  int batch = 0, head = 0, row = 0;
};

// About 24 rows over the first and last batch and head, the edges of tiles among them.
std::vector<AttentionRow> sampled_rows(const AttentionTensors& attention);

// Relative error of the sampled rows. `kept` as of attention_row, one entry a sampled row; empty for no dropout.
// Throws DeviceError.
double attention_error(const AttentionTensors& attention, const std::vector<std::vector<double>>& kept = {});

}  // namespace perfmodel
