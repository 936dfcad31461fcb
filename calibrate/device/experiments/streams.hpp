// Long reads, writes and copies of the card's memory.
#pragma once

#include <cstdint>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

enum class StreamKind : std::uint8_t { read, write, copy };

// Buffers of their own, with random content. `bytes` is what is read and written together.
class MemoryStream {
 public:
  MemoryStream(const Bench& bench, StreamKind kind, std::size_t bytes);
  // Good for as long as this object.
  [[nodiscard]] Launch launch() const;

 private:
  StreamKind kind_;
  int ctas_;
  std::size_t vectors_;  // of 16 bytes, of one buffer
  DeviceMemory source_, destination_;
};

}  // namespace perfmodel
