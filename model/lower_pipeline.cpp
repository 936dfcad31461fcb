#include "model/lower_pipeline.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "model/attention_items.hpp"
#include "model/pipeline_budget.hpp"
#include "model/pipeline_kernel.hpp"
#include "model/program_runs.hpp"
#include "model/schedule.hpp"
#include "workloads/pipeline_check.hpp"

namespace perfmodel {

namespace {

constexpr double most_tiles = 1 << 20;  // of one head, so that lowering ends in bounded time and memory

// The time of an item of so many tiles: what the simulation gives at a few lengths, straight lines between them, since
// all but the ends of an item is a steady state.
class ItemTimes {
 public:
  ItemTimes(ProgramRuns& runs, const Attention& attention, Fidelity fidelity)
      : runs_(runs), attention_(attention), fidelity_(fidelity) {}

  // Some item of it would wait for ever.
  [[nodiscard]] bool deadlock() const { return deadlock_; }

  // Of every item of a head.
  std::vector<Cycles> of(const AttentionItems& items) {
    std::vector<Cycles> times;
    times.reserve(items.head.size());
    for (const ItemTiles& tiles : items.head) times.emplace_back(between(tiles).item);
    return times;
  }

  ItemTime between(const ItemTiles& tiles) {
    if (last_ && last_->tiles == tiles) return last_->time;
    last_ = {tiles, interpolated(tiles)};
    return last_->time;
  }

 private:
  struct Known {
    ItemTiles tiles;
    ItemTime time;
  };

  ItemTime interpolated(const ItemTiles& tiles) {
    const std::array<double, 4> lengths{1, 4, 16, std::max(17.0, attention_length())};
    if (tiles.full <= lengths[1] || tiles.full >= lengths.back()) return at(tiles);
    std::size_t next = 1;
    while (lengths[next] < tiles.full) ++next;
    const ItemTime low = at({lengths[next - 1], tiles.masked});
    const ItemTime high = at({lengths[next], tiles.masked});
    const double share = (tiles.full - lengths[next - 1]) / (lengths[next] - lengths[next - 1]);
    return {low.item + share * (high.item - low.item), low.alone + share * (high.alone - low.alone), false};
  }

  [[nodiscard]] double attention_length() const { return static_cast<double>(attention_.seq_kv) / 128.0; }

  ItemTime at(const ItemTiles& tiles) {
    const ItemTime time = runs_.time(shape_of(attention_, tiles), fidelity_);
    deadlock_ = deadlock_ || time.deadlock;
    return time;
  }

