// Kernels that do nothing but start, stay for a given number of clocks, or say where and when they started.
#pragma once

#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace perfmodel {

__device__ __forceinline__ unsigned long long nanoseconds() {
  unsigned long long time;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  return time;
}

__device__ __forceinline__ void stay(long long clocks) {
  const long long start = clock64();
  while (clock64() - start < clocks) {
  }
}

static __global__ void empty_kernel() {}

static __global__ void stay_kernel(long long clocks) { stay(clocks); }

// Programmatic dependent launch: what comes next may start while this one works.
static __global__ void early_stay_kernel(long long clocks) {
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
  stay(clocks);
}

// The same, but what comes next starts when this one has ended.
static __global__ void late_stay_kernel(long long clocks) {
  asm volatile("griddepcontrol.wait;" ::: "memory");
  stay(clocks);
}

// SM clocks and nanoseconds of the same time, to `out`.
static __global__ void clock_ratio_kernel(long long clocks, unsigned long long* out) {
  const unsigned long long start = nanoseconds();
  const long long first = clock64();
  stay(clocks);
  out[0] = static_cast<unsigned long long>(clock64() - first);
  out[1] = nanoseconds() - start;
}

struct CtaStart {
  unsigned sm;
  long long clock;                 // of that SM
  unsigned long long nanoseconds;  // of the chip
};

// Every CTA notes its start and stays, so that no other takes its place.
static __global__ void start_kernel(CtaStart* starts, long long clocks) {
  if (threadIdx.x == 0) {
    const long long clock = clock64();
    unsigned sm;
    asm volatile("mov.u32 %0, %%smid;" : "=r"(sm));
    starts[blockIdx.x] = {sm, clock, nanoseconds()};
  }
  stay(clocks);
}

// `clocks` is what `count` barriers of the whole grid took.
static __global__ void grid_barrier_kernel(int count, long long* clocks) {
  const cooperative_groups::grid_group grid = cooperative_groups::this_grid();
  grid.sync();
  const long long start = clock64();
  for (int i = 0; i < count; ++i) {
    grid.sync();
  }
  if (threadIdx.x == 0) {
    clocks[blockIdx.x] = clock64() - start;
  }
}

inline constexpr int long_code = 4096;  // instructions, 64 KiB

// A kernel that runs through its code once: one warp, a chain of multiply-adds.
static __global__ void long_code_kernel(const float* operands, float* sink) {
  float x = operands[threadIdx.x];
  const float a = operands[threadIdx.x + 32];
  const float b = operands[threadIdx.x + 64];
#pragma unroll
  for (int i = 0; i < long_code; ++i) {
    asm volatile("fma.rn.f32 %0, %0, %1, %2;" : "+f"(x) : "f"(a), "f"(b));
  }
  if (x == -1.0F) {
    sink[threadIdx.x] = x;
  }
}

}  // namespace perfmodel
