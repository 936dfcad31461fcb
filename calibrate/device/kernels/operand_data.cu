#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include "calibrate/device/kernels/operand_data.hpp"

namespace perfmodel {
namespace {

constexpr int fill_ctas = 1056;
constexpr int fill_threads = 256;
constexpr float keep_of_sparse90 = 0.1F;

__device__ __forceinline__ std::uint64_t mixed(std::uint64_t x) {  // the finaliser of SplitMix64
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

// In (0, 1).
__device__ __forceinline__ float uniform(std::uint32_t bits) {
  return (static_cast<float>(bits >> 8U) + 0.5F) * 0x1p-24F;
}

__device__ __forceinline__ float normal(std::uint64_t index, std::uint64_t seed) {
  const std::uint64_t bits = mixed(index ^ mixed(seed));
  const float radius = sqrtf(-2 * logf(uniform(static_cast<std::uint32_t>(bits))));
  return radius * cospif(2 * uniform(static_cast<std::uint32_t>(bits >> 32U)));
}

__device__ __forceinline__ float value_at(std::uint64_t index, const OperandFill& fill) {
  if (fill.data == OperandData::zeros) return 0;
  if (fill.data == OperandData::sparse90) {
    const auto bits = static_cast<std::uint32_t>(mixed(index ^ mixed(~fill.seed)));
    if (uniform(bits) >= keep_of_sparse90) return 0;
  }
  return normal(index, fill.seed);
}

template <class T>
__global__ void operand_fill(T* data, OperandFill fill) {
  const std::size_t step = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < fill.elements; i += step) {
    data[i] = T(value_at(i, fill));
  }
}

}  // namespace

void fill_operand(void* data, const OperandFill& fill, cudaStream_t stream) {
  if (fill.type == GemmType::bf16) {
    operand_fill<<<fill_ctas, fill_threads, 0, stream>>>(static_cast<__nv_bfloat16*>(data), fill);
  } else {
    operand_fill<<<fill_ctas, fill_threads, 0, stream>>>(static_cast<__nv_fp8_e4m3*>(data), fill);
  }
  PERFMODEL_CUDA(cudaGetLastError());
}

}  // namespace perfmodel
