#include <array>
#include <string>
#include <utility>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/shared_accesses.cuh"
#include "calibrate/device/probes/timing.cuh"

namespace perfmodel {
namespace {

using namespace shared_access;

constexpr std::string_view theme = "shared_memory";
constexpr int stream_threads = 512;
constexpr int stream_rows = 16;  // accesses of an unrolled turn, each to a row of its own
constexpr int stream_turns = 64;
constexpr int stream_slack = 4096 + 1024;          // the widest stride of a warp, and the step between turns
constexpr int chain_short = 64, chain_long = 320;  // links of the two timed chains, whose difference counts
constexpr int l1_rows = 8;

__device__ std::uint32_t unread;

template <class Access, int... rows>
__device__ __forceinline__ void stream_turn(std::integer_sequence<int, rows...>, std::uint32_t address,
                                            std::uint32_t& digest) {
  (Access::template step<rows * stream_threads * Access::bytes>(address, digest), ...);
}

// Every warp streams: lane l of warp w begins at l * lane_stride + w * warp_stride.
template <class Access>
__global__ void __launch_bounds__(stream_threads, 1)
    shared_stream(int lane_stride, int warp_stride, long long* clocks) {
  extern __shared__ __align__(128) std::uint32_t shared_words[];
  __shared__ CtaSpan span;
  const int words = (stream_rows * stream_threads * Access::bytes + stream_slack) / 4;
  for (int i = static_cast<int>(threadIdx.x); i < words; i += stream_threads) shared_words[i] = 2654435761U * i;
  if (threadIdx.x == 0) span.clear();
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  std::uint32_t address =
      shared_address(shared_words) + static_cast<std::uint32_t>(lane * lane_stride + warp * warp_stride);
  std::uint32_t digest = threadIdx.x;
  std::uint32_t step = 1024;
  long long start = 0;
  for (int pass = 0; pass < 2; ++pass) {
    const int turns = pass == 0 ? 2 : stream_turns;
    __syncthreads();
    start = clock64();
#pragma unroll 1
    for (int i = 0; i < turns; ++i) {
      stream_turn<Access>(std::make_integer_sequence<int, stream_rows>(), address, digest);
      address += step;
      step = 0 - step;
    }
  }
  // A load waits behind the stores before it, and the digest for the loads.
  std::uint32_t last;
  asm volatile("ld.volatile.shared.u32 %0, [%1];" : "=r"(last) : "r"(address) : "memory");
  digest ^= last;
  if (digest == 0x9e3779b9U) unread = digest;
  span.add(start, clock64());
  __syncthreads();
  if (threadIdx.x == 0) clocks[blockIdx.x] = span.clocks();
}

template <class Access, int links>
__device__ __forceinline__ void chain(std::uint32_t& address) {
#pragma unroll
  for (int i = 0; i < links; ++i) Access::chase(address);
}

// Every lane goes from its own place to its own place.
template <class Access>
__global__ void __launch_bounds__(32, 1) shared_chain(long long* clocks) {
  __shared__ __align__(128) std::uint32_t links[128];
  for (int i = static_cast<int>(threadIdx.x); i < 128; i += static_cast<int>(blockDim.x)) links[i] = 0;
  __syncthreads();
  std::uint32_t address = shared_address(links) + threadIdx.x * Access::bytes;
  links[threadIdx.x * Access::link_words] = address;
  __syncthreads();
  long long difference = 0;
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    const long long start = clock64();
    chain<Access, chain_short>(address);
    const long long middle = clock64();
    chain<Access, chain_long>(address);
    difference = clock64() - middle - (middle - start);
  }
  if (address == 0x9e3779b9U) unread = address;
  if (threadIdx.x == 0) clocks[blockIdx.x] = difference;
}

template <int... rows>
__device__ __forceinline__ void l1_turn(std::integer_sequence<int, rows...>, const char* address,
                                        std::uint32_t& digest) {
  const auto one = [&](auto row) {
    std::uint32_t a, b, c, d;
    asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4+%5];"
                 : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
                 : "l"(address), "n"(decltype(row)::value * stream_threads * 16)
                 : "memory");
    digest ^= (a ^ b ^ c) ^ d;
  };
  (one(std::integral_constant<int, rows>()), ...);
}

