// A loop of the tensor cores and extra warps in one CTA, each of which times itself: who slows whom.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "calibrate/device/probes/interference_work.cuh"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/tma.cuh"
#include "calibrate/device/probes/wgmma_operands.cuh"
#include "calibrate/device/wgmma.cuh"

namespace perfmodel::interference {

inline constexpr int warpgroup_threads = 128;
inline constexpr int most_mma_groups = 2, most_groups = 6;
inline constexpr int most_warps = 4 * most_groups;
inline constexpr int most_extra_warps = 16;

inline constexpr int ring_stages = 4;
inline constexpr int batch = 4;  // instructions that are committed together; they use up a stage
inline constexpr long long settle_clocks = 20'000;
inline constexpr long long alone_clocks = 150'000;  // of extra warps without a tensor loop
inline constexpr long long most_clocks = 20'000'000;

// Of which kind the tensor loop is: 64 x n, A from registers, operands brought by the copy engine for every batch.
template <int columns, bool a_in_registers, bool copied>
struct Mma {
  static constexpr int n = columns;
  static constexpr bool mixed = a_in_registers;
  static constexpr bool fed = copied;
  // Warpgroups of the CTA: as many as their registers allow, 168, 96 or 80 a thread.
  static constexpr int groups = n > 128 ? 3 : n > 64 ? 5 : most_groups;
  static constexpr int threads = groups * warpgroup_threads;
  static constexpr std::uint32_t a_bytes = wgmma::rows * wgmma::row_bytes;  // of a warpgroup
  static constexpr std::uint32_t b_bytes = n * wgmma::row_bytes;
  static constexpr std::uint32_t stage_bytes = most_mma_groups * a_bytes + b_bytes;
};

struct Contest {
  int mma_groups = 0;        // 0 to 2 warpgroups that multiply
  int mma_slots = 2;         // warpgroups kept for them, no fewer; 2 where registers are dealt
  int mma_turns = 0;         // batches of each
  int extra_warps = 0;       // up to those of the other warpgroups, spread over the sub-partitions in turn
  bool extra_first = false;  // the extra warps have the lower numbers
  long long mma_delay = 0, extra_delay = 0;  // clocks before they begin
};

// What a warp did from its first look at the clock to its last.
struct Pace {
  long long units, clocks;
};

struct Shared {
  long long start;
  int finished;  // warpgroups that have done their turns
  std::uint64_t full[ring_stages], empty[ring_stages], copied[most_extra_warps];
};

// Counts units once all have settled.
class Tally {
 public:
  __device__ __forceinline__ explicit Tally(long long open) : open_(open) {}
  __device__ __forceinline__ long long add() {
    const long long now = clock64();
    if (now >= open_) {
      if (units_ < 0) first_ = now;
      last_ = now;
      ++units_;
    }
    return now;
  }
  __device__ __forceinline__ void store(Pace* pace) const {
    if (threadIdx.x % 32 == 0) *pace = {units_ < 0 ? 0 : units_, last_ - first_};
  }

 private:
  long long open_, first_ = 0, last_ = 0;
  int units_ = -1;
};

__device__ __forceinline__ void pause_until(long long time) {
  while (clock64() < time) {
  }
}

template <class Kind>
class MmaLoop {
 public:
  __device__ __forceinline__ MmaLoop(std::uint32_t operands, Shared& shared, int group)
      : operands_(operands), shared_(shared), group_(group) {
#pragma unroll
    for (int i = 0; i < Kind::n / 2; ++i) sums_[i] = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      a_values_[i] = random_operand<wgmma::Type::bf16>(4 * threadIdx.x + i);
      asm volatile("" : "+r"(a_values_[i]));  // else the loop would make them again
    }
  }

  // `pace` is written to only where the sums are what they never are.
  __device__ __forceinline__ void run(int turns, Tally& tally, Pace* pace) {
    wgmma::hold(sums_);
#pragma unroll 1
    for (int turn = 0; turn < turns; ++turn) {
      if constexpr (Kind::fed) wait_full(turn);
      multiply(turn % ring_stages);
      wgmma::wait<1>();
      if constexpr (Kind::fed) {
        if (turn > 0) release(turn - 1);
      }
      tally.add();
    }
    wgmma::wait<0>();
    wgmma::hold(sums_);
    if constexpr (Kind::fed) release(turns - 1);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < Kind::n / 2; ++i) sum += sums_[i];
    if (sum == 0.123F) pace->units = 1;
  }

 private:
  __device__ __forceinline__ void multiply(int stage) {
    using Multiply = wgmma::Multiply<wgmma::Type::bf16, Kind::n>;
    const std::uint32_t memory = operands_ + stage * Kind::stage_bytes;
    // Where nothing else need differ, both groups share A: its place is then known to be the same for all threads.
    const std::uint64_t a = wgmma::descriptor(memory + (Kind::fed ? group_ * Kind::a_bytes : 0));
    const std::uint64_t b = wgmma::descriptor(memory + most_mma_groups * Kind::a_bytes);
    wgmma::fence();
#pragma unroll
    for (int i = 0; i < batch; ++i) {
      const int byte = i * wgmma::step_bytes;
      if constexpr (Kind::mixed) {
        Multiply::mixed(sums_, a_values_, wgmma::advanced(b, byte), 1);
      } else {
        Multiply::shared(sums_, wgmma::advanced(a, byte), wgmma::advanced(b, byte), 1);
      }
    }
    wgmma::commit();
  }

  __device__ __forceinline__ void wait_full(int turn) {
    const unsigned parity = static_cast<unsigned>(turn / ring_stages) & 1U;
    if (patient_) patient_ = mbarrier_wait(shared_address(&shared_.full[turn % ring_stages]), parity);
  }
  __device__ __forceinline__ void release(int turn) {
    if (threadIdx.x % 32 == 0) mbarrier_arrive(shared_address(&shared_.empty[turn % ring_stages]));
  }

  std::uint32_t operands_;
  Shared& shared_;
  int group_;
  bool patient_ = true;
  std::uint32_t a_values_[4];
  float sums_[Kind::n / 2];
};

