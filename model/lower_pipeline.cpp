#include "model/lower_pipeline.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "model/attention_items.hpp"
#include "model/pipeline_budget.hpp"
#include "model/schedule.hpp"
#include "model/sm_code.hpp"
#include "model/sm_simulate.hpp"
#include "workloads/pipeline_check.hpp"

namespace perfmodel {

namespace {

constexpr double most_tiles = 1 << 20;  // of one head, so that lowering ends in bounded time and memory

// The time of an item of so many tiles: what the simulation gives at a few lengths, straight lines between them, since
// all but the ends of an item is a steady state.
class ItemTimes {
 public:
  ItemTimes(const Machine& machine, const PipelineFile& file, const Attention& attention)
      : machine_(machine), file_(file), attention_(attention) {}

  struct Time {
    double item = 0;   // of an item among others
    double alone = 0;  // of the first, with what fills the pipeline
  };

  [[nodiscard]] Pipeline program(const ItemTiles& tiles) const {
    const auto value = [](std::int64_t count) { return static_cast<double>(count); };
    const bool dropout = attention_.dropout > 0 && attention_.dropout_source == DropoutSource::fused;
    const std::array<SequenceParameter, 7> shape{{{"element_bytes", bytes_of(attention_.dtype, 16).si() / 16},
                                                  {"head_dim", value(attention_.head_dim)},
                                                  {"head_dim_v", value(attention_.head_dim_v)},
                                                  {"full_iterations", tiles.full},
                                                  {"masked_iterations", tiles.masked},
                                                  {"dropout", dropout ? 1.0 : 0.0},
                                                  {"causal", attention_.causal ? 1.0 : 0.0}}};
    Pipeline pipeline = file_.pipeline(shape);
    pipeline.dtype = attention_.dtype;
    return pipeline;
  }

  Time simulated(const ItemTiles& tiles) {
    const Pipeline pipeline = program(tiles);
    const SmCode code = price(machine_, operating_point(machine_, machine_.clock.datasheet.value), pipeline);
    const std::array<SmResident, 1> resident{SmResident{&code, pipeline.ctas_per_sm}};
    SimulationOptions options;
    options.items = 3;
    const SimulationResult result = simulator_.run(resident, options);
    return {(result.last_item[0] - result.first_item[0]) / (options.items - 1), result.first_item[0]};
  }

  // Of every item of a head.
  std::vector<Cycles> of(const AttentionItems& items) {
    std::vector<Cycles> times;
    for (const ItemTiles& tiles : items.head) times.emplace_back(between(tiles).item);
    return times;
  }

  Time between(const ItemTiles& tiles) {
    const std::array<double, 4> lengths{1, 4, 16, std::max(17.0, attention_length())};
    if (tiles.full <= lengths[1] || tiles.full >= lengths.back()) return at(tiles);
    std::size_t next = 1;
    while (lengths[next] < tiles.full) ++next;
    const Time low = at({lengths[next - 1], tiles.masked});
    const Time high = at({lengths[next], tiles.masked});
    const double share = (tiles.full - lengths[next - 1]) / (lengths[next] - lengths[next - 1]);
    return {low.item + share * (high.item - low.item), low.alone + share * (high.alone - low.alone)};
  }

 private:
  struct Known {
    ItemTiles tiles;
    Time time;
  };

  [[nodiscard]] double attention_length() const { return static_cast<double>(attention_.seq_kv) / 128.0; }

  Time at(const ItemTiles& tiles) {
    for (const Known& known : known_) {
      if (known.tiles == tiles) return known.time;
    }
    const Time time = simulated(tiles);
    known_.push_back({tiles, time});
    return time;
  }