  ProgramRuns& runs_;
  const Attention& attention_;
  Fidelity fidelity_;
  bool deadlock_ = false;
  std::optional<Known> last_;
};

void add_traffic(const Attention& attention, const PipelineDemand& done, const AttentionItems& items, Kernel& kernel) {
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
  kernel.l2_read = Bytes(items.repeats * static_cast<double>(items.head.size()) * done[Duty::load]);
  kernel.l2_written = kernel.output;
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

Kernel main_kernel(const Machine& machine, const Attention& attention, ProgramRuns& runs, ProgramRuns::Made& made,
                   const HeadItems& all, OpNames names, ItemTimes& times) {
  const AttentionItems& items = all.items;
  const Pipeline& pipeline = made.pipeline();
  const int workers = static_cast<int>(machine.sms.value) * pipeline.ctas_per_sm;
  const ItemTime typical = times.between(all.mean);
  Kernel kernel;
  kernel.items = static_cast<double>(items.head.size()) * items.repeats;
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  kernel.makespan = list_schedule(times.of(items), items.repeats, workers);
  if (pipeline.persistent) {
    kernel.ctas = std::min<std::int64_t>(workers, kernel.ctas);
    kernel.makespan += Cycles(std::max(0.0, typical.alone - typical.item));
  }
  add_program(machine, pipeline, runs.code(made, names), typical.item, kernel);
  kernel.latency = machine.transfer.prologue.value;
  add_traffic(attention, made.done, items, kernel);
  return kernel;
}

// The same kernel in closed form: every item takes as long as its bounds say, in proportion to its tiles, and the CTAs
// end together or with the longest item.
Kernel bounded_kernel(const Machine& machine, const Attention& attention, ProgramRuns& runs, ProgramRuns::Made& made,
                      const HeadItems& all, OpNames names) {
  const AttentionItems& items = all.items;
  const Pipeline& pipeline = made.pipeline();
  const int workers = static_cast<int>(machine.sms.value) * pipeline.ctas_per_sm;
  Kernel kernel;
  kernel.items = static_cast<double>(items.head.size()) * items.repeats;
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  if (pipeline.persistent) kernel.ctas = std::min<std::int64_t>(workers, kernel.ctas);
  const std::shared_ptr<const SmCode>& code = runs.code(made, names);
  const double item = runs.time(made.shape, Fidelity::bound).item;
  add_program(machine, pipeline, code, item, kernel);
  kernel.makespan = Cycles(std::max(item * kernel.items / workers, item * all.longest / all.mean.all()));
  kernel.latency = machine.transfer.prologue.value;
  add_traffic(attention, made.done, items, kernel);
  return kernel;
}

// What the row says of the kernel, where the program has a parameter of that name.
// A serving framework's keys and values are in pages.
std::vector<ProgramSetting> settings_of(const Attention& attention, bool served, const PipelineFile& file) {
  std::vector<ProgramSetting> settings;
  const std::vector<std::string> known = parameter_names(file.root());
  const auto set = [&](std::string_view name, const std::optional<int>& value) {
    if (value && std::ranges::find(known, name) != known.end()) settings.push_back({std::string(name), double(*value)});
  };
  set("cta_m", attention.cta_m);
  set("cta_n", attention.cta_n);
  set("stages", attention.stages);
  set("warps", attention.warps);
  set("registers", attention.registers);
  set("paged", served ? std::optional(1) : std::nullopt);
  return settings;
}

bool has_tile_of(const Pipeline& pipeline, const Attention& attention) {
  return attention.cta_m.value_or(pipeline.cta_m) == pipeline.cta_m &&
         attention.cta_n.value_or(pipeline.cta_n) == pipeline.cta_n;
}

// Why a program cannot be the operator's on this machine; empty if it can.
std::string objection(const Machine& machine, ProgramRuns::Made& made, const Attention& attention) {
  const Pipeline& pipeline = made.pipeline();
  const std::string_view generation = tensor_generation_name(machine.tensor.generation);
  if (pipeline.tensor != generation && pipeline.tensor != "mma") {
    return fmt::format("the program is written for {}, {} has {}", pipeline.tensor, machine.name, generation);
  }
  if (!has_tile_of(pipeline, attention)) {
    return fmt::format("'{}' has tiles of {} x {}", pipeline.name, pipeline.cta_m, pipeline.cta_n);
  }
  Diagnostics faults;
  check_coverage(pipeline, made.done, faults);
  if (!faults.has_errors()) check_limits(machine, pipeline, faults);
  if (!faults.has_errors() && !made.rings.hold(made.evaluated)) check_rings(pipeline, faults);
  return faults.has_errors() ? faults.all().front().message : std::string();
}

void add_helpers(const Machine& machine, const Attention& attention, Plan& plan) {
  if (attention.pass == Pass::fwd) return;
  plan.add(helper_kernel(machine, attention, /*bytes_of_q=*/8));  // row sums of dO * O
  plan.add(helper_kernel(machine, attention, /*bytes_of_q=*/6));  // dQ from fp32
}

}  // namespace

Plan lower_program(const Machine& machine, const PipelineFile& file, ProgramRuns& runs, const Attention& attention,
                   const LowerOptions& options) {
  if (tensor_rate(machine, attention.dtype).si() <= 0) {
    return refused_plan(fmt::format("{} has no {} tensor cores", machine.name, name_of(attention.dtype)));
  }
  const std::string& kind = file.root().find("operator").text();
  const PipelineKind wanted =
      attention.pass == Pass::fwd ? PipelineKind::attention_forward : PipelineKind::attention_backward;
  if (const std::string_view name = pipeline_kind_names[static_cast<std::size_t>(wanted)]; kind != name) {
    return refused_plan(fmt::format("the program is for {}, the operator is {}", kind, name));
  }
  ItemTimes times(runs, attention, options.fidelity);
  const PipelineTile tile = runs.tile(attention);
  const auto longest = static_cast<double>(std::max(attention.seq_q, attention.seq_kv));
  if (longest / std::min(tile.cta_m, tile.cta_n) > most_tiles) {
    return refused_plan(fmt::format("more than {:.0f} tiles of one head", most_tiles));
  }
  const HeadItems& items = runs.items(attention, tile);
  ProgramRuns::Made& made = runs.made(shape_of(attention, items.mean));
  const Pipeline& pipeline = made.pipeline();
  if (!made.objection) made.objection = objection(machine, made, attention);
  if (!made.objection->empty()) return refused_plan(*made.objection);

  const OpNames names = options.describe ? OpNames::kept : OpNames::left_out;
  Plan plan;
  Kernel& kernel =
      plan.add(options.fidelity == Fidelity::bound ? bounded_kernel(machine, attention, runs, made, items, names)
                                                   : main_kernel(machine, attention, runs, made, items, names, times));
  if (times.deadlock()) return refused_plan("deadlock: an item never ends");
  if (options.regime == Regime::cold) kernel.latency += machine.launch.cold_code.value;
  add_helpers(machine, attention, plan);
  if (options.describe) {
    plan.description = fmt::format("{}, {}x{}, {} threads, {} CTAs", pipeline.name, pipeline.cta_m, pipeline.cta_n,
                                   32 * pipeline.warps(), plan.kernels.front().ctas);
  }
  return plan;
}

Plan lower_attention_program(const Machine& machine, const KernelProgram& program, const Attention& attention,
                             const LowerOptions& options) {
  std::vector<SequenceParameter> settings;
  for (const ProgramSetting& setting : program.settings()) settings.push_back({setting.name, setting.value});
  ProgramRuns runs(machine, program.file(), settings);
  return lower_program(machine, program.file(), runs, attention, options);
}

std::optional<Plan> lower_attention_pipeline(const Machine& machine, const Library& library, const Attention& attention,
                                             const LowerOptions& options) {
  const std::string_view generation = tensor_generation_name(machine.tensor.generation);
  const PipelineFile* file =
      library.pipelines->find(attention, generation, /*adopted_only=*/options.fidelity == Fidelity::pipeline);
  if (file == nullptr) return std::nullopt;
  // The library outlives the lowering.
  const KernelProgram program(std::shared_ptr<const PipelineFile>(std::shared_ptr<void>(), file),
                              settings_of(attention, options.served, *file));
  Plan plan = lower_attention_program(machine, program, attention, options);
  if (!plan.refusal.empty()) return std::nullopt;
  add_family_parts(machine, library, attention, options.served, plan);
  return plan;
}

}  // namespace perfmodel
