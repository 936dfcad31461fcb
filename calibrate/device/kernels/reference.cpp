#include "calibrate/device/kernels/reference.hpp"

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

namespace perfmodel {
namespace {

constexpr std::int64_t rows_checked = 12;
constexpr std::int64_t columns_checked = 192;

// Rows 0, stride, 2 stride, ... of a matrix, and its last row in place of the last of them.
struct RowSample {
  std::int64_t count, stride, rows;

  RowSample(std::int64_t of, std::int64_t most) : count(std::min(of, most)), stride(of / count), rows(of) {}
  [[nodiscard]] std::int64_t at(std::int64_t i) const { return i + 1 == count ? rows - 1 : i * stride; }
};

template <class T>
std::vector<float> floats(const std::vector<T>& bits) {
  std::vector<float> values(bits.size());
  std::transform(bits.begin(), bits.end(), values.begin(), [](T value) {
    if constexpr (sizeof(T) == 1) {
      return from_e4m3(value);
    } else {
      return from_bf16(value);
    }
  });
  return values;
}

// `rows` rows of `columns` elements, `pitch` elements apart.
template <class T>
std::vector<float> download(const void* data, std::int64_t rows, std::int64_t columns, std::int64_t pitch) {
  std::vector<T> bits(static_cast<std::size_t>(rows * columns));
  const std::size_t width = static_cast<std::size_t>(columns) * sizeof(T);
  PERFMODEL_CUDA(cudaMemcpy2D(bits.data(), width, data, static_cast<std::size_t>(pitch) * sizeof(T), width,
                              static_cast<std::size_t>(rows), cudaMemcpyDeviceToHost));
  return floats(bits);
}

template <class T>
std::vector<float> sampled(const void* matrix, const RowSample& sample, std::int64_t columns) {
  std::vector<float> values = download<T>(matrix, sample.count, columns, sample.stride * columns);
  const T* last = static_cast<const T*>(matrix) + (sample.rows - 1) * columns;
  const std::vector<float> edge = download<T>(last, 1, columns, columns);
  std::copy(edge.begin(), edge.end(), values.end() - columns);
  return values;
}

double dot(const float* a, const float* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
double gemm_error_of(const GemmOperands& gemm) {
  const RowSample rows(gemm.m, rows_checked);
  const RowSample columns(gemm.n, columns_checked);
  const std::vector<float> a = sampled<T>(gemm.a, rows, gemm.k);
  const std::vector<float> b = sampled<T>(gemm.b, columns, gemm.k);
  const std::vector<float> c = sampled<std::uint16_t>(gemm.c, rows, gemm.n);
  std::vector<float> values;
  std::vector<double> reference;
  for (std::int64_t i = 0; i < rows.count; ++i) {
    for (std::int64_t j = 0; j < columns.count; ++j) {
      values.push_back(c[static_cast<std::size_t>(i * gemm.n + columns.at(j))]);
      reference.push_back(dot(a.data() + i * gemm.k, b.data() + j * gemm.k, static_cast<std::size_t>(gemm.k)));
    }
  }
  return relative_error(values, reference);
}

const std::uint16_t* row_of(const void* tensor, const AttentionTensors& attention, int heads, AttentionRow at) {
  const std::int64_t token = std::int64_t{at.batch} * attention.sequence + at.row;
  return static_cast<const std::uint16_t*>(tensor) + (token * heads + at.head) * attention.head_dim;
}

// The rows of a head up to `count`, starting at the sequence's first.
std::vector<float> head_of(const void* tensor, const AttentionTensors& attention, AttentionRow at, int count) {
  const int group = attention.heads / attention.kv_heads;
  const AttentionRow first{at.batch, at.head / group, 0};
  return download<std::uint16_t>(row_of(tensor, attention, attention.kv_heads, first), count, attention.head_dim,
                                 std::int64_t{attention.kv_heads} * attention.head_dim);
}

}  // namespace

std::vector<float> random_normal(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(bits);
  return values;
}

std::uint16_t to_bf16(float value) { return __nv_bfloat16_raw(__float2bfloat16_rn(value)).x; }

float from_bf16(std::uint16_t bits) { return __bfloat162float(__nv_bfloat16(__nv_bfloat16_raw{bits})); }

std::uint8_t to_e4m3(float value) { return __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3); }

float from_e4m3(std::uint8_t bits) {
  __nv_fp8_e4m3 value;
  value.__x = bits;
  return static_cast<float>(value);
}

double relative_error(std::span<const float> values, std::span<const double> reference) {
  if (values.size() != reference.size()) return std::numeric_limits<double>::infinity();
  double error = 0;
  double norm = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double difference = static_cast<double>(values[i]) - reference[i];
    error += difference * difference;
    norm += reference[i] * reference[i];
  }
  if (!std::isfinite(error)) return std::numeric_limits<double>::infinity();
  if (norm == 0) return error == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::sqrt(error / norm);
}