// By one thread: a stage's B for every batch, 32 bytes a clock for two groups, which the L2 has to spare. A GEMM brings
// A too.
template <class Kind>
__device__ __forceinline__ void feed(std::uint32_t operands, Shared& shared, const std::uint32_t* data, int turns) {
  bool patient = true;
  for (int turn = 0; turn < turns && patient; ++turn) {
    const int stage = turn % ring_stages;
    const std::uint32_t memory = operands + stage * Kind::stage_bytes;
    const std::uint32_t full = shared_address(&shared.full[stage]);
    const unsigned parity = static_cast<unsigned>(turn / ring_stages) & 1U;
    patient = mbarrier_wait(shared_address(&shared.empty[stage]), parity ^ 1U);
    mbarrier_expect(full, Kind::b_bytes);
    const std::uint32_t* source = data + turn % 16 * (Kind::b_bytes / 4);
    bulk_load(memory + most_mma_groups * Kind::a_bytes, source, Kind::b_bytes, full);
  }
}

template <class Work>
__device__ __forceinline__ void work_beside(const Place& place, Shared& shared, const Contest& contest, Tally& tally,
                                            Pace* pace) {
  Work work(place);
  const long long start = shared.start;
  const long long limit = start + (contest.mma_groups > 0 ? most_clocks : settle_clocks + alone_clocks);
  const volatile int* finished = &shared.finished;
  long long now = start;
  while (now < limit && *finished < max(contest.mma_groups, 1)) {  // looked at alone too, as it takes time
    work.unit();
    now = tally.add();
  }
  if (work.digest() == 0x9e3779b9U) pace->units = 1;
}

template <class Kind>
__device__ __forceinline__ void prepare(std::uint32_t operands, Shared& shared, const Contest& contest) {
  fill_operands<wgmma::Type::bf16>(operands, ring_stages * Kind::stage_bytes);
  if (threadIdx.x == 0) {
    for (int i = 0; i < ring_stages; ++i) {
      mbarrier_init(shared_address(&shared.full[i]), 1);
      mbarrier_init(shared_address(&shared.empty[i]), 4U * static_cast<unsigned>(max(contest.mma_groups, 1)));
    }
    for (std::uint64_t& barrier : shared.copied) mbarrier_init(shared_address(&barrier), 1);
    mbarrier_init_done();
    shared.finished = 0;
  }
  __syncthreads();
  if (threadIdx.x == 0) shared.start = clock64();
  __syncthreads();
}

// `pace` has most_warps entries for each CTA; warps that take no part leave theirs. `data` is as large as 16 stages.
template <class Kind, class Work>
__global__ void __launch_bounds__(Kind::threads, 1)
    contest_of(const __grid_constant__ Contest contest, const std::uint32_t* data, Pace* pace) {
  extern __shared__ std::byte memory[];
  __shared__ Shared shared;
  const std::uint32_t operands = aligned_operands(shared_address(memory));
  prepare<Kind>(operands, shared, contest);
  const int warp = __shfl_sync(0xffffffffU, static_cast<int>(threadIdx.x) / 32, 0);
  const int mma_warps = 4 * contest.mma_slots, extra_slots = Kind::threads / 32 - mma_warps;
  const int mma = contest.extra_first ? warp - extra_slots : warp;
  const int extra = contest.extra_first ? warp : warp - mma_warps;
  Tally tally(shared.start + settle_clocks + max(contest.mma_delay, contest.extra_delay));
  Pace* own = pace + blockIdx.x * most_warps + warp;
  if (mma >= 0 && mma < mma_warps) {
    if (mma / 4 < contest.mma_groups) {
      pause_until(shared.start + contest.mma_delay);
      MmaLoop<Kind>(operands, shared, mma / 4).run(contest.mma_turns, tally, own);
      tally.store(own);
      if (threadIdx.x % warpgroup_threads == 0) atomicAdd(&shared.finished, 1);
    }
  } else {
    if (extra < contest.extra_warps) {
      pause_until(shared.start + contest.extra_delay);
      const Place place{data, operands, shared_address(&shared.copied[extra]), static_cast<std::uint32_t>(extra)};
      work_beside<Work>(place, shared, contest, tally, own);
      tally.store(own);
    } else if (Kind::fed && extra == extra_slots - 1 && contest.mma_groups > 0) {
      if (elected()) feed<Kind>(operands, shared, data, contest.mma_turns);
    }
  }
}

// Its arguments are mangled as the kernel's.
template <class Kind, class Work>
struct ContestTag {};

}  // namespace perfmodel::interference
