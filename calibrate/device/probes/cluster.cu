#include <algorithm>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/cluster_launch.cuh"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/timing.cuh"

namespace perfmodel {
namespace {

constexpr std::string_view theme = "cluster";
constexpr std::size_t one_cta = 116 * 1024;           // dynamic shared memory that leaves no room for a second CTA
constexpr int chain_short = 32, chain_long = 160;     // links of the two timed chains, whose difference counts
constexpr int stream_threads = 512, stream_rows = 8;  // 16 bytes a thread and row: 64 KiB of the other CTA
constexpr int stream_turns = 32;
constexpr int rounds = 128;
constexpr int barrier_threads = 128;

__device__ std::uint32_t unread;

__device__ __forceinline__ std::uint32_t remote_load(std::uint32_t address) {
  std::uint32_t value;
  asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
  return value;
}

template <int links>
__device__ __forceinline__ void follow(unsigned long long& address) {
#pragma unroll
  for (int i = 0; i < links; ++i) asm volatile("ld.u64 %0, [%0];" : "+l"(address)::"memory");
}

// One thread of the cluster's first CTA goes from a word in another CTA's shared memory to itself, again and again, by
// generic addresses: those of the cluster's window would have to be made generic at every link.
__global__ void __launch_bounds__(32, 1) dsmem_chain(unsigned rank, long long* clocks) {
  __shared__ unsigned long long word;
  cluster_sync();
  if (cluster_rank() == 0 && threadIdx.x == 0) {
    unsigned long long address;
    asm volatile("mapa.u64 %0, %1, %2;" : "=l"(address) : "l"(&word), "r"(rank));
    asm volatile("st.u64 [%0], %0;" ::"l"(address) : "memory");
    asm volatile("fence.acq_rel.cluster;" ::: "memory");
    long long difference = 0;
#pragma unroll 1
    for (int pass = 0; pass < 2; ++pass) {
      const long long start = clock64();
      follow<chain_short>(address);
      if (address == 1) unread = 1;
      const long long middle = clock64();
      follow<chain_long>(address);
      if (address == 1) unread = 1;
      difference = clock64() - middle - (middle - start);
    }
    clocks[0] = difference;
  }
  cluster_sync();
}

// Every CTA reads or writes the shared memory of the next one of its cluster.
template <bool writes>
__global__ void __launch_bounds__(stream_threads, 1) dsmem_stream(long long* clocks) {
  extern __shared__ __align__(1024) std::uint32_t cluster_words[];
  __shared__ CtaSpan span;
  constexpr int words = stream_rows * stream_threads * 4;
  for (int i = static_cast<int>(threadIdx.x); i < words; i += stream_threads) cluster_words[i] = 2654435761U * i;
  if (threadIdx.x == 0) span.clear();
  const unsigned next = (cluster_rank() + 1) % cluster_size();
  const std::uint32_t base = address_at(shared_address(cluster_words), next) + 16 * threadIdx.x;
  cluster_sync();
  std::uint32_t digest = threadIdx.x, flip = 0;
  const long long start = clock64();
#pragma unroll 1
  for (int turn = 0; turn < stream_turns; ++turn, flip ^= 1024) {
    const std::uint32_t address = base + flip;
#pragma unroll
    for (int row = 0; row < stream_rows; ++row) {
      const std::uint32_t place = address + row * stream_threads * 16;
      if constexpr (writes) {
        asm volatile("st.shared::cluster.v4.u32 [%0], {%1, %2, %1, %2};" ::"r"(place), "r"(digest), "r"(turn)
                     : "memory");
      } else {
        std::uint32_t a, b, c, d;
        asm volatile("ld.shared::cluster.v4.u32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
                     : "r"(place)
                     : "memory");
        digest ^= (a ^ b ^ c) ^ d;
      }
    }
  }
  // Stores have arrived when a load from the same place has come back.
  if constexpr (writes) digest = remote_load(base);
  if (digest == 0x9e3779b9U) unread = digest;
  span.add(start, clock64());
  cluster_sync();
  if (threadIdx.x == 0) clocks[blockIdx.x] = span.clocks();
}

// The first CTA of the cluster and the last hand each other the turn through barriers in each other's shared memory.
__global__ void __launch_bounds__(32, 1) remote_barrier_rounds(long long* clocks) {
  __shared__ unsigned long long turn;
  const std::uint32_t own = shared_address(&turn);
  const unsigned rank = cluster_rank(), last = cluster_size() - 1;
  if (threadIdx.x == 0) {
    mbarrier_init(own, 1);
    mbarrier_init_done();
  }
  cluster_sync();
  if (threadIdx.x == 0 && (rank == 0 || rank == last)) {
    const std::uint32_t other = address_at(own, last - rank);
    bool came = true;
    const long long start = clock64();
#pragma unroll 1
    for (int i = 0; i < rounds && came; ++i) {
      if (rank == 0) mbarrier_arrive_remote(other);
      came = mbarrier_wait(own, i & 1);
      if (rank != 0) mbarrier_arrive_remote(other);
    }
    if (rank == 0) clocks[blockIdx.x] = came ? clock64() - start : timed_out;
  }
  cluster_sync();
}

// All threads of all CTAs, barrier after barrier.
template <bool relaxed>
__global__ void __launch_bounds__(barrier_threads, 1) cluster_barriers(long long* clocks) {
  long long start = 0;
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    start = clock64();
#pragma unroll 1
    for (int i = 0; i < rounds; ++i) {
      if constexpr (relaxed) {
        asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
        asm volatile("barrier.cluster.wait.aligned;" ::: "memory");
      } else {
        asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
        asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
      }
    }
  }
  if (threadIdx.x == 0) clocks[blockIdx.x] = clock64() - start;
}

std::string cluster_name(int cluster) { return "cluster of " + std::to_string(cluster); }

void report_chain(Bench& bench, int cluster) {
  const ClusterShape shape{.ctas = cluster, .threads = 32, .cluster = cluster, .shared_bytes = one_cta};
  ClockReading reading(bench, 1);
  std::vector<double> means;
  double nearest = 0, farthest = 0;
  for (int rank = 0; rank < cluster; ++rank) {
    const std::vector<double> clocks =
        times(1.0 / (chain_long - chain_short), reading.medians([&](cudaStream_t stream) {
          launch_cluster(dsmem_chain, shape, stream, static_cast<unsigned>(rank), reading.device());
        }));
    if (rank == 0) {
      report_values(bench, {theme, cluster_name(cluster), "latency of its own memory", "clk", "", "64-bit loads"},
                    clocks);
      continue;
    }
    means.resize(clocks.size());
    for (std::size_t i = 0; i < clocks.size(); ++i) means[i] += clocks[i] / (cluster - 1);
    const double median = summarise(clocks).median;
    nearest = rank == 1 ? median : std::min(nearest, median);
    farthest = std::max(farthest, median);
  }
  report_values(
      bench,
      {theme, cluster_name(cluster), "load latency", "clk", "",
       "64-bit loads, mean over the other CTAs, " + std::to_string(nearest) + " to " + std::to_string(farthest)},
      means);
}

template <bool writes>
void report_stream(Bench& bench, int cluster, bool all) {
  ClusterShape shape{.ctas = cluster, .threads = stream_threads, .cluster = cluster, .shared_bytes = one_cta};
  if (all) shape.ctas = cluster * clusters_at_once(dsmem_stream<writes>, shape);
  ClockReading reading(bench, shape.ctas);
  const std::vector<double> clocks = reading.medians(
      [&](cudaStream_t stream) { launch_cluster(dsmem_stream<writes>, shape, stream, reading.device()); });
  constexpr double bytes = 16.0 * stream_threads * stream_rows * stream_turns;
  report_values(bench,
                {theme, cluster_name(cluster) + (all ? ", all" : ", alone"), writes ? "store rate" : "load rate",
                 "B/clk", "", "of an SM, each to the next; " + std::to_string(shape.ctas) + " SMs"},
                over(bytes, clocks));
}

void report_barrier_rounds(Bench& bench, int cluster) {
  ClusterShape shape{.ctas = cluster, .threads = 32, .cluster = cluster, .shared_bytes = one_cta};
  ClockReading remote(bench, cluster);
  report_values(bench,
                {theme, cluster_name(cluster), "remote arrival to wait", "clk", "",
                 "half a round between the first CTA and the last"},
                times(1 / (2.0 * rounds), remote.medians([&](cudaStream_t stream) {
                  launch_cluster(remote_barrier_rounds, shape, stream, remote.device());
                })));
  shape.threads = barrier_threads;
  for (const bool relaxed : {true, false}) {
    const auto kernel = relaxed ? cluster_barriers<true> : cluster_barriers<false>;
    ClockReading reading(bench, cluster);
    report_values(bench,
                  {theme, cluster_name(cluster), relaxed ? "relaxed barrier" : "release and acquire barrier", "clk",
                   relaxed && cluster == 2 ? "transfer.cluster_barrier" : "", "128 threads a CTA, one after the other"},
                  times(1.0 / rounds, reading.medians([&](cudaStream_t stream) {
                    launch_cluster(kernel, shape, stream, reading.device());
                  })));
  }
}

}  // namespace

void probe_cluster(Bench& bench) {
  if (!bench.wanted(theme)) return;
  for (const int cluster : {2, 4, 8, 16}) {
    const ClusterShape shape{.ctas = cluster, .threads = stream_threads, .cluster = cluster, .shared_bytes = one_cta};
    if (clusters_at_once(dsmem_stream<false>, shape) == 0) continue;
    bench.progress(cluster_name(cluster));
    report_chain(bench, cluster);
    for (const bool all : {false, true}) {
      report_stream<false>(bench, cluster, all);
      report_stream<true>(bench, cluster, all);
    }
    report_barrier_rounds(bench, cluster);
  }
}

std::vector<SassExpectation> sass_expectations_cluster() {
  return {
      {"dsmem_chain", "LD.E.64", chain_short + chain_long},
      {"dsmem_streamILb0E", "LD.E.128", stream_rows},
      {"dsmem_streamILb1E", "ST.E.128", stream_rows},
      {"remote_barrier_rounds", "SYNCS.PHASECHK.TRANS64.TRYWAIT", 1},
      {"cluster_barriersILb1E", "UCGABAR_WAIT", 1},
  };
}

}  // namespace perfmodel
