// GEMMs by simulation: an item is an output tile, or what a CTA does of several.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "model/library_choice.hpp"
#include "model/lower_pipeline.hpp"
#include "model/pipeline_kernel.hpp"
#include "model/predict.hpp"

namespace perfmodel {

namespace {

double ceil_div(double a, double b) { return std::ceil(a / b); }

double element_bytes(Dtype dtype) { return bytes_of(dtype, 16).si() / 16; }

double words_of(const Rng& rng) { return std::ceil(static_cast<double>(rng.elements) / 32.0); }

// How a GEMM is cut into items of the program.
struct Cut {
  double tiles = 0;
  double slices = 1;  // of each tile's k
  double depth = 0;   // iterations of a slice

  [[nodiscard]] double items() const { return tiles * slices; }
};

bool uses_pairs(const Pipeline& pipeline) {
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) {
      if (op.mma && op.mma->pair) return true;
    }
  }
  return false;
}

// What the chip model wants to know of the kernel, whatever runs on the SM.
GemmConfig config_of(const Machine& machine, const Pipeline& pipeline, const Cut& cut, const Gemm& gemm) {
  GemmConfig config;
  config.cta_m = pipeline.cta_m;
  config.cta_n = pipeline.cta_n;
  config.cta_k = pipeline.cta_k;
  config.cluster = pipeline.cluster;
  config.mma_pair = uses_pairs(pipeline) ? 2 : 1;
  config.split_k = pipeline.split_k;
  config.warps = pipeline.warps();
  config.registers = static_cast<int>(pipeline.registers() / (32.0 * pipeline.warps()));
  config.smem = pipeline.smem();
  config.schedule = pipeline.persistent ? Schedule::persistent : Schedule::grid;
  const double slots = static_cast<double>(machine.sms.value) * pipeline.ctas_per_sm;
  const double most = pipeline.persistent ? std::min(cut.items(), slots) : cut.items();
  config.ctas = gemm.ctas ? *gemm.ctas : static_cast<std::int64_t>(most);
  return config;
}

class GemmProgram {
 public:
  GemmProgram(const Machine& machine, const KernelProgram& program, const Gemm& gemm, const std::optional<Rng>& mask)
      : machine_(machine), program_(program), gemm_(gemm), mask_(mask) {
    const Pipeline pipeline = at(/*iterations=*/1, /*words=*/32, /*fixups=*/0);
    cut_.tiles =
        ceil_div(static_cast<double>(gemm.m), pipeline.cta_m) * ceil_div(static_cast<double>(gemm.n), pipeline.cta_n);
    const double depth = ceil_div(static_cast<double>(gemm.k), pipeline.cta_k);
    cut_.slices = pipeline.split_k;
    cut_.depth = ceil_div(depth, cut_.slices);
    if (cut_.slices > 1 && gemm.ctas) {
      // Slices need not be a tile's: as many equal ones as CTAs.
      cut_.slices = *gemm.ctas / cut_.tiles;
      cut_.depth = ceil_div(cut_.tiles * depth, *gemm.ctas);
    }
    // Neighbours whose requests the network merges share what they bring over.
    const double rows = pipeline.done()[Duty::load] / (pipeline.cta_k * element_bytes(gemm.dtype));
    const double asked = rows_asked(machine, gemm, config_of(machine, pipeline, cut_, gemm));
    merged_ = rows > 0 ? std::min(1.0, asked / rows) : 1.0;
  }

  [[nodiscard]] const Cut& cut() const { return cut_; }

  // An item, with so many tiles handed over to or from another CTA.
  [[nodiscard]] Pipeline item(double fixups = 0) const {
    const double words = mask_ ? ceil_div(words_of(*mask_), cut_.items()) : 0;
    return at(cut_.depth, words, fixups);
  }

 private:
  [[nodiscard]] Pipeline at(double iterations, double words, double fixups) const {
    // Slices of a tile's k leave partial sums in FP32.
    const double output = cut_.slices > 1 ? 4.0 : element_bytes(gemm_.out_dtype);
    std::vector<SequenceParameter> shape{{"k_iterations", iterations},
                                         {"element_bytes", element_bytes(gemm_.dtype)},
                                         {"output_bytes", output},
                                         {"fixups", fixups},
                                         {"words", words}};
    if (mask_) {
      shape.push_back({"rounds", static_cast<double>(mask_->rounds)});
      shape.push_back({"bits", static_cast<double>(mask_->bits)});
    }
    Pipeline pipeline = program_.pipeline(shape);
    pipeline.dtype = gemm_.dtype;
    pipeline.read_cost = merged_ * unaligned_read(machine_, static_cast<double>(gemm_.k) * element_bytes(gemm_.dtype));
    pipeline.write_cost = unaligned_write(machine_, static_cast<double>(gemm_.n) * output);
    return pipeline;
  }

  const Machine& machine_;
  const KernelProgram& program_;
  const Gemm& gemm_;
  const std::optional<Rng>& mask_;
  Cut cut_;
  double merged_ = 1;
};

// Every CTA has the same number of iterations; tiles cut between two of them are added up through memory.
Cycles even_share(const GemmProgram& program, const Machine& machine, const Kernel& kernel, int ctas_per_sm,
                  double typical, Fidelity fidelity) {
  const double share = kernel.items / static_cast<double>(kernel.ctas);
  if (share == std::floor(share)) return Cycles(share * typical);
  const double fixed = item_time(*code_of(machine, program.item(/*fixups=*/1)), ctas_per_sm, fidelity).item;
  return Cycles(share * typical + std::max(0.0, fixed - typical));
}

