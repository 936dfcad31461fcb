#include "model/residency.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "support/format.hpp"

namespace perfmodel {

namespace {

std::int64_t round_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }

// Warps of a sub-partition's share that its registers hold.
std::int64_t warps_by_registers(const Machine& machine, int registers) {
  const std::int64_t warp = round_up(std::int64_t{registers} * 32, machine.registers.allocation_unit.value);
  return machine.registers.per_sub_partition.value / warp;
}

Bytes allocated(const Machine& machine, Bytes smem) {
  const double unit = machine.shared_memory.granularity.value.si();
  return Bytes(std::ceil((smem + machine.shared_memory.reserved_per_cta.value).si() / unit) * unit);
}

std::string refusal_of(const Machine& machine, const Program& program) {
  if (program.registers > machine.registers.maximum_per_thread.value) {
    return fmt::format("a thread needs {} registers, {} are the most a thread can have", program.registers,
                       machine.registers.maximum_per_thread.value);
  }
  if (program.warps * 32 > machine.limits.threads_per_cta.value) {
    return fmt::format("a CTA needs {} threads, {} are the most a CTA can have", program.warps * 32,
                       machine.limits.threads_per_cta.value);
  }
  if (program.smem > machine.shared_memory.maximum_per_cta.value) {
    return fmt::format("a CTA needs {} of shared memory, {} are the most a CTA can have", format_bytes(program.smem),
                       format_bytes(machine.shared_memory.maximum_per_cta.value));
  }
  const std::int64_t partitions = machine.limits.sub_partitions.value;
  if (round_up(program.warps, partitions) / partitions > warps_by_registers(machine, program.registers)) {
    return fmt::format("a CTA of {} warps with {} registers a thread needs {} registers of a sub-partition, it has {}",
                       program.warps, program.registers,
                       round_up(program.warps, partitions) / partitions * program.registers * 32,
                       machine.registers.per_sub_partition.value);
  }
  if (program.cluster > 1 && !machine.limits.cluster_maximum.present()) {
    return fmt::format("clusters of {} CTAs, and {} has no clusters", program.cluster, machine.name);
  }
  if (program.cluster > 1 && program.cluster > machine.limits.cluster_maximum.value) {
    return fmt::format("clusters of {} CTAs, {} are the most a cluster can have", program.cluster,
                       machine.limits.cluster_maximum.value);
  }
  return {};
}

}  // namespace

Residency residency(const Machine& machine, const Program& program) {
  Residency result;
  result.refusal = refusal_of(machine, program);
  if (!result.refusal.empty()) {
    return result;
  }
  const Limits& limits = machine.limits;
  const std::int64_t partitions = limits.sub_partitions.value;
  const std::int64_t warps_a_partition = round_up(program.warps, partitions) / partitions;
  std::int64_t ctas = std::min<std::int64_t>(limits.ctas.value, limits.warps.value / program.warps);
  ctas = std::min(ctas, limits.threads.value / (program.warps * 32));
  // CTAs of fewer warps than sub-partitions spread over them; larger ones load all alike.
  const std::int64_t held = warps_by_registers(machine, program.registers);
  ctas = std::min(ctas, program.warps < partitions ? held * partitions / program.warps : held / warps_a_partition);
  const double smem = machine.shared_memory.capacity.value / allocated(machine, program.smem);
  ctas = std::min(ctas, static_cast<std::int64_t>(smem));
  if (program.tmem_columns > 0) {
    ctas = std::min(ctas, machine.tmem.columns.value / program.tmem_columns);
  }
  result.ctas = static_cast<int>(std::max<std::int64_t>(ctas, 0));
  if (result.ctas == 0) {
    result.refusal =
        fmt::format("a CTA of {} warps, {} registers a thread and {} of shared memory does not fit on an SM",
                    program.warps, program.registers, format_bytes(program.smem));
  }
  return result;
}

}  // namespace perfmodel
