#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "calibrate/device/kernels/attention.hpp"
#include "calibrate/device/kernels/attention_kernel.cuh"
#include "calibrate/device/kernels/operand_data.hpp"
#include "calibrate/device/kernels/reference.hpp"
#include "calibrate/device/probes/tensor_map.hpp"

namespace perfmodel {
namespace {

using Kernel = void (*)(const AttentionMaps, const AttentionArguments);

constexpr int dropout_bits = 8;
constexpr double section_bytes = 16 << 20;  // a third of the L2: what lies on the other side of it counts twice

template <bool causal>
Kernel kernel_of(AttentionDropout dropout, int rounds) {
  if (dropout == AttentionDropout::none) return attention_forward<causal, AttentionDropout::none, 0>;
  if (dropout == AttentionDropout::mask) return attention_forward<causal, AttentionDropout::mask, 0>;
  switch (rounds) {
    case 3: return attention_forward<causal, AttentionDropout::fused, 3>;
    case 5: return attention_forward<causal, AttentionDropout::fused, 5>;
    case 7: return attention_forward<causal, AttentionDropout::fused, 7>;
    case 10: return attention_forward<causal, AttentionDropout::fused, 10>;
    default: return nullptr;
  }
}

Kernel kernel_of(const OwnAttention& attention) {
  const Kernel kernel = attention.causal ? kernel_of<true>(attention.dropout, attention.rounds)
                                         : kernel_of<false>(attention.dropout, attention.rounds);
  if (kernel == nullptr) {
    throw DeviceError("attention with " + std::to_string(attention.rounds) +
                      " Philox rounds is not compiled in; ask for 3, 5, 7 or 10");
  }
  PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, attention_smem));
  return kernel;
}

std::size_t tensor_elements(const OwnAttention& attention) {
  return std::size_t{1} * attention.batch * attention.sequence * attention.heads * head_dimension;
}

std::int64_t scores_of(const OwnAttention& attention) {
  return std::int64_t{1} * attention.batch * attention.heads * attention.sequence * attention.sequence;
}

CUtensorMap map_of(const DeviceMemory& tensor, const OwnAttention& attention, int rows) {
  TensorBox box;
  box.data = tensor.data();
  box.columns = static_cast<std::uint64_t>(attention.heads) * head_dimension;
  box.rows = static_cast<std::uint64_t>(attention.batch) * attention.sequence;
  box.box_columns = head_dimension / 2;
  box.box_rows = static_cast<std::uint32_t>(rows);
  box.swizzled = true;
  return tensor_map(box);
}

RngMask mask_of(const OwnAttention& attention) {
  RngMask mask;
  mask.elements = scores_of(attention);
  mask.rounds = attention.rounds;
  mask.bits = dropout_bits;
  mask.seed = attention.seed;
  mask.keep = attention.keep;
  return mask;
}

// The share that decisions of so few bits keep.
double kept_share(const OwnAttention& attention) {
  if (attention.dropout == AttentionDropout::none) return 1;
  return mask_threshold(mask_of(attention)) / std::exp2(dropout_bits);
}

AttentionArguments arguments_of(const OwnAttention& attention, const std::uint32_t* mask) {
  AttentionArguments arguments;
  arguments.sequence = attention.sequence;
  arguments.heads = attention.heads;
  arguments.all_heads = attention.batch * attention.heads;
  const double head_bytes = 2.0 * attention.sequence * head_dimension * sizeof(std::uint16_t);
  arguments.section = std::clamp(static_cast<int>(section_bytes / head_bytes), 1, arguments.all_heads);
  arguments.score_scale = static_cast<float>(std::numbers::log2e / std::sqrt(double{head_dimension}));
  arguments.out_scale = static_cast<float>(1 / kept_share(attention));
  arguments.mask = mask;
  arguments.seed = attention.seed;
  arguments.threshold = mask_threshold(mask_of(attention));
  return arguments;
}