  const Machine& machine_;
  const PipelineFile& file_;
  const Attention& attention_;
  Simulator simulator_;
  std::vector<Known> known_;
};

void add_traffic(const Attention& attention, const Pipeline& pipeline, const AttentionItems& items, Kernel& kernel) {
  const auto q = static_cast<double>(attention.batch * attention.heads * attention.seq_q);
  const auto kv = static_cast<double>(attention.batch * attention.kv_heads * attention.seq_kv);
  const auto d = static_cast<double>(attention.head_dim);
  const auto dv = static_cast<double>(attention.head_dim_v);
  const double element = bytes_of(attention.dtype, 16).si() / 16;
  kernel.input = Bytes((q * d + kv * (d + dv)) * element);
  kernel.output = Bytes(q * dv * element);
  if (attention.pass == Pass::bwd) {
    // Reads dO and the two row statistics besides, adds dQ in fp32, writes dK and dV for each query head.
    kernel.input += Bytes(q * dv * element + 8 * q);
    const auto keys = static_cast<double>(attention.batch * attention.heads * attention.seq_kv);
    kernel.output = Bytes(8 * q * d + keys * (d + dv) * element);
  }
  if (attention.dropout > 0 && attention.dropout_source == DropoutSource::mask) {
    kernel.input += mask_bytes(attention.mask_form, mask_elements(attention));
  }
  const PipelineDemand done = pipeline.done();
  kernel.l2_read = Bytes(items.repeats * static_cast<double>(items.head.size()) * done[Duty::load]);
  kernel.l2_written = kernel.output;
}

// What an item of mean length asks of each pipe.
void add_busy(const SmCode& code, double scale, Segment& segment) {
  const auto add = [&](std::string_view pipe, Resource resource) {
    for (std::size_t i = 0; i < code.pipe_names.size(); ++i) {
      if (code.pipe_names[i] != pipe) continue;
      for (const SmSegment& part : code.segments) segment.busy[resource] += Cycles(scale * part.count * part.work[i]);
    }
  };
  add("tensor", Resource::tensor);
  add("fma", Resource::fma);
  add("alu", Resource::alu);
  add("xu", Resource::xu);
  add("issue", Resource::issue);
  add("smem", Resource::smem);
}

double instructions_of(const Pipeline& pipeline) {
  double sum = 0;
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      for (const InstructionCount& entry : op.instructions) sum += segment.count * entry.count;
    }
  }
  return sum;
}

// A small kernel bound by its traffic: so many bytes for each element of q, half of them read.
Kernel helper_kernel(const Machine& machine, const Attention& attention, double bytes_of_q) {
  const auto q = static_cast<double>(attention.batch * attention.heads * attention.seq_q * attention.head_dim);
  Kernel kernel;
  kernel.input = kernel.output = Bytes(bytes_of_q * q / 2);
  kernel.l2_read = kernel.l2_written = kernel.input;
  kernel.items = std::max(1.0, std::ceil(q / 2048));
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  kernel.program.warps = 8;
  Segment segment;
  segment.count = 1;
  segment.busy[Resource::issue] = Cycles(2 * q / kernel.items / 128);
  kernel.program.add(segment);
  kernel.latency = machine.launch.grid.value;
  kernel.instructions = 2 * q;
  return kernel;
}

bool uses_mma_sync(const Pipeline& pipeline) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (op.mma && op.mma->registers_b) return true;
    }
  }
  return false;
}

ItemTiles mean_of(const AttentionItems& items) {
  ItemTiles mean;
  for (const ItemTiles& tiles : items.head) mean.full += tiles.full, mean.masked += tiles.masked;
  mean.full = std::max(1.0, std::round(mean.full / static_cast<double>(items.head.size())));
  mean.masked = std::round(mean.masked / static_cast<double>(items.head.size()));
  return mean;
}

// The program does all of the operator's work and fits an SM: not a dropout mask that it does not draw, say, nor a head
// dimension that its rings have no room for.
bool suits(const Machine& machine, const Pipeline& pipeline) {
  Diagnostics overrun;
  check_budget(machine, pipeline, overrun);
  return !overrun.has_errors() && covers(pipeline);
}

