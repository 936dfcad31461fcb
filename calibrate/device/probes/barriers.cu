#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/tma_matrix.hpp"

namespace perfmodel {
namespace {

constexpr int rounds = 256;
constexpr int unrolled = 16;

// Two warps hand each other the turn through two barriers in shared memory; `clocks` of all rounds, there and back.
__global__ void __launch_bounds__(64, 1) mbarrier_rounds(long long* clocks) {
  __shared__ unsigned long long barriers[2];
  const std::uint32_t there = shared_address(barriers), back = shared_address(barriers + 1);
  if (threadIdx.x == 0) {
    mbarrier_init(there, 1);
    mbarrier_init(back, 1);
    mbarrier_init_done();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    const long long start = clock64();
    bool came = true;
#pragma unroll 1
    for (int i = 0; i < rounds && came; ++i) {
      mbarrier_arrive(there);
      came = mbarrier_wait(back, i & 1);
    }
    clocks[blockIdx.x] = came ? clock64() - start : timed_out;
  } else if (threadIdx.x == 32) {
    bool came = true;
#pragma unroll 1
    for (int i = 0; i < rounds && came; ++i) {
      came = mbarrier_wait(there, i & 1);
      mbarrier_arrive(back);
    }
  }
}

// One thread: waits that find their phase complete.
__global__ void __launch_bounds__(32, 1) mbarrier_completed_waits(long long* clocks) {
  __shared__ unsigned long long barrier;
  const std::uint32_t address = shared_address(&barrier);
  if (threadIdx.x != 0) return;
  mbarrier_init(address, 1);
  mbarrier_init_done();
  long long start = 0;
  bool came = true;
  for (int pass = 0; pass < 2; ++pass) {
    start = clock64();
#pragma unroll 1
    for (int i = 0; i < rounds / unrolled && came; ++i) {
#pragma unroll
      for (int k = 0; k < unrolled && came; ++k) came = mbarrier_wait(address, 1);
    }
  }
  clocks[blockIdx.x] = came ? clock64() - start : timed_out;
}

// All threads of the CTA, barrier after barrier.
__global__ void __launch_bounds__(1024, 1) cta_barriers(long long* clocks) {
  long long start = 0;
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    start = clock64();
#pragma unroll 1
    for (int i = 0; i < rounds / unrolled; ++i) {
#pragma unroll
      for (int k = 0; k < unrolled; ++k) __syncthreads();
    }
  }
  if (threadIdx.x == 0) clocks[blockIdx.x] = clock64() - start;
}

// Half of the CTA's warps arrive at one named barrier and wait at another, the other half the other way round.
__global__ void __launch_bounds__(1024, 1) named_rounds(long long* clocks) {
  const auto threads = static_cast<int>(blockDim.x);
  const bool leads = static_cast<int>(threadIdx.x) < threads / 2;
  const long long start = clock64();
  if (leads) {
#pragma unroll 1
    for (int i = 0; i < rounds; ++i) {
      asm volatile("bar.arrive 1, %0;" ::"r"(threads) : "memory");
      asm volatile("bar.sync 2, %0;" ::"r"(threads) : "memory");
    }
  } else {
#pragma unroll 1
    for (int i = 0; i < rounds; ++i) {
      asm volatile("bar.sync 1, %0;" ::"r"(threads) : "memory");
      asm volatile("bar.arrive 2, %0;" ::"r"(threads) : "memory");
    }
  }
  if (threadIdx.x == 0) clocks[blockIdx.x] = clock64() - start;
}

std::vector<double> clocks_of(Bench& bench, void (*kernel)(long long*), int threads, double repeated) {
  ClockReading reading(bench, bench.sms());
  return times(1 / repeated, reading.medians([&](cudaStream_t stream) {
    kernel<<<bench.sms(), threads, 0, stream>>>(reading.device());
  }));
}

}  // namespace

void report_barriers(Bench& bench) {
  bench.progress("barriers");
  report_values(
      bench,
      {"tma", "mbarrier", "arrival to wait", "clk", "transfer.barrier_wait", "half a round between two warps of an SM"},
      clocks_of(bench, mbarrier_rounds, 64, 2.0 * rounds));
  report_values(bench, {"tma", "mbarrier", "wait of a complete phase", "clk", "", ""},
                clocks_of(bench, mbarrier_completed_waits, 32, rounds));
  for (const int threads : {32, 64, 128, 256, 384, 512, 768, 1024}) {
    const std::string name = std::to_string(threads) + " threads";
    report_values(bench,
                  {"tma", "CTA barrier, " + name, "interval", "clk", threads == 256 ? "transfer.cta_barrier" : "",
                   "one after the other"},
                  clocks_of(bench, cta_barriers, threads, rounds));
  }
  for (const int threads : {64, 256, 512}) {
    report_values(bench,
                  {"tma", "named barrier, " + std::to_string(threads) + " threads", "arrival to wait", "clk", "",
                   "half a round: one half of the threads arrives, the other waits"},
                  clocks_of(bench, named_rounds, threads, 2.0 * rounds));
  }
}

}  // namespace perfmodel
