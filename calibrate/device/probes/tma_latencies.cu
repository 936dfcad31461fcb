#include <algorithm>
#include <numeric>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/cluster_launch.cuh"
#include "calibrate/device/probes/tma.cuh"
#include "calibrate/device/probes/tma_matrix.hpp"

namespace perfmodel {
namespace {

constexpr int samples = 128;       // copies, one after the other
constexpr int skipped = 8;         // of them, while the descriptor and the code come
constexpr int few = 8, many = 40;  // copies issued in a row; what the difference takes has no beginning and no end
constexpr std::size_t evicting = std::size_t{256} << 20U;

// One thread loads box by box, each when the one before is there; `clocks` of each, from the instruction to the wait's
// return.
__global__ void __launch_bounds__(32, 1)
    tma_load_latency(const __grid_constant__ CUtensorMap map, int rows, long long* clocks) {
  extern __shared__ __align__(1024) char latency_box[];
  __shared__ unsigned long long full;
  if (!elected()) return;
  // Addresses kept as values: worked out anew they would be part of what is timed.
  __shared__ std::uint32_t places[2];
  places[0] = shared_address(&full);
  places[1] = shared_address(latency_box);
  const std::uint32_t barrier = *static_cast<volatile std::uint32_t*>(places);
  const std::uint32_t slot = *static_cast<volatile std::uint32_t*>(places + 1);
  mbarrier_init(barrier, 1);
  mbarrier_init_done();
  tma_prefetch(&map);
#pragma unroll 1
  for (int i = 0; i < samples; ++i) {
    const TmaPlace place = tma_place(37 * i, rows);
    mbarrier_expect(barrier, static_cast<unsigned>(rows * tma_row_bytes));
    const long long start = clock64();
    tma_load(slot, &map, place.column, place.row, barrier);
    const bool came = mbarrier_wait(barrier, i & 1);
    clocks[i] = came ? clock64() - start : timed_out;
    if (!came) return;
  }
}

// The same places by plain loads past the L1, 4 bytes of each.
__global__ void __launch_bounds__(32, 1) tma_line_latency(const char* matrix, int rows, long long* clocks) {
  __shared__ std::uint32_t last_value;
  if (threadIdx.x != 0) return;
#pragma unroll 1
  for (int i = 0; i < samples; ++i) {
    const TmaPlace place = tma_place(37 * i + static_cast<int>(threadIdx.x), rows);
    const char* address = matrix + 2 * (std::size_t{tma_columns} * place.row + place.column);
    const long long start = clock64();
    std::uint32_t value;
    asm volatile("ld.global.cg.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
    // The store cannot issue before the load is there, nor the clock be read before the store.
    asm volatile("st.volatile.shared.u32 [%0], %1;" ::"r"(shared_address(&last_value)), "r"(value) : "memory");
    clocks[i] = clock64() - start;
  }
}

// Box by box from shared memory: until it has been read there, or until it is written.
template <bool written>
__global__ void __launch_bounds__(32, 1)
    tma_store_latency(const __grid_constant__ CUtensorMap map, int rows, long long* clocks) {
  extern __shared__ __align__(1024) char latency_box[];
  for (int i = static_cast<int>(threadIdx.x); i < rows * tma_row_bytes / 4; i += 32) {
    reinterpret_cast<std::uint32_t*>(latency_box)[i] = 2654435761U * i;
  }
  bulk_fence();
  __syncwarp();
  if (!elected()) return;
  tma_prefetch(&map);
#pragma unroll 1
  for (int i = 0; i < samples; ++i) {
    const TmaPlace place = tma_place(37 * i, rows);
    const long long start = clock64();
    tma_store(&map, place.column, place.row, shared_address(latency_box));
    bulk_commit();
    if constexpr (written) {
      bulk_wait();
    } else {
      bulk_wait_read<0>();
    }
    clocks[i] = clock64() - start;
    bulk_wait();
  }
}

// Loads one after the other without waiting, all to the same place: `clocks` of the instructions, then until all has
// come, of few and of many.
__global__ void __launch_bounds__(32, 1)
    tma_issue(const __grid_constant__ CUtensorMap map, int rows, long long* clocks) {
  extern __shared__ __align__(1024) char latency_box[];
  __shared__ unsigned long long full;
  if (!elected()) return;
  const std::uint32_t barrier = shared_address(&full), slot = shared_address(latency_box);
  mbarrier_init(barrier, 1);
  mbarrier_init_done();
  const int bytes = rows * tma_row_bytes;
  unsigned parity = 0;
  for (int round = 0; round < 3; ++round, parity ^= 1) {
    const int count = round == 2 ? many : few;  // the first round warms up
    mbarrier_expect(barrier, static_cast<unsigned>(count * bytes));
    const long long start = clock64();
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      tma_load(slot, &map, i * tma_box_columns, 0, barrier);
    }
    const long long issued = clock64();
    const bool came = mbarrier_wait(barrier, parity);
    const long long end = clock64();
    const int entry = round == 2 ? 2 : 0;
    clocks[entry] = came ? issued - start : timed_out;
    clocks[entry + 1] = came ? end - start : timed_out;
    if (!came) return;
  }
}

// Means, for lines lie near or far: the median of two modes jumps. Of each repetition, without the first copies and
// the slowest twentieth.
std::vector<double> means_of(const std::vector<std::vector<long long>>& repetitions) {
  std::vector<double> means;
  for (std::vector<long long> clocks : repetitions) {
    clocks.erase(clocks.begin(), clocks.begin() + skipped);
    std::sort(clocks.begin(), clocks.end());
    if (clocks.front() <= 0) continue;
    clocks.resize(clocks.size() - clocks.size() / 20);
    means.push_back(std::accumulate(clocks.begin(), clocks.end(), 0.0) / static_cast<double>(clocks.size()));
  }
  return means;
}

class Latencies {
 public:
  Latencies(Bench& bench, const TmaMatrix& matrix)
      : bench_(bench), matrix_(matrix), other_(evicting), reading_(bench, samples) {
    fill_random(other_.data(), other_.bytes(), bench.stream().get());
  }

