#include <algorithm>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/cluster_launch.cuh"
#include "calibrate/device/probes/tma.cuh"
#include "calibrate/device/probes/tma_matrix.hpp"

namespace perfmodel {
namespace {

constexpr int most_stages = 4;
constexpr int stream_threads = 64;
constexpr int stream_bytes = 2 << 20;  // that an SM moves in one launch

struct TmaStream {
  int box_rows = 0;   // of one copy
  int tile_rows = 0;  // of a stage: the boxes of all CTAs of a cluster with multicast
  int stages = 1;
  int copies = 0;
};

struct StreamState {
  unsigned long long full[most_stages], empty[most_stages];
  long long start, end;
};

// One thread asks for a box as soon as its stage is free in every CTA that it goes to; false if a wait ran out.
template <bool multicast>
__device__ bool produce(const CUtensorMap* map, const TmaStream& stream, StreamState& state, std::uint32_t stages) {
  const unsigned ctas = multicast ? cluster_size() : 1, rank = multicast ? cluster_rank() : 0;
  const int box_bytes = stream.box_rows * tma_row_bytes;
  const int first = static_cast<int>(blockIdx.x / ctas) * 37;
  int stage = 0;
  unsigned parity = 1;  // of the turn before the first: complete from the start
  for (int i = 0; i < stream.copies; ++i) {
    const std::uint32_t full = shared_address(state.full + stage);
    if (!mbarrier_wait(shared_address(state.empty + stage), parity)) return false;
    mbarrier_expect(full, box_bytes * ctas);
    const TmaPlace place = tma_place(first + i, stream.tile_rows);
    const std::uint32_t slot = stages + stage * stream.tile_rows * tma_row_bytes + rank * box_bytes;
    if constexpr (multicast) {
      tma_load_multicast(slot, map, place.column, place.row + static_cast<int>(rank) * stream.box_rows, full,
                         static_cast<std::uint16_t>((1U << ctas) - 1));
    } else {
      tma_load(slot, map, place.column, place.row, full);
    }
    if (++stage == stream.stages) {
      stage = 0;
      parity ^= 1;
    }
  }
  return true;
}

// Another thread gives each stage back as soon as it is full.
template <bool multicast>
__device__ bool consume(const TmaStream& stream, StreamState& state) {
  const unsigned ctas = multicast ? cluster_size() : 1;
  int stage = 0;
  unsigned parity = 0;
  for (int i = 0; i < stream.copies; ++i) {
    if (!mbarrier_wait(shared_address(state.full + stage), parity)) return false;
    const std::uint32_t empty = shared_address(state.empty + stage);
    if constexpr (multicast) {
      for (unsigned rank = 0; rank < ctas; ++rank) mbarrier_arrive_remote(address_at(empty, rank));
    } else {
      mbarrier_arrive(empty);
    }
    if (++stage == stream.stages) {
      stage = 0;
      parity ^= 1;
    }
  }
  return true;
}

template <bool multicast>
__global__ void __launch_bounds__(stream_threads, 1)
    tma_load_stream(const __grid_constant__ CUtensorMap map, TmaStream stream, long long* clocks) {
  extern __shared__ __align__(1024) char tma_stages[];
  __shared__ StreamState state;
  if (threadIdx.x == 0) {
    for (int i = 0; i < stream.stages; ++i) {
      mbarrier_init(shared_address(state.full + i), 1);
      mbarrier_init(shared_address(state.empty + i), multicast ? cluster_size() : 1);
    }
    mbarrier_init_done();
    tma_prefetch(&map);
  }
  cluster_sync();
  __shared__ bool produced;
  if (threadIdx.x < 32 && elected()) {
    state.start = clock64();
    produced = produce<multicast>(&map, stream, state, shared_address(tma_stages));
  } else if (threadIdx.x == 32) {
    const bool consumed = consume<multicast>(stream, state);
    state.end = consumed ? clock64() : timed_out;
  }
  // No CTA may end while others still send to it.
  cluster_sync();
  if (threadIdx.x == 0) clocks[blockIdx.x] = produced && state.end > 0 ? state.end - state.start : timed_out;
}

template <int stages>
__global__ void __launch_bounds__(stream_threads, 1)
    tma_store_stream(const __grid_constant__ CUtensorMap map, TmaStream stream, long long* clocks) {
  extern __shared__ __align__(1024) char tma_stages[];
  const int box_bytes = stream.box_rows * tma_row_bytes;
  auto* words = reinterpret_cast<std::uint32_t*>(tma_stages);
  for (int i = static_cast<int>(threadIdx.x); i < stages * box_bytes / 4; i += stream_threads) {
    words[i] = 2654435761U * (i + blockIdx.x) ^ i << 9;
  }
  bulk_fence();
  __syncthreads();
  if (threadIdx.x >= 32 || !elected()) return;
  const int first = static_cast<int>(blockIdx.x) * 37;
  const long long start = clock64();
  for (int i = 0, stage = 0; i < stream.copies; ++i, stage = stage + 1 == stages ? 0 : stage + 1) {
    bulk_wait_read<stages - 1>();
    const TmaPlace place = tma_place(first + i, stream.box_rows);
    tma_store(&map, place.column, place.row, shared_address(tma_stages) + stage * box_bytes);
    bulk_commit();
  }
  bulk_wait();
  clocks[blockIdx.x] = clock64() - start;
}

std::string stream_name(int rows, int stages) {
  return std::to_string(rows) + " rows x 128 B, " + std::to_string(stages) + " in flight";
}

std::size_t stream_shared(int rows, int stages) { return static_cast<std::size_t>(rows) * tma_row_bytes * stages; }

// Bytes a clock that each of `ctas` SMs gets: loads, alone or shared out among the CTAs of clusters.
std::vector<double> load_rates(Bench& bench, const TmaMatrix& matrix, int rows, int stages, int ctas, int cluster,
                               bool multicast) {
  const int box_rows = multicast ? rows / cluster : rows;
  const TmaStream stream{
      .box_rows = box_rows, .tile_rows = rows, .stages = stages, .copies = stream_bytes / (rows * tma_row_bytes)};
  const auto kernel = multicast ? tma_load_stream<true> : tma_load_stream<false>;
  // So much that each CTA has an SM of its own.
  ClusterShape shape{.ctas = ctas,
                     .threads = stream_threads,
                     .cluster = cluster,
                     .shared_bytes = std::max<std::size_t>(stream_shared(rows, stages), 116 * 1024)};
  const int most = clusters_at_once(kernel, shape) * cluster;
  if (most == 0) return {};
  shape.ctas = std::min(ctas, most) / cluster * cluster;
  const CUtensorMap map = matrix.boxes_of(box_rows);
  ClockReading reading(bench, shape.ctas);
  const std::vector<double> clocks = reading.medians([&](cudaStream_t on) {
    read_through(matrix.memory().data(), matrix.memory().bytes(), on);
    launch_cluster(kernel, shape, on, map, stream, reading.device());
  });
  return over(static_cast<double>(stream.copies) * rows * tma_row_bytes, clocks);
}

template <int stages>
std::vector<double> store_rates(Bench& bench, const TmaMatrix& matrix, int rows, int ctas) {
  const TmaStream stream{
      .box_rows = rows, .tile_rows = rows, .stages = stages, .copies = stream_bytes / (rows * tma_row_bytes)};
  const ClusterShape shape{.ctas = ctas,
                           .threads = stream_threads,
                           .cluster = 1,
                           .shared_bytes = std::max<std::size_t>(stream_shared(rows, stages), 116 * 1024)};
  const CUtensorMap map = matrix.boxes_of(rows);
  ClockReading reading(bench, ctas);
  const std::vector<double> clocks = reading.medians(
      [&](cudaStream_t on) { launch_cluster(tma_store_stream<stages>, shape, on, map, stream, reading.device()); });
  return over(static_cast<double>(stream.copies) * rows * tma_row_bytes, clocks);
}

void report_rate(Bench& bench, const std::string& name, const std::string& quantity, const std::vector<double>& rates,
                 const std::string& note) {
  report_values(bench, {"tma", name, quantity, "B/clk", "", note}, rates);
}

void report_multicast(Bench& bench, const TmaMatrix& matrix) {
  for (const int cluster : {2, 4}) {
    bench.progress("TMA multicast to " + std::to_string(cluster));
    const std::string name = "clusters of " + std::to_string(cluster) + ", " + stream_name(128, 4);
    const std::string note = "delivered to each SM from the L2, all SMs that clusters fill";
    report_rate(bench, name, "load", load_rates(bench, matrix, 128, 4, bench.sms(), cluster, false), note);
    report_rate(bench, name, "multicast load", load_rates(bench, matrix, 128, 4, bench.sms(), cluster, true), note);
  }
}

}  // namespace

void report_tma_streams(Bench& bench, const TmaMatrix& matrix) {
  for (const int rows : {8, 16, 32, 64, 128, 256}) {
    for (const int stages : {1, 2, 4}) {
      const std::string name = stream_name(rows, stages);
      bench.progress("TMA loads of " + name);
      report_rate(bench, name, "load, one SM", load_rates(bench, matrix, rows, stages, 1, 1, false), "from the L2");
      report_rate(bench, name, "load, all SMs", load_rates(bench, matrix, rows, stages, bench.sms(), 1, false),
                  "each SM's, from the L2");
    }
    bench.progress("TMA stores of " + std::to_string(rows) + " rows");
    report_rate(bench, stream_name(rows, 1), "store, one SM", store_rates<1>(bench, matrix, rows, 1), "to the L2");
    report_rate(bench, stream_name(rows, 4), "store, one SM", store_rates<4>(bench, matrix, rows, 1), "to the L2");
    report_rate(bench, stream_name(rows, 4), "store, all SMs", store_rates<4>(bench, matrix, rows, bench.sms()),
                "each SM's, to the L2");
  }
  report_multicast(bench, matrix);
}

}  // namespace perfmodel
