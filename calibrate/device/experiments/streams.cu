#include "calibrate/device/experiments/streams.hpp"
#include "calibrate/device/probes/dram_stream.cuh"
#include "calibrate/device/probes/global_buffer.hpp"

namespace perfmodel {
namespace {

__device__ std::uint32_t unread;  // where digests would go

template <int reads, int writes>
__global__ void __launch_bounds__(dram_threads)
    memory_stream(const uint4* source, uint4* destination, std::size_t vectors) {
  const std::uint32_t digest = dram_stream<reads, writes>(source, destination, 0, vectors);
  if (digest == 0x9e3779b9U) unread = digest;
}

DeviceMemory random_buffer(std::size_t bytes) {
  DeviceMemory memory(bytes);
  fill_random(memory.data(), bytes, nullptr);
  PERFMODEL_CUDA(cudaStreamSynchronize(nullptr));
  return memory;
}

}  // namespace

MemoryStream::MemoryStream(const Bench& bench, StreamKind kind, std::size_t bytes)
    : kind_(kind), ctas_(dram_ctas * bench.sms()) {
  const std::size_t buffer = kind == StreamKind::copy ? bytes / 2 : bytes;
  vectors_ = buffer / sizeof(uint4) / dram_tile * dram_tile;
  if (kind != StreamKind::write) source_ = random_buffer(buffer);
  if (kind != StreamKind::read) destination_ = random_buffer(buffer);
}

Launch MemoryStream::launch() const {
  return [this](cudaStream_t stream) {
    const auto* const source = static_cast<const uint4*>(source_.data());
    auto* const destination = static_cast<uint4*>(destination_.data());
    const auto ctas = static_cast<unsigned>(ctas_);
    switch (kind_) {
      case StreamKind::read:
        memory_stream<1, 0><<<ctas, dram_threads, 0, stream>>>(source, destination, vectors_);
        break;
      case StreamKind::write:
        memory_stream<0, 1><<<ctas, dram_threads, 0, stream>>>(source, destination, vectors_);
        break;
      case StreamKind::copy:
        memory_stream<1, 1><<<ctas, dram_threads, 0, stream>>>(source, destination, vectors_);
        break;
    }
    PERFMODEL_CUDA(cudaGetLastError());
  };
}

}  // namespace perfmodel
