#include "model/sm_occupancy.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "support/format.hpp"

namespace perfmodel {

namespace {

std::int64_t warp_registers(const Machine& machine, const Program& program) {
  const std::int64_t unit = machine.registers.allocation_unit.value;
  return (std::int64_t{program.registers} * 32 + unit - 1) / unit * unit;
}

}  // namespace

SmOccupancy::SmOccupancy(const Machine& machine, Bytes shared_memory)
    : machine_(machine),
      count_(std::min<std::size_t>(static_cast<std::size_t>(machine.limits.sub_partitions.value), max_sub_partitions)),
      smem_(shared_memory),
      ctas_(machine.limits.ctas.value),
      threads_(machine.limits.threads.value),
      columns_(machine.tmem.columns.present() ? machine.tmem.columns.value : 0) {
  for (std::size_t i = 0; i < count_; ++i) {
    parts_[i] = {machine.registers.per_sub_partition.value,
                 machine.limits.warps.value / static_cast<std::int64_t>(count_)};
  }
}

bool SmOccupancy::take(SubPartitions& parts, const Program& program, std::size_t start) const {
  const std::int64_t registers = warp_registers(machine_, program);
  for (int warp = 0; warp < program.warps; ++warp) {
    SubPartition& part = parts[(start + static_cast<std::size_t>(warp)) % count_];
    part.registers -= registers;
    part.warps -= 1;
    if (part.registers < 0 || part.warps < 0) {
      return false;
    }
  }
  return true;
}

int SmOccupancy::best_start(const Program& program) const {
  int best = -1;
  for (std::size_t start = 0; start < count_; ++start) {
    SubPartitions parts = parts_;
    const bool better = best < 0 || parts_[start].registers > parts_[static_cast<std::size_t>(best)].registers;
    if (better && take(parts, program, start)) {
      best = static_cast<int>(start);
    }
  }
  return best;
}

Bytes SmOccupancy::needed(const Program& program) const {
  const double unit = machine_.shared_memory.granularity.value.si();
  return Bytes(std::ceil((program.smem + machine_.shared_memory.reserved_per_cta.value).si() / unit) * unit);
}

bool SmOccupancy::place(const Program& program) {
  if (ctas_ < 1 || threads_ < program.warps * 32 || needed(program) > smem_ || columns_ < program.tmem_columns) {
    return false;
  }
  const int start = best_start(program);
  if (start < 0) {
    return false;
  }
  take(parts_, program, static_cast<std::size_t>(start));
  ctas_ -= 1;
  threads_ -= program.warps * 32;
  smem_ -= needed(program);
  columns_ -= program.tmem_columns;
  return true;
}

std::string SmOccupancy::obstacle(const Program& program) const {
  if (needed(program) > smem_) {
    return fmt::format("shared memory: a CTA needs {} with the system's share, {} are left",
                       format_bytes(needed(program)), format_bytes(std::max(Bytes(0), smem_)));
  }
  if (columns_ < program.tmem_columns) {
    return fmt::format("tensor memory: a CTA needs {} columns, {} are left", program.tmem_columns, columns_);
  }
  if (ctas_ < 1 || threads_ < program.warps * 32) {
    return fmt::format("{}: a CTA has {} threads, there is room for {} in {} CTAs", ctas_ < 1 ? "CTA slots" : "threads",
                       program.warps * 32, threads_, ctas_);
  }
  if (best_start(program) < 0) {
    const auto most = std::max_element(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(count_),
                                       [](const auto& a, const auto& b) { return a.registers < b.registers; });
    return fmt::format("registers of a sub-partition: a warp needs {}, the freest has {}",
                       warp_registers(machine_, program), most->registers);
  }
  return {};
}

}  // namespace perfmodel
