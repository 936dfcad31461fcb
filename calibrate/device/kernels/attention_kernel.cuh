// The attention forward kernel: one warpgroup of which a thread has the copy engine fill a ring of key and value
// blocks, two warpgroups that take turns at the tensor cores, each with 64 queries. The scores of a block are computed
// while the weights of the block before are multiplied with its values.
#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "calibrate/device/kernels/attention_mma.cuh"
#include "calibrate/device/kernels/attention_softmax.cuh"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/tma.cuh"

namespace perfmodel {

inline constexpr int head_dimension = 128;
inline constexpr int ring_stages = 3;
inline constexpr int warpgroup_threads = 128;
inline constexpr int attention_threads = 3 * warpgroup_threads;
inline constexpr int consumer_warps = 8;
inline constexpr std::uint32_t half_bytes = block_rows * half_bytes_per_row;  // 64 columns of a block
inline constexpr std::uint32_t block_bytes = 2 * half_bytes;
inline constexpr std::uint32_t warpgroup_bytes = 64 * half_bytes_per_row;  // 64 rows of a half

struct AttentionStorage {
  std::byte q[block_bytes];
  std::byte k[ring_stages][block_bytes];
  std::byte v[ring_stages][block_bytes];
  std::uint64_t q_full;
  std::uint64_t k_full[ring_stages], k_empty[ring_stages], v_full[ring_stages], v_empty[ring_stages];
};

inline constexpr std::size_t swizzle_alignment = 1024;
inline constexpr std::size_t attention_smem = sizeof(AttentionStorage) + swizzle_alignment;

struct AttentionMaps {
  CUtensorMap q, k, v, out;
};

// What a CTA works on. Within a section, the blocks of queries with most keys come first.
struct AttentionPlace {
  int head, batch, block, blocks;  // `blocks` of keys to go through

  __device__ __forceinline__ AttentionPlace(const AttentionArguments& arguments, bool causal) {
    const int query_blocks = arguments.sequence / block_rows;
    const int section = static_cast<int>(blockIdx.x) / (arguments.section * query_blocks);
    const int within = static_cast<int>(blockIdx.x) % (arguments.section * query_blocks);
    const int heads = min(arguments.section, arguments.all_heads - section * arguments.section);
    const int any_head = section * arguments.section + within % heads;
    head = any_head % arguments.heads;
    batch = any_head / arguments.heads;
    block = query_blocks - 1 - within / heads;
    blocks = causal ? block + 1 : query_blocks;
  }
};

// Waits that give up together: after one has run out, the others return at once, and the kernel ends with wrong output.
class Patience {
 public:
  __device__ __forceinline__ void wait(const std::uint64_t& barrier, int parity) {
    if (left_) left_ = mbarrier_wait(shared_address(&barrier), static_cast<unsigned>(parity));
  }

