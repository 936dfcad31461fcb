// What a vendor's GEMM ran as, in the columns of a table.
#pragma once

#include <cstdint>
#include <span>

#include "calibrate/kernel_record.hpp"
#include "calibrate/table_sink.hpp"

namespace perfmodel {

// Launch shape, registers and shared memory, and where the kernel's name tells, tile, stages, cluster and split-K
// factor of an m x n product.
Cells gemm_cells(const KernelRecord& record, std::int64_t m, std::int64_t n);

// The same of the longest of what ran for a row whose inputs are a GEMM without a tile; none for other rows.
Cells library_gemm_cells(const Cells& inputs, std::span<const KernelRecord> records);

}  // namespace perfmodel
