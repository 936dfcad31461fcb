#include "calibrate/device/cuda.hpp"

#include <fmt/format.h>

namespace perfmodel {
namespace {

const char* remedy_of(cudaError_t status) {
  switch (status) {
    case cudaErrorNoDevice: return "; is there an NVIDIA GPU, and may this process see it (CUDA_VISIBLE_DEVICES)?";
    case cudaErrorInsufficientDriver: return "; the driver is missing or older than CUDA 13: install 580 or later";
    case cudaErrorMemoryAllocation: return "; other programs hold the card's memory: see nvidia-smi";
    case cudaErrorNoKernelImageForDevice: return "; the kernels are built for Hopper (sm_90a) alone";
    case cudaErrorDevicesUnavailable: return "; another program holds the card exclusively: see nvidia-smi";
    default: return "";
  }
}

}  // namespace

void check_cuda(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  throw DeviceError(
      fmt::format("{}: {}: {}{}", call, cudaGetErrorName(status), cudaGetErrorString(status), remedy_of(status)));
}

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(bytes) {
  if (bytes > 0) PERFMODEL_CUDA(cudaMalloc(&data_, bytes));
}

// What a destructor cannot report, the next checked call does.
DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) static_cast<void>(cudaFree(data_));
}

Stream::Stream(int priority) {
  PERFMODEL_CUDA(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, priority));
}

Stream::~Stream() {
  if (stream_ != nullptr) static_cast<void>(cudaStreamDestroy(stream_));
}

Event::Event() { PERFMODEL_CUDA(cudaEventCreate(&event_)); }

Event::~Event() {
  if (event_ != nullptr) static_cast<void>(cudaEventDestroy(event_));
}

Seconds Event::since(const Event& start) const {
  PERFMODEL_CUDA(cudaEventSynchronize(event_));
  float milliseconds = 0;
  PERFMODEL_CUDA(cudaEventElapsedTime(&milliseconds, start.event_, event_));
  return Seconds(1e-3 * static_cast<double>(milliseconds));
}

}  // namespace perfmodel
