#include "calibrate/device/cupti/kernel_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <thread>

#include "calibrate/device/cupti/cupti.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{4} << 20U;
constexpr std::size_t buffer_alignment = 8;
constexpr int most_tries = 20;        // a millisecond apart, for records to come
constexpr Seconds clock_skew(20e-6);  // of the card's clock as CUPTI converts it, at most
constexpr std::array<CUpti_ActivityKind, 3> kinds{CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMSET,
                                                  CUPTI_ACTIVITY_KIND_MEMCPY};

// CUPTI hands records to callbacks without user data, from threads of its own: one collector a process.
struct Collector {
  std::mutex mutex;
  std::vector<KernelRecord> records;
  std::size_t lost = 0;
  std::uint64_t origin = 0;  // times are counted from here: nanoseconds since 1970 do not fit in a double
  int users = 0;
};

Collector& collector() {
  static Collector instance;
  return instance;
}

Seconds since_origin(std::uint64_t nanoseconds) {
  return Seconds(1e-9 * static_cast<double>(static_cast<std::int64_t>(nanoseconds - collector().origin)));
}

KernelRecord record_of(const CUpti_ActivityKernel10& kernel) {
  KernelRecord record;
  record.kind = RecordKind::kernel;
  record.name = kernel.name == nullptr ? "" : kernel.name;
  record.start = since_origin(kernel.start);
  record.end = since_origin(kernel.end);
  record.grid = {kernel.gridX, kernel.gridY, kernel.gridZ};
  record.block = {kernel.blockX, kernel.blockY, kernel.blockZ};
  record.cluster = static_cast<int>(std::max(1U, kernel.clusterX * kernel.clusterY * kernel.clusterZ));
  record.registers = kernel.registersPerThread;
  record.static_smem = Bytes(kernel.staticSharedMemory);
  record.dynamic_smem = Bytes(kernel.dynamicSharedMemory);
  record.executed_smem = Bytes(kernel.sharedMemoryExecuted);
  record.stream = kernel.streamId;
  record.correlation = kernel.correlationId;
  return record;
}

template <class Activity>
KernelRecord record_of(RecordKind kind, const Activity& activity) {
  KernelRecord record;
  record.kind = kind;
  record.start = since_origin(activity.start);
  record.end = since_origin(activity.end);
  record.bytes = Bytes(static_cast<double>(activity.bytes));
  record.stream = activity.streamId;
  record.correlation = activity.correlationId;
  return record;
}

void keep(const CUpti_Activity* activity, std::vector<KernelRecord>& records) {
  switch (activity->kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
    case CUPTI_ACTIVITY_KIND_KERNEL:
      records.push_back(record_of(*reinterpret_cast<const CUpti_ActivityKernel10*>(activity)));
      break;
    case CUPTI_ACTIVITY_KIND_MEMSET:
      records.push_back(record_of(RecordKind::memset, *reinterpret_cast<const CUpti_ActivityMemset4*>(activity)));
      break;
    case CUPTI_ACTIVITY_KIND_MEMCPY:
      records.push_back(record_of(RecordKind::memcpy, *reinterpret_cast<const CUpti_ActivityMemcpy6*>(activity)));
      break;
    default: break;
  }
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* most_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(buffer_alignment, buffer_bytes));
  *size = *buffer == nullptr ? 0 : buffer_bytes;
  *most_records = 0;
}

void CUPTIAPI take_buffer(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t /*size*/,
                          std::size_t valid) {
  Collector& to = collector();
  const std::lock_guard lock(to.mutex);
  CUpti_Activity* activity = nullptr;
  while (valid > 0 && cuptiActivityGetNextRecord(buffer, valid, &activity) == CUPTI_SUCCESS) {
    keep(activity, to.records);
  }
  std::size_t dropped = 0;
  if (cuptiActivityGetNumDroppedRecords(context, stream, &dropped) == CUPTI_SUCCESS) to.lost += dropped;
  std::free(buffer);
}

// Hands over every record of what has ended.
void flush() {
  PERFMODEL_CUDA(cudaDeviceSynchronize());
  PERFMODEL_CUPTI(cuptiActivityFlushAll(0));
}

std::vector<KernelRecord> collected_since(Seconds begin) {
  Collector& from = collector();
  const std::lock_guard lock(from.mutex);
  if (from.lost > 0) throw DeviceError(fmt::format("cuptiActivityFlushAll: {} records were lost", from.lost));
  std::vector<KernelRecord> records;
  std::ranges::copy_if(from.records, std::back_inserter(records),
                       [&](const KernelRecord& record) { return record.end > begin; });
  return records;
}

Seconds now() {
  std::uint64_t timestamp = 0;
  PERFMODEL_CUPTI(cuptiGetTimestamp(&timestamp));
  return since_origin(timestamp);
}

void enable() {
  static const bool registered = [] {
    PERFMODEL_CUPTI(cuptiActivityRegisterCallbacks(give_buffer, take_buffer));
    PERFMODEL_CUPTI(cuptiGetTimestamp(&collector().origin));
    return true;
  }();
  static_cast<void>(registered);
  for (const CUpti_ActivityKind kind : kinds) PERFMODEL_CUPTI(cuptiActivityEnable(kind));
}

}  // namespace

KernelTrace::KernelTrace(const Stream& stream) : stream_(stream) {
  if (collector().users == 0) enable();
  ++collector().users;
}

KernelTrace::~KernelTrace() {
  if (--collector().users > 0) return;
  for (const CUpti_ActivityKind kind : kinds) static_cast<void>(cuptiActivityDisable(kind));
}

std::vector<KernelRecord> KernelTrace::trace(const Launch& launch) {
  flush();
  {
    Collector& from = collector();
    const std::lock_guard lock(from.mutex);
    from.records.clear();
    from.lost = 0;
  }
  // What comes late from before does not belong to this launch.
  const Seconds begin = now() - clock_skew;
  launch(stream_.get());
  flush();
  PERFMODEL_CUDA(cudaGetLastError());
  std::vector<KernelRecord> records = collected_since(begin);
  for (int tries = 0; records.empty() && tries < most_tries; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    flush();
    records = collected_since(begin);
  }
  for (const KernelRecord& record : records) {
    if (record.end <= record.start) throw DeviceError("cuptiActivityFlushAll: no times for kernel " + record.name);
  }
  std::ranges::stable_sort(records, {}, &KernelRecord::start);
  return records;
}

}  // namespace perfmodel
