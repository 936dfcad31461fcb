#include "model/tile_program.hpp"

#include <algorithm>
#include <cmath>

#include "model/pricing.hpp"
#include "model/residency.hpp"
#include "model/tile_product.hpp"

namespace perfmodel {

namespace {

// Physical counts of Triton's code, by least squares over the tile configurations of one H100 and checked on another
// (gemm_tiles.csv, gemm_tiles_other.csv, November 2026).
constexpr double narrow_rows = 0.774;  // of the L2's bandwidth with rows of 64 bytes, half a line
constexpr double merged = 0.18;        // share of a GPC's requests for one line that the network merges
constexpr double window_bytes =
    15.8 * 1024;                            // bytes in flight at which neighbours still ask for the same lines together
constexpr double descriptor_around = 6823;  // clk: tensor maps are made and fenced in the kernel
constexpr double pointer_around = 1090;     // clk: addresses, and the output's masks

constexpr int group_rows = 8;  // tiles of a group that goes through n together
constexpr int gpc_tiles = 16;  // CTAs of a GPC
constexpr int register_limit = 255;

double element_bytes(Dtype dtype) { return bytes_of(dtype, 16).si() / 16.0; }

double operand_bytes(const Gemm& gemm, const GemmConfig& config) {
  return static_cast<double>(config.cta_m + config.cta_n) * config.cta_k * element_bytes(gemm.dtype);
}

double accumulators(const GemmConfig& config) {
  return static_cast<double>(config.cta_m) * config.cta_n / (32.0 * config.warps);
}

// Registers a thread needs: own compilations of 178 configurations have accumulators and 26 with descriptors, 18 and
// about three for each 16-byte copy with pointers.
double needed_registers(const Gemm& gemm, const GemmConfig& config) {
  const double copies = operand_bytes(gemm, config) / 16.0 / (32.0 * config.warps);
  return accumulators(config) + (config.tma ? 26.0 : 18.0 + 2.9 * copies);
}

TileProduct product_of(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const ProductShape shape{static_cast<double>(config.cta_m), static_cast<double>(config.cta_n),
                           static_cast<double>(config.cta_k)};
  return tile_product(machine, gemm.dtype, shape, rows_first(machine, config.cta_m, std::max(1, config.warps / 4)),
                      /*first_in_registers=*/false);
}

// Whether the compiler has the warps wait for each product before they go on: spilled accumulators, and wide tiles of
// two warpgroups, by the machine code of own compilations.
bool waits_for_products(const GemmConfig& config) {
  if (config.spills > 0 || config.warps < 8) return config.spills > 0;
  return config.tma ? config.cta_n >= 128 && config.cta_k <= 64 : config.cta_n >= 256;
}

// Of what a GPC's CTAs ask for, the part that is distinct: a group's rows by the columns they go through.
double distinct_share(const Gemm& gemm, const GemmConfig& config) {
  const double tiles_m = std::ceil(static_cast<double>(gemm.m) / config.cta_m);
  const double rows = std::min<double>(group_rows, tiles_m);
  return (rows * config.cta_m + gpc_tiles / rows * config.cta_n) / (gpc_tiles * double(config.cta_m + config.cta_n));
}

double asked_share(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  Program program;
  program.warps = config.warps;
  program.registers = config.registers;
  program.smem = config.smem;
  const int ctas = std::max(1, residency(machine, program).ctas);
  const double tiles =
      std::ceil(static_cast<double>(gemm.m) / config.cta_m) * std::ceil(static_cast<double>(gemm.n) / config.cta_n);
  const bool one_wave = tiles <= ctas * static_cast<double>(machine.sms.value);
  const double in_flight = std::max(1, config.stages - 1) * ctas * operand_bytes(gemm, config);
  const double together = one_wave ? merged : std::min(0.8, window_bytes / in_flight);
  const double narrow = config.cta_k * element_bytes(gemm.dtype) <= 64 ? narrow_rows : 1.0;
  return (1.0 - merged) * (1.0 - together * (1.0 - distinct_share(gemm, config))) / narrow;
}

}  // namespace

CompiledTile compiled_tile(const Gemm& gemm, const GemmConfig& config) {
  const double needed = needed_registers(gemm, config);
  // A block of rows is kept or spilled as a whole, address registers with it.
  const double over = std::max(0.0, needed - register_limit);
  const double output = static_cast<double>(config.cta_m) * config.cta_n * element_bytes(gemm.out_dtype);
  return {static_cast<int>(std::min<double>(register_limit, std::ceil(needed))),
          over > 0 ? static_cast<int>(110 + 1.8 * over) : 0,
          Bytes(std::max(config.stages * operand_bytes(gemm, config), output))};
}

TileIteration tile_iteration(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const TileProduct product = product_of(machine, gemm, config);
  const double tensor = product.busy().si();
  const double port = pipe_rate(machine, Resource::smem).si();
  const double bytes = operand_bytes(gemm, config);
  const double writes = (config.tma ? machine.shared_memory.copy_contention.value : 1.0) * bytes / port;
  const double reads = product.operands.si() / port;
  // Spilled registers go out and come back through the L2, at an SM's share of it.
  const double share =
      machine.l2.bandwidth.value.si() / static_cast<double>(machine.sms.value) / machine.clock.datasheet.value.si();
  const double spilled = 2.0 * config.spills * config.warps * 128.0 / share;

  TileIteration result;
  result.busy[Resource::tensor] = Cycles(tensor);
  result.busy[Resource::smem] = Cycles(spilled > 0 ? std::max(tensor, reads + writes) + spilled : reads + writes);
  double alone = std::max(tensor, reads + writes);
  double chain = tensor;
  if (waits_for_products(config)) {
    const double wait = machine.tensor.latency.value.si();
    const double barriers = machine.transfer.barrier_wait.value.si() + machine.transfer.cta_barrier.value.si();
    const double copies = config.tma ? 0.0 : 4.0 * bytes / 512.0;
    chain = one_by_one(machine, product).si() + wait + copies + barriers;
    alone = chain + spilled;
  }
  const double latency =
      ((machine.dram.latency.value + machine.l2.far_latency.value) * machine.clock.datasheet.value).si();
  const double loads = (latency + chain) / std::max(1, config.stages - 1) + 0.5 * bytes / port;
  result.interval = Cycles(std::max(alone, loads));
  result.around = Cycles(latency + (config.tma ? descriptor_around : pointer_around));
  result.l2_share = asked_share(machine, gemm, config);
  // The L2 takes half as many bytes as it gives.
  result.local = Bytes(3.0 * config.spills * 4 * 32 * config.warps);
  return result;
}

}  // namespace perfmodel
