#include "model/gemm.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/lower.hpp"
#include "model/pricing.hpp"
#include "model/tile_program.hpp"

namespace perfmodel {

namespace {

double element_bytes(Dtype dtype) { return bytes_of(dtype, 16).si() / 16.0; }

double ceil_div(double a, double b) { return std::ceil(a / b); }

constexpr double warp_tile = 64;

// One iteration of the main loop with the instruction's M along `rows` and its N along `columns` of the tile.
struct Issue {
  double tensor;  // clk
  double smem;    // bytes read by the tensor core
};

Issue issue_of(const Machine& machine, double rows, double columns, double depth_bytes, double depth_flops,
               double mma_pair) {
  if (machine.tensor.generation == TensorGeneration::mma) {
    // mma.sync takes operands from registers: every warp loads those of its own 64 x 64 part of the tile.
    const double parts = ceil_div(rows, warp_tile) * ceil_div(columns, warp_tile);
    return {.tensor = rows * columns * depth_flops, .smem = parts * 2 * warp_tile * depth_bytes};
  }
  const auto granule = static_cast<double>(machine.tensor.rows.value);
  const double instructions = ceil_div(rows, granule);
  return {.tensor = instructions * granule * columns * depth_flops,
          .smem = instructions * (granule + columns / mma_pair) * depth_bytes};
}

// What the copy engine writes into shared memory in an iteration.
Bytes written_operands(const Gemm& gemm, const GemmConfig& config) {
  const double rows = config.cta_m + static_cast<double>(config.cta_n) / config.mma_pair;
  return Bytes(rows * config.cta_k * element_bytes(gemm.dtype));
}

// Operands pass through shared memory twice: written by the copy engine, read by the tensor core once for each block
// of M rows. Tiles may be computed transposed, whichever is faster.
Demand iteration_demand(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const double depth_bytes = config.cta_k * element_bytes(gemm.dtype);
  const double depth_flops = 2.0 * config.cta_k / tensor_rate(machine, gemm.dtype).si();
  const double smem_rate = pipe_rate(machine, Resource::smem).si();
  const double written = machine.shared_memory.copy_contention.value * written_operands(gemm, config).si();
  const Issue straight = issue_of(machine, config.cta_m, config.cta_n, depth_bytes, depth_flops, config.mma_pair);
  const Issue turned = issue_of(machine, config.cta_n, config.cta_m, depth_bytes, depth_flops, config.mma_pair);
  const auto longest = [&](const Issue& i) { return std::max(i.tensor, (i.smem + written) / smem_rate); };
  // Of two that take as long, the one that multiplies less padding: it draws less power.
  const auto cost = [&](const Issue& i) { return std::pair(longest(i), i.tensor); };
  const Issue& best = cost(straight) <= cost(turned) ? straight : turned;
  Demand demand;
  demand[Resource::tensor] = Cycles(best.tensor);
  demand[Resource::smem] = Cycles((best.smem + written) / smem_rate);
  return demand;
}

// What instructions of a thread or, times 32, of a warp take.
Demand demand_of(const Machine& machine, const InstructionTally& threads) {
  Demand demand;
  demand[Resource::alu] = threads.alu / pipe_rate(machine, Resource::alu);
  demand[Resource::fma] = threads.fma / pipe_rate(machine, Resource::fma);
  demand[Resource::issue] = threads.all / pipe_rate(machine, Resource::issue);
  return demand;
}

// Accumulators that an iteration adds up in FP32.
double promotions(const Gemm& gemm, const GemmConfig& config) {
  return gemm.dtype == Dtype::fp8 && config.promotion > 0
             ? static_cast<double>(config.cta_m) * config.cta_n * config.cta_k / config.promotion
             : 0.0;
}

// Instructions around the tensor cores' own work, which hide behind it: barriers, descriptors, and the second level of
// fp8 accumulation.
InstructionTally iteration_tally(const Gemm& gemm, const GemmConfig& config) {
  return 32 * config.iteration + promotions(gemm, config) * config.promoted;
}

// What hardware counts less than the segments hold: negative for the output's instructions, which end the tile in a
// time of their own, and for warps that spin while they wait.
Demand uncounted(const Machine& machine, const GemmConfig& config, const Segment& loop, double items) {
  const InstructionTally output = static_cast<double>(config.cta_m) * config.cta_n * config.element;
  const Cycles loop_time = loop.count * std::max({loop.busy.largest(), loop.aside.largest(), loop.interval});
  Demand demand = -items * demand_of(machine, output);
  demand[Resource::issue] =
      demand[Resource::issue] - items * config.waiting * 32 / pipe_rate(machine, Resource::issue).si() * loop_time;
  return demand;
}

// Two warpgroups take turns, each with a tile of its own, where one holds a whole tile's accumulators.
bool taking_turns(const GemmConfig& config) {
  return static_cast<double>(config.accumulator_sets) * config.cta_m * config.cta_n <= 128.0 * config.ping_pong;
}

// What the output adds to each tile, and once to the kernel.
struct OutputCost {
  Cycles each;
  Cycles last;
};

// Persistent CTAs hide one tile's output behind the next one's main loop, all but the last one: where accumulators are
// double-buffered in tensor memory, and where warpgroups take turns, of which each has two tiles' time for its own.
OutputCost output_cost(const Machine& machine, const GemmConfig& config, const Segment& loop, Cycles output) {
  const bool buffered = machine.tensor.generation == TensorGeneration::tcgen05;
  if (config.schedule != Schedule::persistent || !(buffered || taking_turns(config))) {
    return {.each = output, .last = Cycles(0)};
  }
  const Cycles main_loop = loop.count * std::max(loop.interval, loop.busy.largest());
  const Cycles each = (buffered ? 1.0 : 0.5) * std::max(Cycles(0), output - main_loop);
  return {.each = each, .last = output - each};
}

// From asking for a tile's operands to the warps that wait for them going on.
Cycles load_latency(const Machine& machine, Seconds memory) {
  return memory * machine.clock.datasheet.value + machine.transfer.tma_latency.value +
         machine.transfer.barrier_wait.value;
}

// Clocks of a sub-partition for each of the instructions that turn accumulators into rows in shared memory. They depend
// on each other, 4 clk from one to the next, so that two warps, or one with the two halves of a pair, issue one in two
// clocks at best. The slopes of cuBLAS's times over tiles of short k say 2.3 (H100, 256 x 128, and scaled outputs).
constexpr double output_issue = 2.3;

}  // namespace

Cycles output_time(const Machine& machine, const GemmConfig& config, Bytes stored) {
  const double elements = static_cast<double>(config.cta_m) * config.cta_n;
  const Cycles issue = elements * config.element.all / pipe_rate(machine, Resource::issue);
  const Cycles stores = stored / machine.transfer.epilogue.value;
  // A lone warpgroup goes on while the copy engine stores; two meet before each store of the tile they share.
  return taking_turns(config) ? std::max(stores, output_issue * issue) : stores + output_issue * issue;
}

double unaligned_read(const Machine& machine, double pitch) {
  return std::fmod(pitch, 32.0) == 0.0 ? 1.0 : machine.l2.unaligned_read.value;
}

double unaligned_write(const Machine& machine, double pitch) {
  return std::fmod(pitch, machine.l2.line.value.si()) == 0.0 ? 1.0 : machine.l2.unaligned_write.value;
}

double rows_asked(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const double cta_m = config.cta_m;
  const double cta_n = config.cta_n;
  const bool in_step = config.schedule == Schedule::persistent;
  const double together = std::max(config.cluster, in_step ? static_cast<int>(machine.l2.coalesced.value) : 1);
  const double along_m = std::min(together, ceil_div(static_cast<double>(gemm.m), cta_m));
  const double along_n = std::min(together, ceil_div(static_cast<double>(gemm.n), cta_n));
  return std::min(cta_m + cta_n / along_m, cta_n + cta_m / along_n);
}

namespace {

// What is read from DRAM again. A panel lies across the shorter side of the tiles, at least as wide as the CTAs of a
// wave reach. Each streams the operand of its long side; what the next panel finds of it falls with what was read
// meanwhile.
Bytes read_again(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const bool across_n = config.cta_n <= config.cta_m;
  const auto m = static_cast<double>(gemm.m);
  const auto n = static_cast<double>(gemm.n);
  const double row = static_cast<double>(gemm.k) * element_bytes(gemm.dtype);
  const double tile = across_n ? config.cta_n : config.cta_m;
  const double across = ceil_div(across_n ? n : m, tile);
  const double down = across_n ? ceil_div(m, config.cta_m) : ceil_div(n, config.cta_n);
  const double width = std::min(across, std::max<double>(config.panel, static_cast<double>(machine.sms.value) / down));
  const double streamed = (across_n ? m : n) * row;
  const double lost = std::min(1.0, (streamed + width * tile * row) / machine.l2.capacity.value.si());
  return Bytes((across / width - 1.0) * lost * streamed);
}

}  // namespace

int natural_cta_k(Dtype dtype) {
  switch (dtype) {
    case Dtype::tf32:
    case Dtype::fp32: return 32;
    case Dtype::fp8: return 128;
    case Dtype::nvfp4: return 256;
    case Dtype::fp16:
    case Dtype::bf16: break;
  }
  return 64;
}

Bytes operand_buffers(const GemmConfig& config, Dtype dtype) {
  return bytes_of(dtype, static_cast<double>(config.stages) * (config.cta_m + config.cta_n) * config.cta_k);
}

Kernel gemm_kernel(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const auto m = static_cast<double>(gemm.m);
  const auto n = static_cast<double>(gemm.n);
  const auto k = static_cast<double>(gemm.k);
  const double in_bytes = element_bytes(gemm.dtype);
  const double out_bytes = element_bytes(gemm.out_dtype);
  const double tiles = ceil_div(m, config.cta_m) * ceil_div(n, config.cta_n);
  const double depth = ceil_div(k, config.cta_k);
  const auto sms = static_cast<double>(machine.sms.value);

  Kernel kernel;
  kernel.schedule = config.schedule;
  kernel.items = tiles * config.split_k;
  kernel.ctas = config.ctas > 0                           ? config.ctas
                : config.schedule == Schedule::persistent ? static_cast<std::int64_t>(std::min(kernel.items, sms))
                                                          : static_cast<std::int64_t>(kernel.items);
  // The slices of a split-K GEMM spread evenly over the CTAs.
  double iterations = depth;
  if (config.split_k > 1) {
    iterations = std::ceil(tiles * depth / static_cast<double>(kernel.ctas));
    kernel.items = static_cast<double>(kernel.ctas);
  }

  Segment loop;
  loop.count = iterations;
  loop.busy = iteration_demand(machine, gemm, config);
  loop.aside = demand_of(machine, iteration_tally(gemm, config));
  loop.interval = machine.transfer.iteration.value;
  const bool tile_program = config.schedule == Schedule::grid && machine.tensor.generation == TensorGeneration::wgmma;
  const TileIteration tile = tile_program ? tile_iteration(machine, gemm, config) : TileIteration{};
  if (tile_program) {
    loop.busy = tile.busy;
    loop.interval = tile.interval;
  } else if (config.schedule == Schedule::grid) {
    // The same warps wait for operands, start the tensor cores and wait for them: one step after the other. A buffer
    // is asked for again once its product is done, and then takes the load's latency; one of them is in use.
    const Cycles busy = loop.busy.largest();
    const Cycles turn = load_latency(machine, machine.l2.far_latency.value) + busy;
    loop.interval = std::max(loop.interval + busy, turn / std::max(1, config.stages - 1));
  }
  const double tile_out = static_cast<double>(config.cta_m) * config.cta_n * (config.split_k > 1 ? 4.0 : out_bytes);
  Segment epilogue;
  epilogue.count = 1;
  const double write_cost = unaligned_write(machine, n * out_bytes);
  const Cycles output = output_time(machine, config, Bytes(tile_out * write_cost));
  // Output tiles are laid out in shared memory and fetched by the copy engine.
  if (machine.tensor.generation == TensorGeneration::wgmma) {
    epilogue.aside[Resource::smem] = 2 * tile_out / pipe_rate(machine, Resource::smem);
  }
  const OutputCost cost = output_cost(machine, config, loop, output);
  epilogue.interval = cost.each;
  if (tile_program) {
    epilogue.interval = tile.around;
  } else if (config.schedule == Schedule::grid) {
    // A CTA of one tile fills its pipeline before it computes, and nothing of its own hides that.
    Segment fill;
    fill.count = 1;
    fill.interval = load_latency(machine, machine.dram.latency.value + machine.l2.far_latency.value);
    kernel.program.add(fill);
  }
  loop.steps = config.loop_steps;
  epilogue.steps = config.tile_steps;
  kernel.program.add(loop);
  kernel.program.add(epilogue);
  kernel.beside_port =
      kernel.items * loop.count * (1.0 - machine.shared_memory.copy_contention.value) * written_operands(gemm, config);
  kernel.held = uncounted(machine, config, loop, kernel.items);
  kernel.program.warps = config.warps;
  kernel.program.registers = config.registers;
  kernel.program.smem = config.smem;
  kernel.program.cluster = config.cluster;

  const double read_cost = unaligned_read(machine, k * in_bytes);
  const double shared =
      tile_program ? tile.l2_share * (config.cta_m + config.cta_n) : rows_asked(machine, gemm, config);
  kernel.l2_read = Bytes(tiles * depth * config.cta_k * in_bytes * shared * read_cost) + tiles * depth * tile.local;
  kernel.input = Bytes((m + n) * k * in_bytes);
  kernel.again = config.split_k > 1 ? Bytes(0) : tile_program ? tile.again : read_again(machine, gemm, config);
  if (tile_program) kernel.overlap = machine.l2.overlap.value;
  kernel.output = Bytes(m * n * (config.split_k > 1 ? 4.0 * config.split_k : out_bytes));
  kernel.l2_written = write_cost * kernel.output;
  kernel.latency = machine.transfer.prologue.value + cost.last / machine.clock.datasheet.value;
  if (machine.tensor.generation == TensorGeneration::wgmma && !tile_program) {
    // All CTAs ask for their first stage at once, and nothing hides how long the L2 takes to give it.
    kernel.latency += Bytes(shared * config.cta_k * in_bytes) * sms / machine.l2.bandwidth.value;
  }
  return kernel;
}

}  // namespace perfmodel