// What the SM and the chip hold of it, and what it asks for, by its item of mean length.
void add_program(const Machine& machine, const Pipeline& pipeline, Kernel& kernel) {
  const auto code =
      std::make_shared<SmCode>(price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline));
  add_busy(*code, 1.0, kernel.program.segments[0]);
  kernel.program.code = code;
  kernel.program.warps = pipeline.warps();
  kernel.program.registers = static_cast<int>(pipeline.registers() / (32.0 * pipeline.warps()));
  kernel.program.smem = pipeline.smem();
  kernel.program.tmem_columns = pipeline.columns();
  kernel.instructions = kernel.items * instructions_of(pipeline);
  if (uses_mma_sync(pipeline)) {
    kernel.tensor_energy = machine.power.mma_sync.value;
    if (machine.tensor.mma_sync.present()) kernel.tensor_share = machine.tensor.mma_sync.value;
  }
}

Kernel main_kernel(const Machine& machine, const Attention& attention, const Pipeline& pipeline,
                   const AttentionItems& items, const ItemTiles& mean, ItemTimes& times) {
  const int workers = static_cast<int>(machine.sms.value) * pipeline.ctas_per_sm;
  const ItemTimes::Time typical = times.between(mean);
  Kernel kernel;
  kernel.items = static_cast<double>(items.head.size()) * items.repeats;
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  kernel.makespan = list_schedule(times.of(items), items.repeats, workers);
  if (pipeline.persistent) {
    kernel.ctas = std::min<std::int64_t>(workers, kernel.ctas);
    kernel.makespan += Cycles(std::max(0.0, typical.alone - typical.item));
  }
  Segment segment;
  segment.count = 1;
  segment.interval = Cycles(typical.item / pipeline.ctas_per_sm);
  kernel.program.add(segment);
  add_program(machine, pipeline, kernel);
  kernel.latency = machine.transfer.prologue.value;
  add_traffic(attention, pipeline, items, kernel);
  return kernel;
}

}  // namespace

std::optional<Plan> lower_attention_pipeline(const Machine& machine, const Library& library, const Attention& attention,
                                             const LowerOptions& options) {
  const std::string_view generation = tensor_generation_name(machine.tensor.generation);
  const PipelineFile* file =
      library.pipelines->find(attention.impl.family, attention.pass, attention.causal, generation,
                              /*adopted_only=*/options.fidelity == Fidelity::pipeline);
  if (file == nullptr || tensor_rate(machine, attention.dtype).si() <= 0) return std::nullopt;
  ItemTimes times(machine, *file, attention);
  const Pipeline shape = times.program({1, 0});
  const auto longest = static_cast<double>(std::max(attention.seq_q, attention.seq_kv));
  if (longest / std::min(shape.cta_m, shape.cta_n) > most_tiles || !suits(machine, shape)) return std::nullopt;
  const AttentionItems items = attention_items(attention, shape.cta_m, shape.cta_n, shape.longest_first);
  const ItemTiles mean = mean_of(items);
  const Pipeline pipeline = times.program(mean);
  if (!suits(machine, pipeline)) return std::nullopt;

  Plan plan;
  Kernel kernel = main_kernel(machine, attention, pipeline, items, mean, times);
  if (options.regime == Regime::cold) kernel.latency += machine.launch.cold_code.value;
  plan.add(kernel);
  if (attention.pass == Pass::bwd) {
    plan.add(helper_kernel(machine, attention, /*bytes_of_q=*/8));  // row sums of dO * O
    plan.add(helper_kernel(machine, attention, /*bytes_of_q=*/6));  // dQ from fp32
  }
  if (options.describe) {
    plan.description = fmt::format("{}, {}x{}, {} threads, {} CTAs", pipeline.name, pipeline.cta_m, pipeline.cta_n,
                                   32 * pipeline.warps(), kernel.ctas);
  }
  return plan;
}

}  // namespace perfmodel
