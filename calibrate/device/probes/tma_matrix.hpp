// The matrix that the probes of the bulk tensor copies work on, and the order in which its boxes come.
#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include <vector>

#include "calibrate/device/bench.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/tensor_map.hpp"

namespace perfmodel {

inline constexpr int tma_box_columns = 64;  // of 16 bits: 128 bytes, a row of a box
inline constexpr int tma_row_bytes = 2 * tma_box_columns;
inline constexpr int tma_columns = 4096, tma_rows = 2048;  // 16 MiB: it stays in the L2

// 16 MiB of random bits, row-major.
class TmaMatrix {
 public:
  explicit TmaMatrix(Bench& bench) : memory_(std::size_t{2} * tma_columns * tma_rows) {
    fill_random(memory_.data(), memory_.bytes(), bench.stream().get());
  }

  [[nodiscard]] const DeviceMemory& memory() const { return memory_; }
  [[nodiscard]] CUtensorMap boxes_of(int rows) const {
    return tensor_map({.data = memory_.data(),
                       .columns = tma_columns,
                       .rows = tma_rows,
                       .box_columns = tma_box_columns,
                       .box_rows = static_cast<std::uint32_t>(rows)});
  }

 private:
  DeviceMemory memory_;
};

struct TmaPlace {
  int column, row;
};

// The box of that index: along a row of boxes first, as a GEMM goes along k. `tile_rows` is a power of two.
__device__ __forceinline__ TmaPlace tma_place(int index, int tile_rows) {
  constexpr int across = tma_columns / tma_box_columns;
  return {(index % across) * tma_box_columns, (index / across) * tile_rows & (tma_rows - 1)};
}

// The parts of the probe.
void report_tma_streams(Bench& bench, const TmaMatrix& matrix);    // bandwidth of loads, multicast and stores
void report_tma_latencies(Bench& bench, const TmaMatrix& matrix);  // of loads and stores; how fast one thread issues
void report_barriers(Bench& bench);                                // in shared memory and of the CTA

}  // namespace perfmodel
