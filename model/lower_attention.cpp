#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "model/lower.hpp"
#include "model/pricing.hpp"
#include "model/schedule.hpp"
#include "model/sm.hpp"
#include "model/tile_attention.hpp"

namespace perfmodel {

namespace {

constexpr double most_tiles = 1 << 20;  // of one head, so that lowering ends in bounded time and memory

double ceil_div(double a, double b) { return std::ceil(a / b); }

// Iterations of one item: those where every score counts, and those on the causal diagonal.
struct Iterations {
  double full = 0;
  double masked = 0;
};

// A tile, and how the work of one head is cut into items.
struct Cutting {
  int m = 128;
  int n = 128;
  double splits = 1;
  double rows = 0;                // query rows that share a key-value head's tiles
  double repeats = 1;             // heads' worth of the items, all batches
  std::vector<Iterations> items;  // of one head in dispatch order
};

const AttentionProgram* find_program(const Machine& machine, const Library& library, const Attention& attention) {
  const std::string_view generation = tensor_generation_name(machine.tensor.generation);
  for (const AttentionProgram& program : library.attention) {
    if (program.family == attention.impl.family && program.pass == attention.pass &&
        std::find(program.tensor.begin(), program.tensor.end(), generation) != program.tensor.end()) {
      return &program;
    }
  }
  return nullptr;
}

const AttentionTile& tile_of(const AttentionProgram& program, const Attention& attention) {
  for (const AttentionTile& tile : program.tiles) {
    if (attention.head_dim <= tile.head_dim_at_most && (!tile.dropout || *tile.dropout == (attention.dropout > 0))) {
      return tile;
    }
  }
  return program.tiles.back();
}

// The fewest splits that fill the waves nearly as well as the best number would.
double splits_of(const Machine& machine, const SplitRule& rule, double tiles, double key_tiles) {
  const double slots = rule.slots_per_sm * static_cast<double>(machine.sms.value);
  if (slots <= 0 || tiles >= 0.8 * slots || key_tiles <= static_cast<double>(rule.tiles_above)) {
    return 1;
  }
  const double most = std::min({128.0, slots, key_tiles});
  const auto skipped = [&](double splits) {
    return rule.distinct_only && splits > 1 && ceil_div(key_tiles, splits) == ceil_div(key_tiles, splits - 1);
  };
  const auto filled = [&](double splits) {
    const double waves = tiles * splits / slots;
    return waves / std::ceil(waves);
  };
  double best = 0;
  for (double splits = 1; splits <= most; ++splits) {
    best = skipped(splits) ? best : std::max(best, filled(splits));
  }
  for (double splits = 1; splits <= most; ++splits) {
    if (!skipped(splits) && filled(splits) >= 0.85 * best) {
      return splits;
    }
  }
  return 1;
}

// Key tiles that query tile i of one head sees.
Iterations visible(const Attention& attention, const Cutting& cutting, double group, double i) {
  const double key_tiles = ceil_div(static_cast<double>(attention.seq_kv), cutting.n);
  if (!attention.causal) {
    return {key_tiles, 0};
  }
  const double offset = static_cast<double>(attention.seq_kv) - static_cast<double>(attention.seq_q);
  const double last = std::floor((std::min((i + 1) * cutting.m, cutting.rows) - 1) / group) + offset;
  const double first = std::floor(i * cutting.m / group) + offset;
  const double seen = std::clamp(std::floor(last / cutting.n) + 1, 1.0, key_tiles);
  const double full = std::clamp(std::floor((first + 1) / cutting.n), 0.0, seen);
  return {full, seen - full};
}

// The diagonal lies in the last split.
void add_split(const Iterations& all, double splits, std::vector<Iterations>& items) {
  const double total = all.full + all.masked;
  const double each = ceil_div(total, splits);
  for (double j = 0; j < splits; ++j) {
    const double mine = std::clamp(total - j * each, 0.0, each);
    const double masked = j == 0 ? std::min(all.masked, mine) : 0.0;
    items.push_back({mine - masked, masked});
  }
}

Cutting cut_forward(const Machine& machine, const AttentionProgram& program, const Attention& attention) {
  const AttentionTile& tile = tile_of(program, attention);
  const auto heads = static_cast<double>(attention.heads);
  const auto kv_heads = static_cast<double>(attention.kv_heads);
  const auto batch = static_cast<double>(attention.batch);
  const double group = program.pack_heads ? heads / kv_heads : 1;
  Cutting cutting;
  cutting.m = attention.cta_m.value_or(tile.cta_m);
  cutting.n = attention.cta_n.value_or(tile.cta_n);
  cutting.rows = static_cast<double>(attention.seq_q) * group;
  cutting.repeats = batch * heads / group;
  if (program.split.slots_per_sm > 0 && !attention.cta_m && (tile.split_m > 0 || attention.dropout <= 0)) {
    const int rule_rows = program.split.query_rows > 0 ? program.split.query_rows : cutting.m;
    const int split_n = tile.split_n > 0 ? tile.split_n : cutting.n;
    cutting.splits = splits_of(machine, program.split, cutting.repeats * ceil_div(cutting.rows, rule_rows),
                               ceil_div(static_cast<double>(attention.seq_kv), split_n));
    if (cutting.splits > 1 && tile.split_m > 0) {
      cutting.m = tile.split_m;
      cutting.n = tile.split_n;
    }
  }
  const double query_tiles = ceil_div(cutting.rows, cutting.m);
  for (double i = 0; i < query_tiles; ++i) {
    add_split(visible(attention, cutting, group, i), cutting.splits, cutting.items);
  }
  if (attention.causal && program.longest_first) {
    std::reverse(cutting.items.begin(), cutting.items.end());
  }
  return cutting;
}

// A CTA keeps a block of keys and runs over the blocks of queries that see it.
Cutting cut_backward(const AttentionProgram& program, const Attention& attention) {
  const AttentionTile& tile = tile_of(program, attention);
  Cutting cutting;
  cutting.m = attention.cta_m.value_or(tile.cta_m);
  cutting.n = attention.cta_n.value_or(tile.cta_n);
  cutting.repeats = static_cast<double>(attention.batch) * static_cast<double>(attention.heads);
  const double query_tiles = ceil_div(static_cast<double>(attention.seq_q), cutting.m);
  const double key_tiles = ceil_div(static_cast<double>(attention.seq_kv), cutting.n);
  const double offset = static_cast<double>(attention.seq_kv) - static_cast<double>(attention.seq_q);
  for (double j = 0; j < key_tiles; ++j) {
    if (!attention.causal) {
      cutting.items.push_back({query_tiles, 0});
      continue;
    }
    const double hidden = std::floor(std::max(0.0, j * cutting.n - offset) / cutting.m);
    const double seen = std::max(0.0, query_tiles - hidden);
    const double masked = std::min(seen, ceil_div(cutting.n, cutting.m));
    cutting.items.push_back({seen - masked, masked});
  }
  return cutting;
}

// Items of one head before they are listed; an upper bound.
double tiles_of(const AttentionProgram& program, const Attention& attention) {
  const AttentionTile& tile = tile_of(program, attention);
  const double group =
      program.pack_heads ? static_cast<double>(attention.heads) / static_cast<double>(attention.kv_heads) : 1;
  return attention.pass == Pass::fwd
             ? static_cast<double>(attention.seq_q) * group / attention.cta_m.value_or(tile.cta_m)
             : static_cast<double>(attention.seq_kv) / attention.cta_n.value_or(tile.cta_n);
}

// The segments of an iteration: matrix and softmax work that hide each other in part, and the dropout decisions that
// nothing hides, since they press on the same ports as the softmax around them. Forward, nothing hides the matrix work
// either while numbers are drawn: 64-bit products and the tensor cores take turns at the register file.
struct IterationWork {
  Segment full;
  Segment masked;
  Segment dropout;
};

// Elements that the tensor cores read from shared memory for a product: each block of rows reads its own part of the
// first operand, unless registers hold it, and all of the second.
double operand_elements(const Machine& machine, double rows, double columns, double depth, bool first_in_registers) {
  const auto granule = static_cast<double>(machine.tensor.rows.value);
  return ceil_div(rows, granule) * ((first_in_registers ? 0.0 : granule) + columns) * depth;
}

// Bytes through shared memory in an iteration of an mma.sync kernel, whose warps load the operands of a product once
// each: FlashAttention-2 gives a warp 32 rows, and all columns that its other warps leave. Backward holds the
// transposed probabilities and their gradients there too.
Bytes warps_smem(const AttentionProgram& program, const Attention& attention, const Cutting& cutting) {
  const double m = cutting.m;
  const double n = cutting.n;
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  const double warps = program.threads / 32.0;
  const auto loaded = [&](double rows, double columns, double depth) {
    const double down = std::clamp(rows / 32.0, 1.0, warps);
    return (rows * warps / down + columns * down) * depth;
  };
  const Bytes element = bytes_of(attention.dtype, 1);
  if (attention.pass == Pass::fwd) {
    const double down = std::clamp(m / 32.0, 1.0, warps);
    return (loaded(m, n, d) + dv * down * n + n * (d + dv)) * element;
  }
  const double read = loaded(m, n, d) + loaded(m, n, dv) + loaded(n, dv, m) + loaded(n, d, m) + loaded(m, d, n);
  return (read + m * (d + dv) + 2 * m * n) * element;
}

// Bytes through shared memory in an iteration of a wgmma kernel. Probabilities stay in registers for the product with
// V. Backward writes them and their gradients for the products that take them transposed, and adds up dQ by way of
// shared memory in fp32.
Bytes iteration_smem(const Machine& machine, const Attention& attention, const Cutting& cutting) {
  const double m = cutting.m;
  const double n = cutting.n;
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  const Bytes element = bytes_of(attention.dtype, 1);
  if (attention.pass == Pass::fwd) {
    return (operand_elements(machine, m, n, d, false) + operand_elements(machine, m, dv, n, true) + n * (d + dv)) *
           element;
  }
  const double read = operand_elements(machine, m, n, d, false) + operand_elements(machine, m, n, dv, false) +
                      operand_elements(machine, n, dv, m, false) + operand_elements(machine, n, d, m, false) +
                      operand_elements(machine, m, d, n, false);
  return (read + m * (d + dv) + 2 * m * n) * element + Bytes(2 * 4 * m * d);
}

// Arithmetic of the softmax beside its exponentials, for each score: scale and subtract, sum, rescale the output;
// maximum, convert. Backward: scale and subtract, subtract the row's sum, multiply; convert twice.
Demand softmax_arithmetic(const Machine& machine, const Attention& attention, const Cutting& cutting) {
  const double rescale = static_cast<double>(attention.head_dim_v) / cutting.n;
  const bool forward = attention.pass == Pass::fwd;
  const std::array<InstructionCount, 5> instructions{{{"ffma", 1},
                                                      {"fadd", 1},
                                                      {"fmul", forward ? rescale : 1},
                                                      {"fmnmx", forward ? 1.0 : 0.0},
                                                      {"f2fp", forward ? 0.5 : 1}}};
  const Demand all = price(machine, instructions, static_cast<double>(cutting.m) * cutting.n);
  Demand demand;
  demand[Resource::fma] = all[Resource::fma];
  demand[Resource::alu] = all[Resource::alu];
  return demand;
}

bool reads_mask(const Attention& attention) {
  return attention.dropout > 0 && attention.dropout_source == DropoutSource::mask;
}

IterationWork work_of(const Machine& machine, const Library& library, const CodeCounts& code,
                      const AttentionProgram& program, const Attention& attention, const Cutting& cutting) {
  const double scores = static_cast<double>(cutting.m) * cutting.n;
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  const bool forward = attention.pass == Pass::fwd;
  const double flops = scores * (forward ? 2 * (d + dv) : 6 * d + 4 * dv);
  const PerCycle issue = pipe_rate(machine, Resource::issue);
  IterationWork work;
  Segment& full = work.full;
  full.busy[Resource::tensor] = Cycles(flops / (tensor_rate(machine, attention.dtype).si() * code.tensor.value));
  full.busy[Resource::issue] = (scores * code.softmax.value + cutting.m * dv) / issue + code.iteration.value;
  const std::array<InstructionCount, 1> exponential{{{"exp2", 1 - program.emulated}}};
  full.aside[Resource::xu] = price(machine, exponential, scores)[Resource::xu];
  full.aside += softmax_arithmetic(machine, attention, cutting);
  if (program.mma_sync) {
    full.aside[Resource::smem] = warps_smem(program, attention, cutting).si() / pipe_rate(machine, Resource::smem);
  } else if (machine.tensor.generation == TensorGeneration::wgmma) {
    full.aside[Resource::smem] = iteration_smem(machine, attention, cutting).si() / pipe_rate(machine, Resource::smem);
  }
  full.serial = code.serial.value;
  work.masked = full;
  work.masked.busy[Resource::issue] += scores * program.mask_slots / issue;
  if (attention.dropout > 0 && attention.dropout_source == DropoutSource::fused) {
    work.dropout.busy[Resource::alu] = scores * code.dropout.value / pipe_rate(machine, Resource::alu);
    if (forward) {
      work.full.serial = std::max(code.serial.value, std::min(1.0, machine.contention.multiply.value));
    }
    work.masked.serial = work.full.serial;
  }
  if (reads_mask(attention)) {
    work.dropout.busy = price(machine, library.mask_read->counts().instructions, scores);
  }
  return work;
}

// Items of one head in cycles, as list scheduling wants them.
std::vector<Cycles> item_times(const IterationWork& work, const Cutting& cutting, Cycles tile, int sharing) {
  const Cycles full = segment_time(work.full, 1) + segment_time(work.dropout, 1);
  const Cycles masked = segment_time(work.masked, 1) + segment_time(work.dropout, 1);
  std::vector<Cycles> times;
  times.reserve(cutting.items.size());
  for (const Iterations& item : cutting.items) {
    times.push_back(sharing * (item.full * full + item.masked * masked + tile));
  }
  return times;
}

// Of the bytes of keys and values that reach the SMs those that the L2 is asked for: CTAs of one head that are in step
// ask for the same lines at the same time. Causal ones are of unlike length.
double asked_share(const AttentionProgram& program, const Attention& attention, const Cutting& cutting) {
  if (attention.causal || attention.pass == Pass::bwd) return 1.0;
  const bool drawn = attention.dropout > 0 && attention.dropout_source == DropoutSource::fused;
  return std::max(drawn ? program.dropout_asked : program.asked, 1.0 / static_cast<double>(cutting.items.size()));
}

void add_traffic(const AttentionProgram& program, const Attention& attention, const Cutting& cutting, Kernel& kernel) {
  const auto batch = static_cast<double>(attention.batch);
  const auto heads = static_cast<double>(attention.heads);
  const auto kv_heads = static_cast<double>(attention.kv_heads);
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  const Bytes element = bytes_of(attention.dtype, 1);
  const double q = batch * heads * static_cast<double>(attention.seq_q);
  const double kv = batch * kv_heads * static_cast<double>(attention.seq_kv);
  kernel.input = (q * d + kv * (d + dv)) * element;
  kernel.output = q * dv * element;
  if (attention.pass == Pass::bwd) {
    // Reads dO and the two row statistics besides, fetches the zeros of dQ in fp32 and adds to them, writes dK and dV
    // for each query head.
    kernel.input += q * dv * element + Bytes(8 * q + 4 * q * d);
    kernel.output = Bytes(4 * q * d) + batch * heads * static_cast<double>(attention.seq_kv) * (d + dv) * element;
  }
  if (reads_mask(attention)) {
    kernel.input += mask_bytes(attention.mask_form, mask_elements(attention));
  }
  double iterations = 0;
  for (const Iterations& item : cutting.items) {
    iterations += item.full + item.masked;
  }
  // Backward adds each iteration's part of dQ in the L2.
  const double streamed = attention.pass == Pass::fwd ? cutting.n * (d + dv) : cutting.m * (d + dv);
  const double added = attention.pass == Pass::fwd ? 0.0 : cutting.m * d;
  kernel.l2_read =
      q * d * element + asked_share(program, attention, cutting) * cutting.repeats * iterations * streamed * element;
  kernel.l2_written = kernel.output + cutting.repeats * iterations * Bytes(4 * added);
}

// Instructions of a thread for each score, as counted.
InstructionTally tally_of(const AttentionProgram& program, const Attention& attention) {
  if (attention.dropout <= 0) return program.counts;
  return program.counts +
         (attention.dropout_source == DropoutSource::fused ? program.dropout_counts : program.mask_counts);
}

// What the segments hold beyond what hardware counts.
Demand uncounted(const Machine& machine, const Kernel& kernel, const InstructionTally& executed) {
  Demand held;
  for (const Segment& segment : kernel.program.all()) {
    held += kernel.items * segment.count * segment.busy;
    held += kernel.items * segment.count * segment.aside;
  }
  const auto less = [&](Resource resource, double count) {
    held[resource] = held[resource] - count / pipe_rate(machine, resource);
  };
  less(Resource::alu, executed.alu);
  less(Resource::fma, executed.fma);
  less(Resource::xu, executed.xu);
  less(Resource::issue, executed.all);
  held[Resource::tensor] = held[Resource::smem] = Cycles(0);
  return held;
}

// Instructions of a thread that a dropout decision adds to those of its score.
double dropout_instructions(const Library& library, const AttentionProgram& program, const Attention& attention) {
  if (attention.dropout <= 0) {
    return 0.0;
  }
  return reads_mask(attention) ? library.mask_read->counts().total() : program.dropout_instructions;
}

Kernel main_kernel(const Machine& machine, const Library& library, const CodeCounts& code,
                   const AttentionProgram& program, const Attention& attention, const Cutting& cutting,
                   const LowerOptions& options) {
  const IterationWork work = work_of(machine, library, code, program, attention, cutting);
  const auto sms = static_cast<int>(machine.sms.value);
  const double widest = static_cast<double>(std::max(attention.head_dim, attention.head_dim_v));
  const Cycles tile = widest / 128.0 * code.tile.value;
  const int sharing = program.ctas_per_sm > 1 ? 2 : 1;
  const std::vector<Cycles> times = item_times(work, cutting, tile, sharing);

  Kernel kernel;
  Iterations all;
  for (const Iterations& item : cutting.items) {
    all.full += item.full;
    all.masked += item.masked;
  }
  const auto per_head = static_cast<double>(cutting.items.size());
  kernel.items = per_head * cutting.repeats;
  kernel.makespan = sharing > 1 ? paired_schedule(times, cutting.repeats, sms, program.alone)
                                : list_schedule(times, cutting.repeats, sms);
  kernel.ctas = program.persistent ? std::min<std::int64_t>(sms, static_cast<std::int64_t>(kernel.items))
                                   : static_cast<std::int64_t>(kernel.items);
  const auto add = [&](Segment segment, double count) {
    segment.count = count / per_head;
    kernel.program.add(segment);
  };
  add(work.full, all.full);
  add(work.masked, all.masked);
  add(work.dropout, all.full + all.masked);
  Segment ends;
  ends.interval = tile;
  if (machine.tensor.generation == TensorGeneration::wgmma && !program.mma_sync && attention.pass == Pass::fwd) {
    // The query tile comes in; the output is laid out there and fetched.
    const auto row = static_cast<double>(attention.head_dim + 2 * attention.head_dim_v);
    const Bytes moved = cutting.m * row * bytes_of(attention.dtype, 1);
    ends.aside[Resource::smem] = moved.si() / pipe_rate(machine, Resource::smem);
  }
  add(ends, per_head);
  kernel.program.warps = program.threads / 32;
  kernel.program.registers = program.registers;
  const double scores = cutting.repeats * (all.full + all.masked) * cutting.m * cutting.n;
  if (program.counts.all > 0) {
    const InstructionTally executed = scores * tally_of(program, attention);
    kernel.held = uncounted(machine, kernel, executed);
    const bool reading_untold = reads_mask(attention) && program.mask_counts.all <= 0;
    kernel.instructions =
        energy_weight(machine, executed) + (reading_untold ? scores * library.mask_read->counts().total() : 0.0);
  } else {
    kernel.instructions = scores * (program.instructions + dropout_instructions(library, program, attention));
  }
  kernel.tensor_energy = program.mma_sync ? machine.power.mma_sync.value : 1.0;
  kernel.tensor_share = code.tensor.value;
  add_traffic(program, attention, cutting, kernel);
  kernel.latency = code.start.value;
  if (machine.tensor.generation == TensorGeneration::wgmma && program.persistent && attention.pass == Pass::fwd) {
    // Copies for the tiles to come run beside the tile at hand.
    kernel.overlap = machine.l2.overlap.value;
  }
  if (options.regime == Regime::cold) {
    kernel.latency += machine.launch.cold_code.value;
  }
  return kernel;
}

bool runs(const HelperKernel& helper, const Attention& attention, const Cutting& cutting, bool served) {
  switch (helper.when) {
    case HelperWhen::always: return true;
    case HelperWhen::dropout: return attention.dropout > 0 && attention.dropout_source == DropoutSource::fused;
    case HelperWhen::grouped: return attention.kv_heads < attention.heads;
    case HelperWhen::split: return cutting.splits > 1;
    case HelperWhen::served: return served;
  }
  return true;
}

Kernel helper_kernel(const Machine& machine, const CodeCounts& code, const HelperKernel& helper,
                     const Attention& attention) {
  Kernel kernel;
  const auto d = static_cast<double>(attention.head_dim);
  const auto batch = static_cast<double>(attention.batch);
  const double q = batch * static_cast<double>(attention.heads) * static_cast<double>(attention.seq_q) * d;
  const double kv = batch * static_cast<double>(attention.seq_kv) * d;
  const double bytes = helper.q_bytes * q + helper.kv_bytes * kv * static_cast<double>(attention.kv_heads) +
                       helper.expanded_bytes * kv * static_cast<double>(attention.heads + attention.kv_heads);
  if (bytes <= 0 && helper.q_slots <= 0) {
    kernel.items = 0;
    kernel.latency = helper.combine ? code.combine.value : helper.fixed;
    return kernel;
  }
  kernel.input = Bytes(bytes / 2);
  kernel.output = Bytes(bytes / 2);
  kernel.l2_read = kernel.input;
  kernel.l2_written = kernel.output;
  kernel.items = std::max(1.0, std::ceil(q / 2048));
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  kernel.program.warps = 8;
  Segment segment;
  segment.count = 1;
  segment.busy[Resource::issue] =
      q / kernel.items * std::max(helper.q_slots, 2.0) / pipe_rate(machine, Resource::issue);
  kernel.program.add(segment);
  kernel.latency = machine.launch.grid.value;
  kernel.instructions = q * std::max(helper.q_slots, 2.0);
  return kernel;
}

std::string describe(const AttentionProgram& program, const Cutting& cutting, const Kernel& kernel) {
  std::string text = fmt::format("{}x{}, {} threads, {} CTAs", cutting.m, cutting.n, program.threads, kernel.ctas);
  if (cutting.splits > 1) {
    text += fmt::format(", keys in {:.0f} splits", cutting.splits);
  }
  return text;
}

// Every iteration as long as its busiest pipe, and no ends.
CodeCounts without_serial_parts(CodeCounts code) {
  code.serial.value = 0;
  code.tile.value = code.iteration.value = Cycles(0);
  return code;
}

bool is_tile_program(const Machine& machine, const Attention& attention) {
  return attention.impl.family == Family::triton && attention.pass == Pass::fwd &&
         machine.tensor.generation == TensorGeneration::wgmma;
}

Plan tile_plan(const Machine& machine, const AttentionProgram& program, const Attention& attention,
               const LowerOptions& options) {
  const AttentionTile& usual = tile_of(program, attention);
  AttentionTileConfig config;
  config.cta_m = usual.cta_m;
  config.cta_n = usual.cta_n;
  config.warps = program.threads / 32;
  const TileAttention tile = tile_attention(attention, config);
  Plan plan;
  const Kernel& kernel = plan.add(tile_attention_kernel(machine, attention, tile, options));
  if (options.describe) {
    plan.description = fmt::format("{}x{}, {} stages, {} threads, {} CTAs", tile.config.cta_m, tile.config.cta_n,
                                   tile.config.stages, 32 * tile.config.warps, kernel.ctas);
  }
  return plan;
}

Plan refused(std::string why) {
  Plan plan;
  plan.refusal = std::move(why);
  return plan;
}

}  // namespace

void add_family_parts(const Machine& machine, const Library& library, const Attention& attention, bool served,
                      Plan& plan) {
  const AttentionProgram* program = find_program(machine, library, attention);
  const CodeCounts* code = program != nullptr ? machine.find_code(program->code) : nullptr;
  if (code == nullptr || attention.pass == Pass::bwd || plan.kernels.empty()) return;
  plan.kernels.front().latency += std::max(Seconds(0), code->start.value - machine.transfer.prologue.value);
  for (const HelperKernel& helper : program->helpers) {
    if (helper.when != HelperWhen::always && !(served && helper.when == HelperWhen::served)) continue;
    for (int i = 0; i < helper.count; ++i) plan.add(helper_kernel(machine, *code, helper, attention));
  }
}

Plan lower_attention(const Machine& machine, const Library& library, const Attention& attention,
                     const LowerOptions& options) {
  if (tensor_rate(machine, attention.dtype).si() <= 0) {
    return refused(fmt::format("{} has no {} tensor cores", machine.name, name_of(attention.dtype)));
  }
  const AttentionProgram* program = find_program(machine, library, attention);
  const CodeCounts* code = program != nullptr ? machine.find_code(program->code) : nullptr;
  if (code == nullptr) {
    return refused(fmt::format("no {} attention program of {} for {}",
                               attention.pass == Pass::fwd ? "forward" : "backward", name_of(attention.impl.family),
                               machine.name));
  }
  if (attention.dropout > 0 && attention.dropout_source == DropoutSource::fused && !program->dropout) {
    return refused(fmt::format("{} attention draws no dropout masks", name_of(attention.impl.family)));
  }
  if (attention.head_dim > 256 || attention.head_dim_v > 256) {
    return refused(fmt::format("head dimension {}, {} goes up to 256",
                               std::max(attention.head_dim, attention.head_dim_v), name_of(attention.impl.family)));
  }
  if (tiles_of(*program, attention) > most_tiles) {
    return refused(fmt::format("more than {:.0f} tiles of one head", most_tiles));
  }
  if (is_tile_program(machine, attention)) {
    return tile_plan(machine, *program, attention, options);
  }
  const Cutting cutting =
      attention.pass == Pass::fwd ? cut_forward(machine, *program, attention) : cut_backward(*program, attention);
  Plan plan;
  const Kernel main =
      options.without[Limiter::recurrence]
          ? main_kernel(machine, library, without_serial_parts(*code), *program, attention, cutting, options)
          : main_kernel(machine, library, *code, *program, attention, cutting, options);
  plan.add(main);
  for (const HelperKernel& helper : program->helpers) {
    for (int i = 0; i < helper.count && runs(helper, attention, cutting, options.served); ++i) {
      plan.add(helper_kernel(machine, *code, helper, attention));
    }
  }
  if (options.describe) {
    plan.description = describe(*program, cutting, main);
  }
  return plan;
}

}  // namespace perfmodel
