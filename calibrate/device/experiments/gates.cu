#include "calibrate/device/cuda.hpp"
#include "calibrate/device/experiments/gates.hpp"

namespace perfmodel {
namespace {

constexpr unsigned long long longest_wait = 5'000'000;  // ns

__device__ __forceinline__ unsigned long long now() {
  unsigned long long time = 0;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  return time;
}

__global__ void hold_kernel(unsigned long long nanoseconds) {
  const unsigned long long start = now();
  while (now() - start < nanoseconds) {
  }
}

__global__ void await_kernel(const volatile unsigned* counter, unsigned count) {
  const unsigned long long start = now();
  while (*counter < count && now() - start < longest_wait) {
  }
}

// An SM that runs a gate with the standard carve-out would take no CTA with much shared memory until it drains.
template <class... Arguments>
void leave_shared_memory(void (*kernel)(Arguments...)) {
  PERFMODEL_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared));
}

}  // namespace

void hold_stream(cudaStream_t stream, Seconds time) {
  leave_shared_memory(hold_kernel);
  hold_kernel<<<1, 1, 0, stream>>>(static_cast<unsigned long long>(time.si() * 1e9));
  PERFMODEL_CUDA(cudaGetLastError());
}

void await_counter(cudaStream_t stream, const unsigned* counter, unsigned count) {
  leave_shared_memory(await_kernel);
  await_kernel<<<1, 1, 0, stream>>>(counter, count);
  PERFMODEL_CUDA(cudaGetLastError());
}

}  // namespace perfmodel