// 64 KiB, again and again.
__global__ void __launch_bounds__(stream_threads, 1) l1_stream(const char* data, long long* clocks) {
  __shared__ CtaSpan span;
  if (threadIdx.x == 0) span.clear();
  const char* address = data + 16 * threadIdx.x;
  std::uint32_t digest = 0;
  long long start = 0, step = 1024;
  for (int pass = 0; pass < 2; ++pass) {
    const int turns = pass == 0 ? 4 : 2 * stream_turns;
    __syncthreads();
    start = clock64();
#pragma unroll 1
    for (int i = 0; i < turns; ++i) {
      l1_turn(std::make_integer_sequence<int, l1_rows>(), address, digest);
      address += step;
      step = -step;
    }
  }
  if (digest == 0x9e3779b9U) unread = digest;
  span.add(start, clock64());
  __syncthreads();
  if (threadIdx.x == 0) clocks[blockIdx.x] = span.clocks();
}

// One thread, one line that holds its own address.
__global__ void __launch_bounds__(32, 1) l1_chain(unsigned long long* line, long long* clocks) {
  unsigned long long* own = line + 16 * blockIdx.x;
  *own = reinterpret_cast<unsigned long long>(own);
  __threadfence();
  unsigned long long address = reinterpret_cast<unsigned long long>(own);
  long long difference = 0;
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    const long long start = clock64();
#pragma unroll
    for (int i = 0; i < chain_short; ++i) asm volatile("ld.global.u64 %0, [%0];" : "+l"(address)::"memory");
    const long long middle = clock64();
#pragma unroll
    for (int i = 0; i < chain_long; ++i) asm volatile("ld.global.u64 %0, [%0];" : "+l"(address)::"memory");
    difference = clock64() - middle - (middle - start);
  }
  if (address == 0x9e3779b97f4a7c15ULL) unread = 1;
  clocks[blockIdx.x] = difference;
}

