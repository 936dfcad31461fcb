// Which kernels, memsets and copies ran on the card, and when, by CUPTI's activity records.
//
//     KernelTrace trace(bench.stream());
//     const std::vector<KernelRecord> records = trace.trace(launch);
//     const Seconds both = span_of(records);
//
// Collecting starts when the first object is made and ends with the last, so that its cost, milliseconds, is paid
// once; while it runs, kernels of one stream follow each other about a microsecond later than without. Keep none alive
// around measurements by events.
#pragma once

#include <vector>

#include "calibrate/device/bench.hpp"
#include "calibrate/kernel_record.hpp"

namespace perfmodel {

class KernelTrace {
 public:
  // Throws DeviceError where CUPTI cannot collect.
  explicit KernelTrace(const Stream& stream);
  KernelTrace(const KernelTrace&) = delete;
  KernelTrace& operator=(const KernelTrace&) = delete;
  ~KernelTrace();

  // Calls the launch with the stream, waits for the whole card, and returns what ran on it meanwhile, whatever the
  // stream, by start. Throws DeviceError if records were lost.
  [[nodiscard]] std::vector<KernelRecord> trace(const Launch& launch);

 private:
  const Stream& stream_;
};

}  // namespace perfmodel