void add_mask(const Rng& rng, Kernel& kernel) {
  const Bytes mask(4.0 * words_of(rng));
  kernel.output += mask;
  kernel.l2_written += mask;
}

std::string describe(const Pipeline& pipeline, const Kernel& kernel) {
  std::string text = fmt::format("{}, {}x{}x{}, {} threads, {} CTAs", pipeline.name, pipeline.cta_m, pipeline.cta_n,
                                 pipeline.cta_k, 32 * pipeline.warps(), kernel.ctas);
  if (pipeline.cluster > 1) text += fmt::format(", cluster {}", pipeline.cluster);
  if (pipeline.split_k > 1) text += fmt::format(", split-K {}", pipeline.split_k);
  return text;
}

}  // namespace

namespace {

// What the operator says of the kernel goes into the parameters of that name which the program's user left alone.
KernelProgram with_columns(const KernelProgram& program, const Gemm& gemm) {
  const std::vector<std::string> known = parameter_names(program.file().root());
  std::vector<ProgramSetting> settings = program.settings();
  const auto set = [&](std::string_view name, std::optional<int> value) {
    const bool own = std::ranges::find(settings, name, &ProgramSetting::name) != settings.end();
    if (own || !value || std::ranges::find(known, name) == known.end()) return;
    settings.push_back({std::string(name), static_cast<double>(*value)});
  };
  if (gemm.tile) {
    set("cta_m", gemm.tile->cta_m);
    set("cta_n", gemm.tile->cta_n);
    set("cta_k", gemm.tile->cta_k);
  }
  set("stages", gemm.stages);
  set("cluster", gemm.cluster);
  set("split_k", gemm.split_k);
  set("warps", gemm.warps);
  set("registers", gemm.registers);
  return program.with_settings(std::move(settings));
}

}  // namespace

Plan lower_gemm_program(const Machine& machine, const Library& library, const KernelProgram& named, const Gemm& gemm,
                        const std::optional<Rng>& mask, const LowerOptions& options) {
  const KernelProgram program = with_columns(named, gemm);
  if (tensor_rate(machine, gemm.dtype).si() <= 0) {
    return refused_plan(fmt::format("{} has no {} tensor cores", machine.name, name_of(gemm.dtype)));
  }
  const GemmProgram cut(machine, program, gemm, mask);
  const Pipeline pipeline = cut.item();
  if (gemm.split_k.value_or(pipeline.split_k) != pipeline.split_k) {
    return refused_plan(fmt::format("'{}' has no slices of k", pipeline.name));
  }
  if (gemm.tile && (gemm.tile->cta_m != pipeline.cta_m || gemm.tile->cta_n != pipeline.cta_n)) {
    return refused_plan(fmt::format("'{}' has tiles of {} x {}", pipeline.name, pipeline.cta_m, pipeline.cta_n));
  }
  const std::string reason = unsuitable(machine, pipeline);
  if (!reason.empty()) return refused_plan(reason);

  Plan plan = gemm_plan(machine, library, gemm, config_of(machine, pipeline, cut.cut(), gemm), options.regime);
  Kernel& kernel = plan.kernels[0];
  kernel.items = cut.cut().items();
  const auto code = code_of(machine, pipeline);
  const ItemTime typical = item_time(*code, pipeline.ctas_per_sm, options.fidelity);
  if (pipeline.stream_k) {
    kernel.makespan = even_share(cut, machine, kernel, pipeline.ctas_per_sm, typical.item, options.fidelity);
  }
  add_program(machine, pipeline, code, typical.item, kernel);
  if (mask) add_mask(*mask, kernel);
  if (options.describe) plan.description = describe(pipeline, kernel);
  return plan;
}

namespace {

// The kernel that the row describes, or that the library would choose.
Gemm with_choice(const Machine& machine, const Library& library, const Gemm& gemm) {
  Operator op;
  op.work = gemm;
  choose_kernels(machine, library, op);
  Gemm chosen = std::get<Gemm>(op.work);
  chosen.registers = gemm.registers;
  if (chosen.tile && !chosen.tile->cta_k) chosen.tile->cta_k = natural_cta_k(gemm.dtype);
  return chosen;
}

}  // namespace

std::optional<Plan> lower_gemm_pipeline(const Machine& machine, const Library& library, const Gemm& gemm,
                                        const LowerOptions& options) {
  const std::string_view generation = tensor_generation_name(machine.tensor.generation);
  const PipelineFile* file = library.pipelines->find(PipelineKind::gemm, gemm.impl.family, generation,
                                                     /*adopted_only=*/options.fidelity == Fidelity::pipeline);
  if (file == nullptr) return std::nullopt;
  const KernelProgram program(std::shared_ptr<const PipelineFile>(std::shared_ptr<void>(), file), {});
  try {
    const Gemm chosen = with_choice(machine, library, gemm);
    Plan plan = lower_gemm_program(machine, library, program, chosen, std::nullopt, options);
    if (plan.refusal.empty()) return plan;
  } catch (const InputError&) {
    // A tile or depth outside the program's ranges.
  }
  return std::nullopt;
}

}  // namespace perfmodel