template <class Access>
std::vector<double> stream_clocks(Bench& bench, int lane_stride, int warp_stride) {
  const int shared_bytes = stream_rows * stream_threads * Access::bytes + stream_slack;
  PERFMODEL_CUDA(
      cudaFuncSetAttribute(shared_stream<Access>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  ClockReading reading(bench, bench.sms());
  return reading.medians([&](cudaStream_t stream) {
    shared_stream<Access>
        <<<bench.sms(), stream_threads, shared_bytes, stream>>>(lane_stride, warp_stride, reading.device());
  });
}

template <class Access>
std::vector<double> chain_clocks(Bench& bench, int threads) {
  ClockReading reading(bench, bench.sms());
  const std::vector<double> clocks = reading.medians(
      [&](cudaStream_t stream) { shared_chain<Access><<<bench.sms(), threads, 0, stream>>>(reading.device()); });
  return times(1.0 / (chain_long - chain_short), clocks);
}

template <class Access>
void report_access(Bench& bench, const std::string& key, const std::string& latency) {
  const std::string name = Access::name;
  bench.progress("shared memory " + name);
  constexpr double bytes = double{Access::bytes} * stream_threads * stream_rows * stream_turns;
  const std::vector<double> rate = over(bytes, stream_clocks<Access>(bench, Access::bytes, 32 * Access::bytes));
  report_values(bench, {theme, name, "throughput", "B/clk", "", "of an SM"}, rate);
  if (name == Lds128::name) {
    report_values(bench, {theme, name, "pipe rate", "/clk", "pipes.smem.rate", "bytes are the slots of this pipe"},
                  rate);
  }
  report_values(bench, {theme, name, latency, "clk", key, "32 lanes"}, chain_clocks<Access>(bench, 32));
}

void report_conflicts(Bench& bench) {
  constexpr double warps = double{stream_threads} / 32 * stream_rows * stream_turns;
  for (const int way : {1, 2, 4, 8, 16, 32}) {
    report_values(
        bench,
        {theme, "lds.32 " + std::to_string(way) + "-way conflict", "interval", "clk", "", "of a warp's load, on an SM"},
        times(1 / warps, stream_clocks<Lds32>(bench, 4 * way, 0)));
  }
  for (const int way : {2, 8, 32}) {
    report_values(bench,
                  {theme, "sts.32 " + std::to_string(way) + "-way conflict", "interval", "clk", "",
                   "of a warp's store, on an SM"},
                  times(1 / warps, stream_clocks<Sts32>(bench, 4 * way, 0)));
  }
}

void report_l1(Bench& bench) {
  bench.progress("L1");
  constexpr std::size_t bytes = std::size_t{l1_rows} * stream_threads * 16 + 1024;
  const DeviceMemory data(bytes);
  fill_random(data.data(), bytes, bench.stream().get());
  PERFMODEL_CUDA(
      cudaFuncSetAttribute(l1_stream, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxL1));
  ClockReading reading(bench, bench.sms());
  const std::vector<double> stream_times = reading.medians([&](cudaStream_t stream) {
    l1_stream<<<bench.sms(), stream_threads, 0, stream>>>(static_cast<const char*>(data.data()), reading.device());
  });
  constexpr double read = 16.0 * stream_threads * l1_rows * 2 * stream_turns;
  report_values(bench, {theme, "L1 hit ldg.128", "throughput", "B/clk", "", "of an SM"}, over(read, stream_times));
  const DeviceBuffer<unsigned long long> lines(16 * static_cast<std::size_t>(bench.sms()));
  const std::vector<double> chain_times = reading.medians(
      [&](cudaStream_t stream) { l1_chain<<<bench.sms(), 1, 0, stream>>>(lines.data(), reading.device()); });
  report_values(bench, {theme, "L1 hit ldg.64", "latency", "clk", "instructions.ldg64.latency", "one thread"},
                times(1.0 / (chain_long - chain_short), chain_times));
}

}  // namespace

void probe_shared_memory(Bench& bench) {
  if (!bench.wanted(theme)) return;
  report_values(bench, {theme, "lds.32 one lane", "latency", "clk", "shared_memory.latency", ""},
                chain_clocks<Lds32>(bench, 1));
  report_access<Lds32>(bench, "instructions.lds.latency", "latency");
  report_access<Lds64>(bench, "instructions.lds64.latency", "latency");
  report_access<Lds128>(bench, "instructions.lds128.latency", "latency");
  report_access<Ldsm>(bench, "instructions.ldsm.latency", "latency");
  report_access<Sts32>(bench, "", "store and load");
  report_access<Sts64>(bench, "", "store and load");
  report_access<Sts128>(bench, "", "store and load");
  report_access<Stsm>(bench, "", "store and load");
  report_conflicts(bench);
  report_l1(bench);
}

std::vector<SassExpectation> sass_expectations_shared_memory() {
  constexpr int stream = stream_rows, links = chain_short + chain_long;
  return {
      {"shared_streamINS_13shared_access5Lds32E", "LDS", stream},
      {"shared_streamINS_13shared_access5Lds64E", "LDS.64", stream},
      {"shared_streamINS_13shared_access6Lds128E", "LDS.128", stream},
      {"shared_streamINS_13shared_access4LdsmE", "LDSM.16.M88.4", stream},
      {"shared_streamINS_13shared_access5Sts32E", "STS", stream},
      {"shared_streamINS_13shared_access5Sts64E", "STS.64", stream},
      {"shared_streamINS_13shared_access6Sts128E", "STS.128", stream},
      {"shared_streamINS_13shared_access4StsmE", "STSM.16.M88.4", stream},
      {"shared_chainINS_13shared_access5Lds32E", "LDS", links},
      {"shared_chainINS_13shared_access6Lds128E", "LDS.128", links},
      {"l1_stream", "LDG.E.128", l1_rows},
      {"l1_chain", "LDG.E.64", links},
  };
}

}  // namespace perfmodel
