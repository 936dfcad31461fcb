// What ran on the card when, as the tracer of the driver saw it: one record a kernel, memset or copy. Recordings are
// JSON lines, so that what reads them is tested without a GPU:
//
//     {"kind":"kernel","name":"rng_mask","start":1.25e-05,"end":3.4e-05,"grid":[1056,1,1],"block":[256,1,1],...}
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/units.hpp"

namespace perfmodel {

enum class RecordKind : std::uint8_t { kernel, memset, memcpy };
std::string_view record_kind_name(RecordKind kind);

struct KernelRecord {
  RecordKind kind = RecordKind::kernel;
  std::string name;  // mangled; empty for memsets and copies
  Seconds start;     // on the card's own clock: only differences mean something
  Seconds end;
  std::array<int, 3> grid{};
  std::array<int, 3> block{};
  int cluster = 1;  // CTAs of a cluster
  int registers = 0;
  Bytes static_smem;
  Bytes dynamic_smem;
  Bytes executed_smem;  // the carve-out that the SMs were set to
  Bytes bytes;          // of a memset or copy
  unsigned stream = 0;
  unsigned correlation = 0;  // rises with the order of the calls

  [[nodiscard]] Seconds duration() const { return end - start; }
  [[nodiscard]] int ctas() const { return grid[0] * grid[1] * grid[2]; }
  [[nodiscard]] int threads() const { return block[0] * block[1] * block[2]; }  // of a CTA
  [[nodiscard]] Bytes smem() const { return static_smem + dynamic_smem; }       // of a CTA
};

// From the first start to the last end; 0 without records.
Seconds span_of(std::span<const KernelRecord> records);
// Sum of the durations, of the whole list or of one kind.
Seconds busy_of(std::span<const KernelRecord> records);
Seconds busy_of(std::span<const KernelRecord> records, RecordKind kind);
// How long at least one record of each list ran: what two streams overlapped.
Seconds overlap_of(std::span<const KernelRecord> a, std::span<const KernelRecord> b);
// The kernel that takes longest, not a memset or copy; at least one record.
const KernelRecord& longest_of(std::span<const KernelRecord> records);
// Those whose name contains the text.
std::vector<KernelRecord> named(std::span<const KernelRecord> records, std::string_view part);

std::string kernel_records_json(std::span<const KernelRecord> records);
// Throws InputError at the line that is no record.
std::vector<KernelRecord> load_kernel_records(const std::string& path);

}  // namespace perfmodel
