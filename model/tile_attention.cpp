#include "model/tile_attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "model/attention_items.hpp"
#include "model/pricing.hpp"
#include "model/residency.hpp"
#include "model/schedule.hpp"
#include "model/taking_turns.hpp"
#include "model/tile_product.hpp"

namespace perfmodel {

namespace {

constexpr double mask_slots = 3.6;  // issue slots a masked score: compare, select, add; the second loop's SASS
constexpr double register_limit = 255;

// Of the loop, from its SASS: stall counts of the instructions before the first product (descriptors) and after the
// last (addresses and flags of the copies).
constexpr Cycles before_products(24);
constexpr Cycles after_products(67);

double ceil_div(double a, double b) { return std::ceil(a / b); }

// What one instruction of a warp takes of its sub-partition.
Cycles warp_slot(const Machine& machine, const char* instruction) {
  const std::array<InstructionCount, 1> one{{{instruction, 1.0}}};
  return price(machine, one, 32.0 * static_cast<double>(machine.limits.sub_partitions.value)).largest();
}

struct Products {
  TileProduct scores;
  TileProduct output;

  [[nodiscard]] Cycles busy() const { return scores.busy() + output.busy(); }
};

// Warpgroups with the same rows each make all their scores, in as many pieces as there are of them.
Products products_of(const Machine& machine, const Attention& attention, const AttentionTileConfig& config) {
  const WarpgroupSplit split = rows_first(machine, config.cta_m, std::max(1, config.warps / 4));
  const double m = config.cta_m;
  const double n = config.cta_n;
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  Products products{tile_product(machine, attention.dtype, {m, n, d}, split, false),
                    tile_product(machine, attention.dtype, {m, dv, n}, split, true)};
  products.scores.instructions *= split.columns;
  products.scores.operands = static_cast<double>(split.columns) * products.scores.operands;
  return products;
}

Cycles latency_of(const Machine& machine, std::string_view name) {
  const auto index = machine.find_instruction(name);
  return index ? machine.instructions[static_cast<std::size_t>(*index)].latency.value : Cycles(0);
}

Bytes tile_bytes(const Attention& attention, const AttentionTileConfig& config) {
  return bytes_of(attention.dtype, config.cta_n * static_cast<double>(attention.head_dim + attention.head_dim_v));
}

// Instructions of a thread for a tile of keys, as counted in the SASS.
double thread_instructions(const AttentionThread& thread) {
  return 5.2 * thread.scores + 1.6 * thread.output + 6.4 * thread.rows + 52;
}

}  // namespace

AttentionThread attention_thread(const AttentionTileConfig& config) {
  const double threads = 32.0 * config.warps;
  AttentionThread thread;
  thread.copies = std::max(1.0, 64.0 * std::max(1, config.warps / 4) / config.cta_m);
  thread.scores = static_cast<double>(config.cta_m) * config.cta_n * thread.copies / threads;
  thread.output = static_cast<double>(config.cta_m) * config.head_dim / threads;
  thread.rows = std::max(1.0, config.cta_m * thread.copies / (16.0 * config.warps));
  return thread;
}

bool waits_for_products(const AttentionTileConfig& config) {
  const AttentionThread thread = attention_thread(config);
  return 1.5 * thread.scores + thread.output > register_limit;
}

CompiledTile compiled_attention(const AttentionTileConfig& config, Dtype dtype) {
  const AttentionThread thread = attention_thread(config);
  const double mask = config.causal ? 10 : 0;
  const double held = thread.scores + thread.output;
  const double elements = config.head_dim * (config.cta_m + 2.0 * config.stages * config.cta_n);
  CompiledTile tile;
  tile.smem = bytes_of(dtype, elements);
  if (!waits_for_products(config)) {
    const double wanted = held + thread.scores / 2 + 22 + 8 * thread.rows + mask;
    tile.registers = static_cast<int>(std::min(register_limit, wanted));
    tile.spills = static_cast<int>(std::max(0.0, wanted - register_limit));
    return tile;
  }
  // Probabilities take the place of scores. What still does not fit goes out; with the second loop of a mask the scores
  // go out and in besides.
  tile.registers = static_cast<int>(std::min(register_limit, held + 46 + mask));
  tile.spills = static_cast<int>(std::max(0.0, held + 12 - register_limit) +
                                 (config.causal && held > register_limit ? thread.scores : 0.0));
  return tile;
}

TileAttention tile_attention(const Attention& attention, const AttentionTileConfig& usual) {
  TileAttention tile{usual, {}};
  tile.config.cta_m = attention.cta_m.value_or(usual.cta_m);
  tile.config.cta_n = attention.cta_n.value_or(usual.cta_n);
  tile.config.stages = attention.stages.value_or(usual.stages);
  tile.config.warps = attention.warps.value_or(usual.warps);
  tile.config.head_dim = static_cast<int>(std::max(attention.head_dim, attention.head_dim_v));
  tile.config.causal = attention.causal;
  const CompiledTile compiled = compiled_attention(tile.config, attention.dtype);
  tile.compiled.registers = attention.registers.value_or(compiled.registers);
  tile.compiled.spills =
      attention.spills.value_or(attention.registers.value_or(register_limit) < register_limit ? 0 : compiled.spills);
  tile.compiled.smem = attention.smem.value_or(compiled.smem);
  return tile;
}

namespace {

// The address of each copy takes two registers. The loop only reads them, so that they are the first to go out and stay
// where they come back from in the L1; of 28 kernels with spills the loop writes what is beyond them.
double registers_out_and_in(const Attention& attention, const TileAttention& tile) {
  const double copies = tile_bytes(attention, tile.config).si() / 16 / (32.0 * tile.config.warps);
  return std::max(0.0, tile.compiled.spills - 2 * copies);
}

Bytes local_bytes(const Attention& attention, const TileAttention& tile) {
  return Bytes(2 * 4 * 32.0 * tile.config.warps * registers_out_and_in(attention, tile));
}

// What a tile of keys takes of a sub-partition's ports, by the pipe that does it: the warps' exponentials, of `seen`
// warps' worth the maxima, sums and conversion, and the rescaling.
struct PortTimes {
  Cycles exponentials;
  Cycles maxima;  // and conversion
  Cycles sums;
  Cycles rescaling;

