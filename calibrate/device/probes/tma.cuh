// The bulk tensor copies: one thread asks, a barrier in shared memory or a group of the thread tells the end.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "calibrate/device/probes/mbarrier.cuh"

namespace perfmodel {

__device__ __forceinline__ void tma_prefetch(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// The box at (column, row) of the map to `destination`; its bytes count at `barrier`.
__device__ __forceinline__ void tma_load(std::uint32_t destination, const CUtensorMap* map, int column, int row,
                                         std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
          destination),
      "l"(map), "r"(column), "r"(row), "r"(barrier)
      : "memory");
}

// The same to every CTA of the cluster whose bit is set, at the same place, each CTA's barrier counting.
__device__ __forceinline__ void tma_load_multicast(std::uint32_t destination, const CUtensorMap* map, int column,
                                                   int row, std::uint32_t barrier, std::uint16_t ctas) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
      " [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(destination),
      "l"(map), "r"(column), "r"(row), "r"(barrier), "h"(ctas)
      : "memory");
}

__device__ __forceinline__ void tma_store(const CUtensorMap* map, int column, int row, std::uint32_t source) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];" ::"l"(map), "r"(column),
               "r"(row), "r"(source)
               : "memory");
}

// Contiguous bytes, a multiple of 16.
__device__ __forceinline__ void bulk_load(std::uint32_t destination, const void* source, unsigned bytes,
                                          std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(destination),
      "l"(source), "r"(bytes), "r"(barrier)
      : "memory");
}

__device__ __forceinline__ void bulk_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

// Until all but the latest `pending` groups have read their shared memory.
template <int pending>
__device__ __forceinline__ void bulk_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(pending) : "memory");
}

// Until all groups are written.
__device__ __forceinline__ void bulk_wait() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }

// Shared memory that threads have written, before a bulk copy reads it: by each writer, before the CTA's barrier.
__device__ __forceinline__ void bulk_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

}  // namespace perfmodel
