#include "model/pipeline_budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "support/format.hpp"
#include "workloads/pipeline_holdings.hpp"

namespace perfmodel {

namespace {

constexpr double barrier = 8;  // bytes of an mbarrier

// Registers that the warps of a role hold, at the granularity of their allocation.
double held(const Machine& machine, const PipelineRole& role) {
  const auto unit = static_cast<double>(machine.registers.allocation_unit.value);
  return role.warps * std::ceil(32.0 * role.registers / unit) * unit;
}

void check_registers(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults) {
  if (pipeline.roles.empty()) return;
  double sum = 0;
  const PipelineRole* largest = &pipeline.roles.front();
  for (const PipelineRole& role : pipeline.roles) {
    sum += held(machine, role);
    if (held(machine, role) > held(machine, *largest)) largest = &role;
    if (role.registers > machine.registers.maximum_per_thread.value) {
      faults
          .error(role.location, fmt::format("role '{}' wants {} registers a thread, {} are the most", role.name,
                                            role.registers, machine.registers.maximum_per_thread.value))
          .note("share its tile among more warps, or make it smaller");
    }
  }
  const auto file =
      static_cast<double>(machine.registers.per_sub_partition.value * machine.limits.sub_partitions.value);
  if (pipeline.ctas_per_sm * sum > file) {
    const double others = sum - held(machine, *largest);
    const double left = (file / pipeline.ctas_per_sm - others) / (32.0 * largest->warps);
    faults
        .error(largest->location,
               fmt::format("{} CTAs of {:.0f} registers, an SM has {:.0f}; most of them in role '{}'",
                           pipeline.ctas_per_sm, sum, file, largest->name))
        .note(left >= 24 ? fmt::format("with {:.0f} registers a thread of '{}' it would fit", std::floor(left / 8) * 8,
                                       largest->name)
                         : "fewer warps, or fewer CTAs an SM ('ctas_per_sm')");
  }
}

// How many slots of the largest ring would fit.
std::string remedy_of_smem(const Machine& machine, const Pipeline& pipeline, const PipelineChannel& ring, Bytes cta) {
  const Bytes share = (1.0 / pipeline.ctas_per_sm) * machine.shared_memory.capacity.value -
                      machine.shared_memory.reserved_per_cta.value;
  const Bytes most = std::min(machine.shared_memory.maximum_per_cta.value, share);
  const double depth = ring.depth - std::ceil((cta - most) / ring.smem);
  if (depth >= 1) return fmt::format("with {:.0f} of the {} slots of '{}' it would fit", depth, ring.depth, ring.name);
  return fmt::format("a smaller tile, or fewer CTAs an SM; one slot of '{}' takes {}", ring.name,
                     format_bytes(ring.smem));
}

void check_smem(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults) {
  const Bytes cta = pipeline.smem() + barrier_bytes(pipeline);
  const auto size = [](const PipelineChannel& channel) { return channel.depth * channel.smem.si(); };
  const auto largest = std::ranges::max_element(pipeline.channels, {}, size);
  if (largest == pipeline.channels.end()) return;
  const Bytes whole = pipeline.ctas_per_sm * (cta + machine.shared_memory.reserved_per_cta.value);
  if (cta > machine.shared_memory.maximum_per_cta.value || whole > machine.shared_memory.capacity.value) {
    faults
        .error(largest->location,
               fmt::format("{} CTAs of {} of shared memory, an SM has {} and a CTA at most {}; most of it in '{}'",
                           pipeline.ctas_per_sm, format_bytes(cta), format_bytes(machine.shared_memory.capacity.value),
                           format_bytes(machine.shared_memory.maximum_per_cta.value), largest->name))
        .note(remedy_of_smem(machine, pipeline, *largest, cta));
  }
}

void check_tmem(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults) {
  if (pipeline.columns() == 0) return;
  const auto has = machine.tmem.columns.present() ? machine.tmem.columns.value : 0;
  const auto columns =
      std::max<std::int64_t>(32, static_cast<std::int64_t>(std::bit_ceil(static_cast<unsigned>(pipeline.columns()))));
  if (pipeline.ctas_per_sm * columns <= has) return;
  const auto size = [](const PipelineChannel& channel) { return channel.depth * channel.columns; };
  const auto largest = std::ranges::max_element(pipeline.channels, {}, size);
  faults
      .error(largest->location,
             fmt::format("{} CTAs of {} columns of tensor memory, an SM has {}; most of them in '{}'",
                         pipeline.ctas_per_sm, columns, has, largest->name))
      .note(has == 0
                ? fmt::format("{} has no tensor memory: keep accumulators in registers, 'tensor: wgmma'", machine.name)
                : "allocations are powers of two; a narrower tile or fewer accumulators fit");
}

// Registers that a role says but that do not even hold its accumulators: it will run, slower than priced.
void check_accumulators(const Pipeline& pipeline, Diagnostics& faults) {
  for (int i = 0; i < static_cast<int>(pipeline.roles.size()); ++i) {
    const PipelineRole& role = pipeline.roles[static_cast<std::size_t>(i)];
    const double needs = accumulator_registers(pipeline, i);
    if (role.predicted || needs <= role.registers) continue;
    faults
        .warning(role.location, fmt::format("role '{}' has {} registers a thread for {:.0f} accumulators: it spills",
                                            role.name, role.registers, needs))
        .note("leave 'registers' out to have spills predicted and priced");
  }
}

}  // namespace

Bytes barrier_bytes(const Pipeline& pipeline) {
  double slots = 0;
  for (const PipelineChannel& channel : pipeline.channels) slots += channel.depth;
  return Bytes(2 * barrier * slots);
}

void check_limits(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults) {
  check_registers(machine, pipeline, faults);
  check_smem(machine, pipeline, faults);
  check_tmem(machine, pipeline, faults);
  if (32 * pipeline.warps() > machine.limits.threads_per_cta.value) {
    faults
        .error(pipeline.location, fmt::format("{} warps, {} threads are the most a CTA can have", pipeline.warps(),
                                              machine.limits.threads_per_cta.value))
        .note("let a role do the work of two");
  }
  if (pipeline.ctas_per_sm * pipeline.warps() > machine.limits.warps.value) {
    faults
        .error(pipeline.location, fmt::format("{} CTAs of {} warps, an SM has room for {}", pipeline.ctas_per_sm,
                                              pipeline.warps(), machine.limits.warps.value))
        .note("fewer CTAs an SM ('ctas_per_sm')");
  }
  if (pipeline.cluster > 1 && !machine.limits.cluster_maximum.present()) {
    faults
        .error(pipeline.location,
               fmt::format("clusters of {} CTAs, and {} has no clusters", pipeline.cluster, machine.name))
        .note("set 'cluster: 1'");
  } else if (pipeline.cluster > 1 && pipeline.cluster > machine.limits.cluster_maximum.value) {
    faults
        .error(pipeline.location, fmt::format("clusters of {} CTAs, {} are the most on {}", pipeline.cluster,
                                              machine.limits.cluster_maximum.value, machine.name))
        .note("a smaller 'cluster'");
  }
}

void check_budget(const Machine& machine, const Pipeline& pipeline, Diagnostics& faults) {
  check_limits(machine, pipeline, faults);
  check_accumulators(pipeline, faults);
}

}  // namespace perfmodel