  [[nodiscard]] Cycles scores() const { return exponentials + maxima + sums; }
  [[nodiscard]] Cycles all() const { return scores() + rescaling; }
};

PortTimes port_times(const Machine& machine, const AttentionThread& thread, double warps, double seen) {
  PortTimes times;
  times.exponentials = warps * (thread.scores + 2 * thread.rows) * warp_slot(machine, "exp2");
  times.maxima = seen * thread.scores * (warp_slot(machine, "fmnmx") + 0.5 * warp_slot(machine, "f2fp"));
  times.sums = seen * thread.scores * warp_slot(machine, "fadd");
  times.rescaling = warps * thread.output * warp_slot(machine, "fmul");
  return times;
}

// Of a CTA's own warps one's maxima, sums and conversion come before or after the exponentials of all.
PortTimes own_times(const Machine& machine, const AttentionThread& thread, double warps) {
  return port_times(machine, thread, warps, 1.0);
}

// What keeps the ports from other CTAs: the part of every warp's maxima, sums and conversion that runs beside nobody's
// exponentials, about three quarters by the cycles of 113 kernels without spills (FINDINGS, tiles).
PortTimes kept_times(const Machine& machine, const AttentionThread& thread, double warps) {
  constexpr double apart = 0.75;
  return port_times(machine, thread, warps, apart * warps);
}

// The share of that which is lost while the tensor cores work for others, pipe by pipe as measured.
double lost_share(const Machine& machine, const PortTimes& times) {
  const Cycles lost = machine.contention.xu.value * times.exponentials + machine.contention.alu.value * times.maxima +
                      machine.contention.fma.value * (times.sums + times.rescaling);
  return lost / times.all();
}

// A CTA's warps alone from scores to probabilities. They meet at the exponential unit, and each does by itself what
// that cannot hide: the maxima before, sums and conversion behind, the shuffles of both reductions. Within 4 % of what
// the stall counts, scoreboards and pipes of 24 kernels' SASS add up to.
Cycles softmax_time(const Machine& machine, const AttentionThread& thread, double warps) {
  return own_times(machine, thread, warps).scores() + 4 * latency_of(machine, "shfl") + latency_of(machine, "exp2");
}

}  // namespace

KeyTile key_tile(const Machine& machine, const Attention& attention, const TileAttention& tile, Cycles latency,
                 bool masked) {
  const AttentionTileConfig& config = tile.config;
  const Products products = products_of(machine, attention, config);
  const AttentionThread thread = attention_thread(config);
  const double warps = config.warps / static_cast<double>(machine.limits.sub_partitions.value);
  const Cycles mask = masked ? warps * mask_slots * thread.scores * warp_slot(machine, "fmul") : Cycles(0);
  const Cycles local = local_bytes(attention, tile) / l2_share_of_sm(machine);
  const Cycles barrier = machine.transfer.cta_barrier.value;
  const Cycles copies = tile_bytes(attention, config).si() / pipe_rate(machine, Resource::smem);
  const Cycles next = after_products + barrier + copies;

  KeyTile result;
  result.tensor = products.busy();
  const PortTimes kept = kept_times(machine, thread, warps);
  result.port = kept.all() + mask;
  result.lost = lost_share(machine, kept);
  result.alone =
      before_products + barrier + machine.tensor.latency.value + softmax_time(machine, thread, warps) + mask + local;
  if (waits_for_products(config)) {
    // Where a warp waits for each instruction, its exponentials run meanwhile, a lone warpgroup's sums and conversions
    // too, and the copies after all of them.
    const Cycles others = config.warps > 4 ? Cycles(0) : warp_slot(machine, "fadd") + 0.5 * warp_slot(machine, "f2fp");
    result.alone += one_by_one(machine, products.scores) + one_by_one(machine, products.output) + next -
                    thread.scores * (warp_slot(machine, "exp2") + others);
  } else {
    result.alone += products.scores.busy() + std::max(products.output.busy(), next);
  }
  // Loads are asked for when the second product has been handed over, one after the other. With two stages the next
  // tile needs them at once and waits for the last of them, with three it has a tile's time.
  result.alone =
      config.stages <= 2 ? result.alone + latency : std::max(result.alone, (latency + copies) / (config.stages - 2));
  return result;
}

namespace {

struct Course {
  KeyTile full;
  KeyTile masked;
  Cycles ends;  // of an item: its queries and first keys, the output, the next CTA