double gemm_error(const GemmOperands& gemm) {
  return gemm.type == GemmType::bf16 ? gemm_error_of<std::uint16_t>(gemm) : gemm_error_of<std::uint8_t>(gemm);
}

std::vector<double> attention_row(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                                  std::span<const double> kept) {
  const std::size_t dimension = q.size();
  const std::size_t keys = k.size() / dimension;
  std::vector<double> weights(keys);
  for (std::size_t j = 0; j < keys; ++j) {
    weights[j] = dot(q.data(), k.data() + j * dimension, dimension) / std::sqrt(static_cast<double>(dimension));
  }
  const double top = *std::max_element(weights.begin(), weights.end());
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - top);
  std::vector<double> row(dimension, 0.0);
  for (std::size_t j = 0; j < keys; ++j) {
    const double weight = weights[j] / sum * (kept.empty() ? 1.0 : kept[j]);
    for (std::size_t i = 0; i < dimension; ++i) row[i] += weight * static_cast<double>(v[j * dimension + i]);
  }
  return row;
}

std::vector<AttentionRow> sampled_rows(const AttentionTensors& attention) {
  std::set<int> rows{0, 1, 63, 64, 127, 128, attention.sequence / 2 + 5, attention.sequence - 1};
  const std::set<std::pair<int, int>> heads{
      {0, 0}, {attention.batch / 2, attention.heads / 2}, {attention.batch - 1, attention.heads - 1}};
  std::vector<AttentionRow> result;
  for (const auto& [batch, head] : heads) {
    for (const int row : rows) {
      if (row < attention.sequence) result.push_back({batch, head, row});
    }
  }
  return result;
}

double attention_error(const AttentionTensors& attention, const std::vector<std::vector<double>>& kept) {
  std::vector<float> values;
  std::vector<double> reference;
  const std::vector<AttentionRow> rows = sampled_rows(attention);
  AttentionRow loaded{-1, -1, 0};
  std::vector<float> k;
  std::vector<float> v;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const AttentionRow at = rows[i];
    if (at.batch != loaded.batch || at.head != loaded.head) {
      k = head_of(attention.k, attention, at, attention.sequence);
      v = head_of(attention.v, attention, at, attention.sequence);
      loaded = at;
    }
    const std::int64_t dimension = attention.head_dim;
    const int keys = attention.causal ? at.row + 1 : attention.sequence;
    const auto seen = static_cast<std::size_t>(keys * dimension);
    const auto q =
        download<std::uint16_t>(row_of(attention.q, attention, attention.heads, at), 1, dimension, dimension);
    const auto out =
        download<std::uint16_t>(row_of(attention.out, attention, attention.heads, at), 1, dimension, dimension);
    const std::span<const double> factors = kept.empty() ? std::span<const double>() : std::span(kept.at(i));
    const std::vector<double> row = attention_row(q, std::span(k).first(seen), std::span(v).first(seen), factors);
    values.insert(values.end(), out.begin(), out.end());
    reference.insert(reference.end(), row.begin(), row.end());
  }
  return relative_error(values, reference);
}

}  // namespace perfmodel