  template <class Kernel>
  std::vector<double> of_boxes(Kernel kernel, int rows, bool cold) {
    const CUtensorMap map = matrix_.boxes_of(rows);
    const ClusterShape shape = one_cta(rows);
    return means_of(reading_.entries([&](cudaStream_t stream) {
      prepare(cold, stream);
      launch_cluster(kernel, shape, stream, map, rows, reading_.device());
    }));
  }

  std::vector<double> of_lines(int rows, bool cold) {
    const auto* data = static_cast<const char*>(matrix_.memory().data());
    return means_of(reading_.entries([&](cudaStream_t stream) {
      prepare(cold, stream);
      tma_line_latency<<<1, 32, 0, stream>>>(data, rows, reading_.device());
    }));
  }

  // Clocks of a copy where many follow each other: of its instruction, and until it has come.
  struct Issue {
    std::vector<double> instruction, copy;
  };
  Issue issue(int rows) {
    const CUtensorMap map = matrix_.boxes_of(rows);
    const ClusterShape shape = one_cta(rows);
    const auto repetitions = reading_.entries([&](cudaStream_t stream) {
      prepare(false, stream);
      launch_cluster(tma_issue, shape, stream, map, rows, reading_.device());
    });
    Issue issue;
    for (const auto& clocks : repetitions) {
      if (*std::min_element(clocks.begin(), clocks.begin() + 4) <= 0) continue;
      issue.instruction.push_back(static_cast<double>(clocks[2] - clocks[0]) / (many - few));
      issue.copy.push_back(static_cast<double>(clocks[3] - clocks[1]) / (many - few));
    }
    return issue;
  }

 private:
  static ClusterShape one_cta(int rows) {
    return {.ctas = 1, .threads = 32, .cluster = 1, .shared_bytes = static_cast<std::size_t>(rows) * tma_row_bytes};
  }
  void prepare(bool cold, cudaStream_t stream) {
    read_through(matrix_.memory().data(), matrix_.memory().bytes(), stream);
    if (cold) read_through(other_.data(), other_.bytes(), stream);
  }

  Bench& bench_;
  const TmaMatrix& matrix_;
  DeviceMemory other_;
  ClockReading reading_;
};

std::string box_name(int rows) { return std::to_string(rows) + (rows == 1 ? " row" : " rows") + " x 128 B"; }

void report_issue(Bench& bench, Latencies& latencies) {
  for (const int rows : {1, 8, 64}) {
    const Latencies::Issue issue = latencies.issue(rows);
    report_values(bench,
                  {"tma", box_name(rows), "issue interval", "clk", rows == 1 ? "transfer.tma_issue" : "",
                   "of one thread's load instructions"},
                  issue.instruction);
    report_values(bench, {"tma", box_name(rows), "copy interval", "clk", "", "between boxes that one thread asked for"},
                  issue.copy);
  }
}

// What a copy adds to the memory's own latency: boxes of one row against plain loads of the same lines.
void report_added(Bench& bench, Latencies& latencies) {
  const std::vector<double> lines = latencies.of_lines(1, false);
  const std::vector<double> copies = latencies.of_boxes(tma_load_latency, 1, false);
  report_values(bench, {"tma", "plain loads of the same lines", "latency from L2", "clk", "", ""}, lines);
  std::vector<double> added;
  const double line = summarise(lines).median;
  for (const double copy : copies) added.push_back(copy - line);
  report_values(
      bench, {"tma", box_name(1), "latency beyond a plain load", "clk", "transfer.tma_latency", "from the L2"}, added);
}

}  // namespace

void report_tma_latencies(Bench& bench, const TmaMatrix& matrix) {
  Latencies latencies(bench, matrix);
  for (const int rows : {1, 8, 64, 128, 256}) {
    bench.progress("TMA latency of " + box_name(rows));
    const auto report = [&](const char* quantity, const std::vector<double>& clocks) {
      report_values(bench, {"tma", box_name(rows), quantity, "clk", "", "mean over boxes"}, clocks);
    };
    report("load latency from L2", latencies.of_boxes(tma_load_latency, rows, false));
    report("load latency from DRAM", latencies.of_boxes(tma_load_latency, rows, true));
    report("store latency until read", latencies.of_boxes(tma_store_latency<false>, rows, false));
    report("store latency until written", latencies.of_boxes(tma_store_latency<true>, rows, false));
  }
  report_added(bench, latencies);
  report_issue(bench, latencies);
}

}  // namespace perfmodel