  [[nodiscard]] Cycles item(const ItemTiles& tiles, int ctas) const {
    const Cycles own = tiles.full * full.alone + tiles.masked * masked.alone + ends;
    Round round;
    round.tensor = tiles.full * full.tensor + tiles.masked * masked.tensor;
    round.port = tiles.full * full.port + tiles.masked * masked.port;
    round.elsewhere = std::max(Cycles(0), own - round.tensor - round.port);
    return round_beside(round, ctas, full.lost);
  }
};

// What counts is the last line of many: one from the far half. What no CTA has had yet comes from DRAM, and those that
// read the same keys wait for it together, the less the more they are: of H200 counters, with two stages, 750, 570 and
// 460 clk where 16, 32 and 64 CTAs do, 300 to 450 where all is in the L2.
Cycles load_latency(const Machine& machine, const Attention& attention, const AttentionTileConfig& config) {
  const double heads = static_cast<double>(attention.heads) / static_cast<double>(attention.kv_heads);
  const double alike = heads * ceil_div(static_cast<double>(attention.seq_q), config.cta_m);
  const double fresh = 1.0 / (1.0 + alike / static_cast<double>(machine.gpcs.value));
  return (machine.l2.far_latency.value + fresh * machine.dram.latency.value) * machine.clock.datasheet.value;
}

Course course_of(const Machine& machine, const Attention& attention, const TileAttention& tile) {
  const Cycles latency = load_latency(machine, attention, tile.config);
  const Bytes output = bytes_of(attention.dtype, tile.config.cta_m * static_cast<double>(attention.head_dim_v));
  Course course;
  course.full = key_tile(machine, attention, tile, latency, /*masked=*/false);
  course.masked = key_tile(machine, attention, tile, latency, /*masked=*/true);
  course.ends = output / machine.transfer.epilogue.value + machine.tiles.around.value;
  return course;
}

// Items of unlike length in dispatch order; alike ones in waves, the last of which may leave each more room.
Cycles makespan(const Machine& machine, const AttentionItems& items, const Course& course, int fit) {
  const auto sms = static_cast<double>(machine.sms.value);
  const double count = static_cast<double>(items.head.size()) * items.repeats;
  const int together = static_cast<int>(std::clamp(ceil_div(count, sms), 1.0, static_cast<double>(fit)));
  const ItemTiles& first = items.head.front();
  if (std::ranges::all_of(items.head, [&](const ItemTiles& item) { return item == first; })) {
    const double full = std::floor(count / (sms * together));
    const double rest = count - full * sms * together;
    const Cycles last = rest > 0 ? course.item(first, static_cast<int>(ceil_div(rest, sms))) : Cycles(0);
    return full * course.item(first, together) + last;
  }
  std::vector<Cycles> times;
  times.reserve(items.head.size());
  for (const ItemTiles& item : items.head) {
    times.push_back(course.item(item, together));
  }
  return list_schedule(times, items.repeats, static_cast<int>(sms) * together);
}

void add_traffic(const Attention& attention, const TileAttention& tile, double key_tiles, Kernel& kernel) {
  const auto batch = static_cast<double>(attention.batch);
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  const Bytes element = bytes_of(attention.dtype, 1);
  const double queries = batch * static_cast<double>(attention.heads) * static_cast<double>(attention.seq_q);
  const double keys = batch * static_cast<double>(attention.kv_heads) * static_cast<double>(attention.seq_kv);
  const Bytes local = key_tiles * local_bytes(attention, tile);
  kernel.input = (queries * d + keys * (d + dv)) * element;
  kernel.output = queries * dv * element;
  kernel.l2_read = queries * d * element + key_tiles * tile_bytes(attention, tile.config) + 0.5 * local;
  kernel.l2_written = kernel.output + 0.5 * local;
  const AttentionThread thread = attention_thread(tile.config);
  kernel.instructions = key_tiles * 32.0 * tile.config.warps * thread_instructions(thread);
}

Segment segment_of(const Machine& machine, const Attention& attention, const TileAttention& tile, const KeyTile& key,
                   double count) {
  const AttentionThread thread = attention_thread(tile.config);
  const double threads = 32.0 * tile.config.warps;
  const Products products = products_of(machine, attention, tile.config);
  Segment segment;
  segment.count = count;
  segment.busy[Resource::tensor] = key.tensor;
  segment.aside[Resource::xu] =
      price(machine, std::array<InstructionCount, 1>{{{"exp2", 1.0}}}, threads * thread.scores)[Resource::xu];
  segment.aside[Resource::issue] = threads * thread_instructions(thread) / pipe_rate(machine, Resource::issue);
  segment.aside[Resource::smem] =
      (products.scores.operands + products.output.operands + tile_bytes(attention, tile.config)).si() /
      pipe_rate(machine, Resource::smem);
  segment.interval = key.alone;
  return segment;
}

}  // namespace

Kernel tile_attention_kernel(const Machine& machine, const Attention& attention, const TileAttention& tile,
                             const LowerOptions& options) {
  const AttentionTileConfig& config = tile.config;
  const AttentionItems items = attention_items(attention, config.cta_m, config.cta_n, /*longest_first=*/false);
  const Course course = course_of(machine, attention, tile);
  ItemTiles all;
  for (const ItemTiles& item : items.head) {
    all.full += item.full;
    all.masked += item.masked;
  }
  const auto per_head = static_cast<double>(items.head.size());
  Kernel kernel;
  kernel.program.warps = config.warps;
  kernel.program.registers = tile.compiled.registers;
  kernel.program.smem = tile.compiled.smem;
  kernel.program.add(segment_of(machine, attention, tile, course.full, all.full / per_head));
  kernel.program.add(segment_of(machine, attention, tile, course.masked, all.masked / per_head));
  Segment ends;
  ends.count = 1;
  ends.interval = course.ends;
  kernel.program.add(ends);
  kernel.items = per_head * items.repeats;
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  kernel.makespan = makespan(machine, items, course, std::max(1, residency(machine, kernel.program).ctas));
  kernel.overlap = machine.tiles.first_touch.value;
  add_traffic(attention, tile, all.all() * items.repeats, kernel);
  kernel.latency = machine.transfer.prologue.value;
  if (options.regime == Regime::cold) {
    kernel.latency += machine.launch.cold_code.value;
  }
  return kernel;
}

}  // namespace perfmodel
