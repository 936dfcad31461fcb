#include "model/tile_program.hpp"

#include <algorithm>
#include <cmath>

#include "model/memory.hpp"
#include "model/pricing.hpp"
#include "model/residency.hpp"
#include "model/tile_product.hpp"

namespace perfmodel {

namespace {

constexpr double group_rows = 8;  // tiles of a group that goes through n together, as Triton's tutorials have it

// Requests for half a line are merged so much less, by the times of such tiles. Counters have them merge more, about
// 0.65 as well as whole lines, so that this stands for a cost of theirs that is not known.
constexpr double halves_merged = 0.25;

// How fast an L2 loses what a sweep comes back for, as it fills: an assumption.
constexpr double loss_exponent = 3;

constexpr int register_limit = 255;

double element_bytes(Dtype dtype) { return bytes_of(dtype, 16).si() / 16.0; }

double operand_bytes(const Gemm& gemm, const GemmConfig& config) {
  return static_cast<double>(config.cta_m + config.cta_n) * config.cta_k * element_bytes(gemm.dtype);
}

double output_bytes(const Gemm& gemm, const GemmConfig& config) {
  return static_cast<double>(config.cta_m) * config.cta_n * element_bytes(gemm.out_dtype);
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

// How a GEMM's CTAs go over its tiles: group after group, each through all columns.
struct Walk {
  double together = 1;  // CTAs of an SM at work
  double passes = 1;    // of groups over the second operand
  double waves = 1;     // of CTAs, one after the other
  double lost = 0;      // share of it that the L2 no longer has when the next one comes
};

Walk walk_of(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  Program program;
  program.warps = config.warps;
  program.registers = config.registers;
  program.smem = config.smem;
  const auto sms = static_cast<double>(machine.sms.value);
  const double tiles_m = std::ceil(static_cast<double>(gemm.m) / config.cta_m);
  const double tiles = tiles_m * std::ceil(static_cast<double>(gemm.n) / config.cta_n);
  Walk walk;
  const double ctas = std::max(1, residency(machine, program).ctas);
  walk.waves = std::max(1.0, tiles / (ctas * sms));
  walk.together = std::min(ctas, std::ceil(tiles / sms));
  walk.passes = std::clamp(walk.waves, 1.0, std::ceil(tiles_m / group_rows));
  const double row = static_cast<double>(gemm.k) * element_bytes(gemm.dtype);
  const double rows = std::min(static_cast<double>(gemm.m), group_rows * config.cta_m);
  const double fill = (rows + static_cast<double>(gemm.n)) * row / machine.l2.capacity.value.si();
  walk.lost = std::min(1.0, std::pow(fill / l2_held_share, loss_exponent));
  return walk;
}

// Of the loads that lead, those that go to DRAM.
double fresh_share(const Gemm& gemm, const Walk& walk) {
  const auto first = static_cast<double>(gemm.m);
  const auto second = static_cast<double>(gemm.n);
  return (first + second * (1.0 + (walk.passes - 1.0) * walk.lost)) / (first + second * walk.passes);
}

// Bytes of spilled registers that all tiles together read back from DRAM in an iteration: those of the CTAs at work
// share the L2.
double local_lost(const Machine& machine, const Gemm& gemm, const GemmConfig& config, const Walk& walk) {
  const double of_cta = 4.0 * 32.0 * config.spills * config.warps;
  const double tiles =
      std::ceil(static_cast<double>(gemm.m) / config.cta_m) * std::ceil(static_cast<double>(gemm.n) / config.cta_n);
  const double ctas = std::min(tiles, walk.together * static_cast<double>(machine.sms.value));
  const double fill = ctas * of_cta / machine.l2.capacity.value.si();
  return std::min(1.0, std::pow(fill / l2_held_share, loss_exponent)) * of_cta * tiles;
}

// Share of the operands' bytes that the L2 has to give. CTAs of a GPC ask for the same lines, and the network merges
// those requests while they are in step; a queue before the L2 brings them out of it, further with every wave after the
// one in which all start together. `own`: an SM's time for one CTA's iteration, the L2 aside.
double asked_share(const Machine& machine, const Gemm& gemm, const GemmConfig& config, double own, double waves) {
  const double rows = std::min(group_rows, std::ceil(static_cast<double>(gemm.m) / config.cta_m));
  const double columns = machine.tiles.columns.value;
  // The second operand of a step is the same for all rows of a column, the first for columns in step.
  const double alike = ((1.0 - 1.0 / columns) * config.cta_m + (1.0 - 1.0 / rows) / columns * config.cta_n) /
                       (config.cta_m + config.cta_n);
  const double rate = config.tma ? machine.l2.copy_share.value : 1.0;
  const double load = operand_bytes(gemm, config) / (rate * l2_share_of_sm(machine).si()) / own;
  const double whole = config.cta_k * element_bytes(gemm.dtype) > 64 ? 1.0 : halves_merged;
  const double apart = (1.0 - 1.0 / waves) * std::pow(load / machine.tiles.onset.value, 2);
  return (1.0 - whole * alike / (1.0 + apart)) / rate;
}

}  // namespace

bool waits_for_products(const GemmConfig& config) {
  if (config.spills > 0 || config.warps < 8) return config.spills > 0;
  if (!config.tma) return config.cta_n >= 256;
  return config.cta_n >= (config.tma_store ? 128 : 256) && config.cta_k <= 64;
}

CompiledTile compiled_tile(const Gemm& gemm, const GemmConfig& config) {
  const double needed = needed_registers(gemm, config);
  // A block of rows is kept or spilled as a whole, address registers with it.
  const double over = std::max(0.0, needed - register_limit);
  return {static_cast<int>(std::min<double>(register_limit, std::ceil(needed))),
          over > 0 ? static_cast<int>(110 + 1.8 * over) : 0,
          Bytes(std::max(config.stages * operand_bytes(gemm, config),
                         config.tma_store ? output_bytes(gemm, config) : 0.0))};
}

TileIteration tile_iteration(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const TileProduct product = product_of(machine, gemm, config);
  const double tensor = product.busy().si();
  const double port = pipe_rate(machine, Resource::smem).si();
  const double bytes = operand_bytes(gemm, config);
  const double writes = (config.tma ? machine.shared_memory.copy_contention.value : 1.0) * bytes / port;
  const double reads = product.operands.si() / port;
  const double spilled = 2.0 * config.spills * config.warps * 128.0 / l2_share_of_sm(machine).si();

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
  const Walk walk = walk_of(machine, gemm, config);
  const Seconds unloaded = machine.l2.far_latency.value + fresh_share(gemm, walk) * machine.dram.latency.value;
  const double latency = (machine.tiles.latency.value * unloaded * machine.clock.datasheet.value).si();
  const double loads = (latency + chain) / std::max(1, config.stages - 1) + 0.5 * bytes / port;
  result.interval = Cycles(std::max(alone, loads));
  const Bytes stored(config.tma_store ? output_bytes(gemm, config) : 0.0);
  result.around = machine.tiles.around.value + output_time(machine, config, stored);
  if (config.tma) result.around += machine.transfer.tensor_map.value * machine.clock.maximum.value;
  const double own = std::max(result.interval.si() / walk.together, result.busy.largest().si());
  result.l2_share = asked_share(machine, gemm, config, own, walk.waves);
  // Each spilled register goes out and comes back once.
  result.local = Bytes(2.0 * config.spills * 4 * 32 * config.warps);
  result.again = Bytes((walk.passes - 1.0) * walk.lost * static_cast<double>(gemm.n) * static_cast<double>(gemm.k) *
                           element_bytes(gemm.dtype) +
                       local_lost(machine, gemm, config, walk) * std::ceil(static_cast<double>(gemm.k) / config.cta_k));
  return result;
}

}  // namespace perfmodel