 private:
  bool left_ = true;
};

__device__ __forceinline__ int stage_of(int step) { return step % ring_stages; }
__device__ __forceinline__ int parity_of(int step) { return step / ring_stages % 2; }

__device__ __forceinline__ void load_block(std::byte* destination, const CUtensorMap* map, int column, int row,
                                           std::uint64_t& barrier) {
  mbarrier_expect(shared_address(&barrier), block_bytes);
  tma_load(shared_address(destination), map, column, row, shared_address(&barrier));
  tma_load(shared_address(destination) + half_bytes, map, column + head_dimension / 2, row, shared_address(&barrier));
}

// By one thread.
__device__ __forceinline__ void fill_ring(AttentionStorage& storage, const AttentionMaps& maps,
                                          const AttentionArguments& arguments, const AttentionPlace& place) {
  const int column = place.head * head_dimension;
  const int first_row = place.batch * arguments.sequence;
  Patience patience;
  load_block(storage.q, &maps.q, column, first_row + place.block * block_rows, storage.q_full);
  for (int step = 0; step < place.blocks; ++step) {
    const int stage = stage_of(step);
    const int row = first_row + (place.blocks - 1 - step) * block_columns;
    patience.wait(storage.k_empty[stage], parity_of(step) ^ 1);
    load_block(storage.k[stage], &maps.k, column, row, storage.k_full[stage]);
    patience.wait(storage.v_empty[stage], parity_of(step) ^ 1);
    load_block(storage.v[stage], &maps.v, column, row, storage.v_full[stage]);
  }
}

// Named barriers; 0 is that of the whole CTA.
__device__ __forceinline__ void sync_threads(int barrier, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
__device__ __forceinline__ void arrive_threads(int barrier, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
inline constexpr int turn_barrier = 1;  // and 2: of each consumer warpgroup
inline constexpr int out_barrier = 3;   // and 4

template <bool causal, AttentionDropout dropout, int rounds>
class AttentionConsumer {
 public:
  __device__ __forceinline__ AttentionConsumer(AttentionStorage& storage, const AttentionArguments& arguments,
                                               const AttentionPlace& place, int group)
      : storage_(storage),
        arguments_(arguments),
        place_(place),
        group_(group),
        row_(64 * group + 16 * static_cast<int>(threadIdx.x % warpgroup_threads / 32) +
             static_cast<int>(threadIdx.x % 32 / quad)),
        kept_(arguments,
              std::int64_t{place.batch * arguments.heads + place.head} * arguments.sequence + place.block * block_rows +
                  row_,
              place.blocks) {}

  __device__ __forceinline__ void run(const CUtensorMap* out_map) {
    first_block();
    for (int step = 1; step < place_.blocks; ++step) next_block(step);
    patience_.wait(storage_.v_full[stage_of(place_.blocks - 1)], parity_of(place_.blocks - 1));
    multiply_values(stage_of(place_.blocks - 1));
    wgmma_wait<0>();
    hold(out_);
    store(out_map);
  }

 private:
  __device__ __forceinline__ void first_block() {
#pragma unroll
    for (float& value : out_) value = 0;
    patience_.wait(storage_.q_full, 0);
    patience_.wait(storage_.k_full[0], 0);
    multiply_keys(0);
    if (group_ == 1 && place_.blocks > 1) arrive_threads(turn_barrier, 2 * warpgroup_threads);
    kept_.next();
    wgmma_wait<0>();
    hold(scores_);
    release(storage_.k_empty[0]);
    if constexpr (causal) hide_later_keys(scores_, row_);
    float unused[2];
    exponentiate(scores_, rows_, arguments_.score_scale, unused);
    kept_.pack(scores_, weights_);
  }

  __device__ __forceinline__ void next_block(int step) {
    const int stage = stage_of(step);
    const int before = stage_of(step - 1);
    patience_.wait(storage_.k_full[stage], parity_of(step));
    sync_threads(turn_barrier + group_, 2 * warpgroup_threads);
    multiply_keys(stage);
    patience_.wait(storage_.v_full[before], parity_of(step - 1));
    multiply_values(before);
    // The last turn of the second group is nobody's to wait for.
    if (group_ == 0 || step + 1 < place_.blocks) {
      arrive_threads(turn_barrier + 1 - group_, 2 * warpgroup_threads);
    }
    kept_.next();
    wgmma_wait<1>();
    hold(scores_);
    release(storage_.k_empty[stage]);
    float correction[2];
    exponentiate(scores_, rows_, arguments_.score_scale, correction);
    wait_for(fminf(rows_.sum[0], rows_.sum[1]));
    wgmma_wait<0>();
    hold(out_);
    hold(weights_);
    release(storage_.v_empty[before]);
#pragma unroll
    for (int i = 0; i < 64; ++i) out_[i] *= correction[i / 2 % 2];
    kept_.pack(scores_, weights_);
  }

  // scores = q k^T, asynchronously.
  __device__ __forceinline__ void multiply_keys(int stage) {
    const std::uint64_t q = row_descriptor(shared_address(storage_.q) + group_ * warpgroup_bytes);
    const std::uint64_t k = row_descriptor(shared_address(storage_.k[stage]));
    hold(scores_);
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t offset = (i / 4 * half_bytes + i % 4 * 32) / 16;  // 16 elements are 32 bytes
      wgmma_rows(scores_, q + offset, k + offset, i > 0);
    }
    wgmma_commit();
  }

  // out += weights v, asynchronously.
  __device__ __forceinline__ void multiply_values(int stage) {
    const std::uint64_t v = column_descriptor(shared_address(storage_.v[stage]), half_bytes);
    hold(out_);
    hold(weights_);
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < 8; ++i) wgmma_columns(out_, weights_ + 4 * i, v + i * 16 * half_bytes_per_row / 16, 1);
    wgmma_commit();
  }

  // The exponentials are to run beside the tensor cores, but the assembler would move the wait before them: a store
  // that never happens, since no sum is negative, comes after them and before the wait.
  __device__ __forceinline__ void wait_for(float sum) {
    asm volatile("{\n\t.reg .pred p;\n\tsetp.lt.f32 p, %0, 0f00000000;\n\t@p st.shared.f32 [%1], %0;\n\t}" ::"f"(sum),
                 "r"(shared_address(&storage_.q_full))
                 : "memory");
  }

  __device__ __forceinline__ void release(std::uint64_t& barrier) {
    if (threadIdx.x % 32 == 0) mbarrier_arrive(shared_address(&barrier));
  }

  // Over the warpgroup's own queries, in the layout that the copy engine takes.
  __device__ __forceinline__ void store(const CUtensorMap* map) {
    std::byte* const rows = storage_.q + row_ * half_bytes_per_row;
    const int swizzle = row_ % 8;
    sync_threads(out_barrier + group_, warpgroup_threads);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float sum = rows_.sum[r];
      sum += __shfl_xor_sync(all_lanes, sum, 1);
      sum += __shfl_xor_sync(all_lanes, sum, 2);
      const float scale = arguments_.out_scale / sum;
#pragma unroll
      for (int j = 0; j < 16; ++j) {
        const std::uint32_t offset =
            j / 8 * half_bytes + 8 * r * half_bytes_per_row + ((j % 8) ^ swizzle) * 16 + threadIdx.x % quad * 4;
        *reinterpret_cast<std::uint32_t*>(rows + offset) =
            bf16_pair(out_[4 * j + 2 * r] * scale, out_[4 * j + 2 * r + 1] * scale);
      }
    }
    bulk_fence();
    sync_threads(out_barrier + group_, warpgroup_threads);
    if (threadIdx.x % warpgroup_threads != 0) return;
    const int column = place_.head * head_dimension;
    const int row = place_.batch * arguments_.sequence + place_.block * block_rows + 64 * group_;
    const std::uint32_t source = shared_address(storage_.q) + group_ * warpgroup_bytes;
    tma_store(map, column, row, source);
    tma_store(map, column + head_dimension / 2, row, source + half_bytes);
    bulk_commit();
    bulk_wait();
  }

