#include <algorithm>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/l2.hpp"
#include "calibrate/device/probes/l2_walk.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/tma.cuh"

namespace perfmodel {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;
constexpr int walk_threads = 512, walk_ctas = 2;  // of an SM
constexpr std::size_t moved = 4096 * mib;         // in one measured launch: about a millisecond
constexpr unsigned bulk_bytes = 8192;
constexpr int bulk_stages = 12;
constexpr std::size_t bulk_shared = std::size_t{bulk_stages} * bulk_bytes;

__device__ std::uint32_t unread;

__device__ __forceinline__ unsigned warp_of_grid() { return (blockIdx.x * blockDim.x + threadIdx.x) / 32; }

__global__ void __launch_bounds__(walk_threads, walk_ctas) l2_read(Walk walk) {
  const std::uint32_t digest = walk_read(walk, warp_of_grid());
  if (digest == 0x9e3779b9U) unread = digest;
}

__global__ void __launch_bounds__(walk_threads, walk_ctas) l2_write(Walk walk) { walk_write(walk, warp_of_grid()); }

// One thread a CTA keeps bulk_stages copies of two blocks each under way. `failed` counts waits that ran out.
__global__ void __launch_bounds__(32, 1) l2_bulk_read(Walk walk, unsigned* failed) {
  extern __shared__ __align__(128) char stages[];
  __shared__ unsigned long long full[bulk_stages];
  if (threadIdx.x != 0) return;
  for (auto& barrier : full) mbarrier_init(shared_address(&barrier), 1);
  mbarrier_init_done();
  const unsigned pairs = walk.blocks / 2;
  unsigned block = blockIdx.x * 61 % pairs;
  const auto issue = [&](int stage) {
    const std::uint32_t barrier = shared_address(full + stage);
    mbarrier_expect(barrier, bulk_bytes);
    bulk_load(shared_address(stages + stage * bulk_bytes), walk.base + std::size_t{block} * bulk_bytes, bulk_bytes,
              barrier);
    block += walk.step;
    block -= block >= pairs ? pairs : 0;
  };
  for (int stage = 0; stage < bulk_stages; ++stage) issue(stage);
  unsigned parity = 0;
  for (int turn = 0; turn < walk.turns; ++turn) {
    for (int stage = 0; stage < bulk_stages; ++stage) {
      if (!mbarrier_wait(shared_address(full + stage), parity)) {
        atomicAdd(failed, 1U);
        return;
      }
      if (turn + 1 < walk.turns) issue(stage);
    }
    parity ^= 1;
  }
}

std::vector<double> walk_rates(Bench& bench, void (*kernel)(Walk), char* base, std::size_t footprint) {
  const int ctas = walk_ctas * bench.sms();
  const unsigned warps = static_cast<unsigned>(ctas) * walk_threads / 32;
  const int turns = static_cast<int>(moved / (std::size_t{warps} * walk_block));
  const Walk walk = make_walk(base, footprint, warps, turns);
  const double bytes = double{walk_block} * warps * turns;
  return over(bytes, bench.time([&](cudaStream_t stream) { kernel<<<ctas, walk_threads, 0, stream>>>(walk); },
                                {.warmup = 2, .repeats = 7}));
}

std::vector<double> bulk_rates(Bench& bench, char* base, std::size_t footprint) {
  PERFMODEL_CUDA(cudaFuncSetAttribute(l2_bulk_read, cudaFuncAttributeMaxDynamicSharedMemorySize, bulk_shared));
  const int ctas = 2 * bench.sms();
  const int turns = static_cast<int>(moved / (static_cast<std::size_t>(ctas) * bulk_shared));
  Walk walk = make_walk(base, footprint, 1, turns);
  // In steps of two blocks; 61 CTAs apart, each going on by one: all places are taken in turn.
  walk.step = make_walk(base, footprint / 2, 127, turns).step;
  DeviceBuffer<unsigned> failed(1);
  failed.fill(0);
  const std::vector<double> seconds =
      bench.time([&](cudaStream_t stream) { l2_bulk_read<<<ctas, 32, bulk_shared, stream>>>(walk, failed.data()); },
                 {.warmup = 2, .repeats = 7});
  if (failed.download().front() != 0) return {};
  return over(static_cast<double>(bulk_shared) * ctas * turns, seconds);
}

void report_rate(Bench& bench, const std::string& name, const std::vector<double>& rates, const std::string& key = "",
                 const std::string& note = "") {
  report_values(bench, {"l2", name, "bandwidth", "TB/s", key, note}, times(1e-12, rates));
}

}  // namespace

void report_l2_bandwidth(Bench& bench) {
  const DeviceMemory memory(256 * mib);
  auto* base = static_cast<char*>(memory.data());
  fill_random(base, memory.bytes(), bench.stream().get());
  std::vector<double> best;
  std::string best_name;
  for (const std::size_t size : {1, 2, 4, 8, 16, 24, 32, 40, 48, 64, 96, 128, 192, 256}) {
    const std::string name = size_name(size * mib);
    bench.progress("L2 bandwidth " + name);
    const std::vector<double> rates = walk_rates(bench, l2_read, base, size * mib);
    report_rate(bench, "ldg.128 " + name, rates);
    report_rate(bench, "bulk copy " + name, bulk_rates(bench, base, size * mib));
    const bool inside = size >= 4 && size <= 24;
    if (inside && (best.empty() || summarise(rates).median > summarise(best).median)) {
      best = rates;
      best_name = name;
    }
  }
  report_rate(bench, "ldg.128 best of 4 to 24 MiB", best, "l2.bandwidth", "all SMs read " + best_name);
  for (const std::size_t size : {4, 8, 16, 24, 32, 64, 256}) {
    const std::string name = size_name(size * mib);
    bench.progress("L2 bandwidth of writes " + name);
    report_rate(bench, "stg.128 " + name, walk_rates(bench, l2_write, base, size * mib));
  }
}

void probe_l2(Bench& bench) {
  if (!bench.wanted("l2")) return;
  report_l2_latency(bench);
  report_l2_bandwidth(bench);
  report_l2_ports(bench);
}

std::vector<SassExpectation> sass_expectations_l2() {
  return {
      {"chase_linksILb1E", "LDG.E.64", 8},
      {"chase_linksILb0E", "LDG.E.64.STRONG.GPU", 8},
      {"line_latencies", "LDG.E", 1},
      {"l2_read", "LDG.E.128.STRONG.GPU", walk_vectors},
      {"l2_write", "STG.E.128", walk_vectors},
      {"l2_bulk_read", "UBLKCP", 1},
      {"l2_port_read", "LDG.E.128.STRONG.GPU", walk_vectors},
  };
}

}  // namespace perfmodel