// What each sampled row's probabilities are multiplied with, by the mask as the CPU makes it.
std::vector<std::vector<double>> kept_factors(const OwnAttention& attention, const AttentionTensors& tensors) {
  const RngMask mask = mask_of(attention);
  const double kept = 1 / kept_share(attention);
  std::vector<std::vector<double>> factors;
  for (const AttentionRow& at : sampled_rows(tensors)) {
    const std::uint64_t head = std::uint64_t{1} * at.batch * attention.heads + at.head;
    const std::uint64_t first_word = (head * attention.sequence + at.row) * attention.sequence / 32;
    std::vector<double>& row = factors.emplace_back();
    for (int i = 0; i < attention.sequence / 32; ++i) {
      const std::uint32_t word = reference_mask_word(mask, first_word + i);
      for (int bit = 0; bit < 32; ++bit) row.push_back((word >> bit & 1U) != 0 ? kept : 0);
    }
  }
  return factors;
}

}  // namespace

OwnAttentionJob::OwnAttentionJob(const OwnAttention& attention) : attention_(attention) {
  if (attention.sequence <= 0 || attention.sequence % block_rows != 0) {
    throw DeviceError("attention over " + std::to_string(attention.sequence) +
                      " keys is not compiled in; ask for a multiple of " + std::to_string(block_rows));
  }
  static_cast<void>(kernel_of(attention));
  const std::size_t elements = tensor_elements(attention);
  std::uint64_t seed = 11;
  for (DeviceMemory* tensor : {&q_, &k_, &v_, &out_}) {
    *tensor = DeviceMemory(elements * sizeof(std::uint16_t));
    fill_operand(tensor->data(), {.elements = elements, .seed = seed++}, nullptr);
  }
  PERFMODEL_CUDA(cudaDeviceSynchronize());
}

Launch OwnAttentionJob::launch(const std::uint32_t* mask) const {
  if (attention_.dropout == AttentionDropout::mask && mask == nullptr) {
    throw DeviceError("attention that reads a mask was given none");
  }
  const Kernel kernel = kernel_of(attention_);
  const AttentionMaps maps{map_of(q_, attention_, block_rows), map_of(k_, attention_, block_columns),
                           map_of(v_, attention_, block_columns), map_of(out_, attention_, block_rows / 2)};
  const AttentionArguments arguments = arguments_of(attention_, mask);
  const auto ctas = static_cast<unsigned>(arguments.all_heads * (attention_.sequence / block_rows));
  return [=](cudaStream_t stream) {
    kernel<<<ctas, attention_threads, attention_smem, stream>>>(maps, arguments);
    PERFMODEL_CUDA(cudaGetLastError());
  };
}

KernelResources OwnAttentionJob::resources() const {
  const Kernel kernel = kernel_of(attention_);
  cudaFuncAttributes attributes{};
  PERFMODEL_CUDA(cudaFuncGetAttributes(&attributes, kernel));
  KernelResources resources;
  resources.threads = attention_threads;
  resources.registers = attributes.numRegs;
  resources.static_smem = Bytes(static_cast<double>(attributes.sharedSizeBytes));
  resources.dynamic_smem = Bytes(attention_smem);
  PERFMODEL_CUDA(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resources.ctas_per_sm, kernel, attention_threads, attention_smem));
  return resources;
}

double OwnAttentionJob::check(const Stream& stream) {
  DeviceBuffer<std::uint32_t> mask;
  if (attention_.dropout == AttentionDropout::mask) {
    const RngMask job = mask_of(attention_);
    mask = DeviceBuffer<std::uint32_t>(static_cast<std::size_t>(job.elements / 32));
    rng_mask_launch(job, mask.data())(stream.get());
  }
  PERFMODEL_CUDA(cudaMemsetAsync(out_.data(), 0xff, out_.bytes(), stream.get()));
  launch(mask.size() > 0 ? mask.data() : nullptr)(stream.get());
  stream.wait();
  const AttentionTensors tensors{.q = q_.data(),
                                 .k = k_.data(),
                                 .v = v_.data(),
                                 .out = out_.data(),
                                 .batch = attention_.batch,
                                 .heads = attention_.heads,
                                 .kv_heads = attention_.heads,
                                 .sequence = attention_.sequence,
                                 .head_dim = head_dimension,
                                 .causal = attention_.causal};
  if (attention_.dropout == AttentionDropout::none) return attention_error(tensors);
  return attention_error(tensors, kept_factors(attention_, tensors));
}

}  // namespace perfmodel
