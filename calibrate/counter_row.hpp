// The part of a row of counters.csv that comes from recordings: what ran, as the tracer saw it, and its hardware
// counters as figures: utilisations in percent, bytes, instructions.
#pragma once

#include <span>
#include <vector>

#include "calibrate/counter_record.hpp"
#include "calibrate/kernel_record.hpp"
#include "calibrate/table_sink.hpp"

namespace perfmodel {

// The columns that counters fill, and the metrics that give them. Shares are of the peak over the kernel's time,
// elapsed cycles.
const std::vector<MetricWish>& counter_wishes();

// Name and launch shape of the kernel that takes longest, and how many records there are. At least one record.
Cells main_kernel_cells(std::span<const KernelRecord> records);

// The figures of a record, by the metric that was chosen for each; two of them, smem_bytes and l2_bytes, are computed.
Cells counter_cells(std::span<const MetricChoice> choices, const CounterRecord& counted);

}  // namespace perfmodel