  AttentionStorage& storage_;
  const AttentionArguments& arguments_;
  const AttentionPlace& place_;
  int group_;
  int row_;  // the thread's first, in the block
  KeptWords<dropout, rounds> kept_;
  Patience patience_;
  RowState rows_;
  float scores_[64];
  float out_[64];
  std::uint32_t weights_[32];
};

// Registers of a thread: what the launch gives, 168, is shared out anew among the roles.
template <bool causal, AttentionDropout dropout, int rounds>
__global__ void __launch_bounds__(attention_threads, 1)
    attention_forward(const __grid_constant__ AttentionMaps maps,
                      const __grid_constant__ AttentionArguments arguments) {
  extern __shared__ std::byte raw[];
  const std::uint32_t padding = (swizzle_alignment - shared_address(raw) % swizzle_alignment) % swizzle_alignment;
  AttentionStorage& storage = *reinterpret_cast<AttentionStorage*>(raw + padding);
  const AttentionPlace place(arguments, causal);
  if (threadIdx.x == 0) {
    mbarrier_init(shared_address(&storage.q_full), 1);
    for (int i = 0; i < ring_stages; ++i) {
      mbarrier_init(shared_address(&storage.k_full[i]), 1);
      mbarrier_init(shared_address(&storage.v_full[i]), 1);
      mbarrier_init(shared_address(&storage.k_empty[i]), consumer_warps);
      mbarrier_init(shared_address(&storage.v_empty[i]), consumer_warps);
    }
    mbarrier_init_done();
  }
  __syncthreads();
  const int warpgroup = static_cast<int>(threadIdx.x) / warpgroup_threads;
  if (warpgroup == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
    if (threadIdx.x == 0) fill_ring(storage, maps, arguments, place);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    AttentionConsumer<causal, dropout, rounds> consumer(storage, arguments, place, warpgroup - 1);
    consumer.run(&maps.out);
  }
}

}  // namespace perfmodel
