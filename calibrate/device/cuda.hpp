// CUDA handles that clean up after themselves, and the one check of CUDA return codes.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/units.hpp"

namespace perfmodel {

// A call to CUDA, CUPTI, NVML, cuBLASLt or cuDNN failed: says which, with the library's own name for the error and
// the remedy where one is known.
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws DeviceError unless the call succeeded.
void check_cuda(cudaError_t status, const char* call);
#define PERFMODEL_CUDA(call) ::perfmodel::check_cuda((call), #call)

// Memory of the card, uninitialised. Move-only.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes);
  DeviceMemory(DeviceMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceMemory();

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// So many elements of T in the card's memory.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t count) : memory_(count * sizeof(T)) {}
  explicit DeviceBuffer(const std::vector<T>& values) : DeviceBuffer(values.size()) { upload(values); }

  [[nodiscard]] T* data() const { return static_cast<T*>(memory_.data()); }
  [[nodiscard]] std::size_t size() const { return memory_.bytes() / sizeof(T); }

  // Both wait for the copy.
  void upload(std::span<const T> values) {
    PERFMODEL_CUDA(cudaMemcpy(data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice));
  }
  [[nodiscard]] std::vector<T> download() const {
    std::vector<T> values(size());
    PERFMODEL_CUDA(cudaMemcpy(values.data(), data(), size() * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }
  // Every byte set to `byte`: poisons an output before a run, or clears it.
  void fill(int byte) { PERFMODEL_CUDA(cudaMemset(data(), byte, memory_.bytes())); }

 private:
  DeviceMemory memory_;
};

class Stream {
 public:
  // Does not wait for the default stream. Lower numbers are more urgent.
  explicit Stream(int priority = 0);
  Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept { return std::swap(stream_, other.stream_), *this; }
  ~Stream();

  [[nodiscard]] cudaStream_t get() const { return stream_; }
  void wait() const { PERFMODEL_CUDA(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event();
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept { return std::swap(event_, other.event_), *this; }
  ~Event();

  [[nodiscard]] cudaEvent_t get() const { return event_; }
  void record(const Stream& stream) { PERFMODEL_CUDA(cudaEventRecord(event_, stream.get())); }
  // Both events must have been recorded; waits for this one.
  [[nodiscard]] Seconds since(const Event& start) const;

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace perfmodel
