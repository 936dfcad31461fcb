#include <array>
#include <cmath>
#include <string>

#include "calibrate/device/kernels/philox.cuh"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {
namespace {

struct Arguments {
  std::uint32_t* mask;
  std::uint64_t words;
  std::uint64_t seed;
  std::uint32_t threshold;
  unsigned row_words;  // of a row of which only the words up to the diagonal are made; 0 to make all
  unsigned* started;
};

template <int rounds, int bits>
__device__ __forceinline__ void make_mask(const Arguments& job) {
  if (job.started != nullptr && threadIdx.x == 0) atomicAdd(job.started, 1u);
  const std::uint64_t threads = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t word = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; word < job.words;
       word += threads) {
    job.mask[word] = philox_mask_word<rounds, bits>(word, job.seed, job.threshold);
  }
}

template <int rounds, int bits>
__global__ void rng_mask_kernel(Arguments job) {
  make_mask<rounds, bits>(job);
}

// A warp makes a row, a word a lane, up to the diagonal.
template <int rounds, int bits>
__global__ void rng_mask_causal_kernel(Arguments job) {
  if (job.started != nullptr && threadIdx.x == 0) atomicAdd(job.started, 1u);
  const auto rows = static_cast<unsigned>(job.words / job.row_words);
  const unsigned warps = gridDim.x * (blockDim.x / 32);
  for (unsigned row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; row < rows; row += warps) {
    const unsigned last = row % (32 * job.row_words) / 32;
    const std::uint64_t first = static_cast<std::uint64_t>(row) * job.row_words;
    for (unsigned column = threadIdx.x % 32; column <= last; column += 32) {
      job.mask[first + column] = philox_mask_word<rounds, bits>(first + column, job.seed, job.threshold);
    }
  }
}

// The same with an upper limit on a thread's registers.
template <int rounds, int bits, int registers>
__global__ void __maxnreg__(registers) rng_mask_capped_kernel(Arguments job) {
  make_mask<rounds, bits>(job);
}

using Kernel = void (*)(Arguments);

template <int rounds, int bits>
Kernel kernel_with(int registers, bool causal) {
  if (causal) return registers == 0 ? rng_mask_causal_kernel<rounds, bits> : nullptr;
  switch (registers) {
    case 0: return rng_mask_kernel<rounds, bits>;
    case 24: return rng_mask_capped_kernel<rounds, bits, 24>;
    case 32: return rng_mask_capped_kernel<rounds, bits, 32>;
    case 40: return rng_mask_capped_kernel<rounds, bits, 40>;
    default: return nullptr;
  }
}

template <int rounds>
Kernel kernel_of(int bits, int registers, bool causal) {
  switch (bits) {
    case 8: return kernel_with<rounds, 8>(registers, causal);
    case 16: return kernel_with<rounds, 16>(registers, causal);
    case 32: return kernel_with<rounds, 32>(registers, causal);
    default: return nullptr;
  }
}

Kernel kernel_of(const RngMask& job) {
  Kernel kernel = nullptr;
  const bool causal = job.causal_row > 0;
  const bool addressable =
      !causal || (job.causal_row % 32 == 0 && job.elements % job.causal_row == 0 && job.threads % 32 == 0);
  switch (job.rounds) {
    case 3: kernel = kernel_of<3>(job.bits, job.registers, causal); break;
    case 5: kernel = kernel_of<5>(job.bits, job.registers, causal); break;
    case 7: kernel = kernel_of<7>(job.bits, job.registers, causal); break;
    case 10: kernel = kernel_of<10>(job.bits, job.registers, causal); break;
    default: break;
  }
  if (kernel == nullptr || job.elements <= 0 || job.elements % 32 != 0 || !addressable) {
    throw DeviceError("no mask kernel of " + std::to_string(job.rounds) + " rounds, " + std::to_string(job.bits) +
                      " bits, " + std::to_string(job.registers) + " registers for " + std::to_string(job.elements) +
                      " elements; there are 3, 5, 7, 10 rounds, 8, 16, 32 bits, limits of 24, 32, 40 or none, and "
                      "multiples of 32 elements; causal masks of whole rows and warps, without a limit");
  }
  return kernel;
}

void set_carveout(Kernel kernel, Carveout carveout) {
  const int preferred = carveout == Carveout::maximum_shared ? static_cast<int>(cudaSharedmemCarveoutMaxShared)
                                                             : static_cast<int>(cudaSharedmemCarveoutDefault);
  PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, preferred));
}

}  // namespace

Launch rng_mask_launch(const RngMask& job, std::uint32_t* mask, unsigned* started) {
  const Kernel kernel = kernel_of(job);
  const Arguments arguments{.mask = mask,
                            .words = static_cast<std::uint64_t>(job.elements) / 32,
                            .seed = job.seed,
                            .threshold = mask_threshold(job),
                            .row_words = static_cast<unsigned>(job.causal_row) / 32,
                            .started = started};
  return [=](cudaStream_t stream) {
    set_carveout(kernel, job.carveout);
    kernel<<<static_cast<unsigned>(job.ctas), static_cast<unsigned>(job.threads), 0, stream>>>(arguments);
    PERFMODEL_CUDA(cudaGetLastError());
  };
}

KernelResources rng_mask_resources(const RngMask& job) {
  const Kernel kernel = kernel_of(job);
  set_carveout(kernel, job.carveout);
  cudaFuncAttributes attributes{};
  PERFMODEL_CUDA(cudaFuncGetAttributes(&attributes, kernel));
  KernelResources resources;
  resources.threads = job.threads;
  resources.registers = attributes.numRegs;
  resources.static_smem = Bytes(static_cast<double>(attributes.sharedSizeBytes));
  PERFMODEL_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resources.ctas_per_sm, kernel, job.threads, 0));
  return resources;
}

}  // namespace perfmodel
