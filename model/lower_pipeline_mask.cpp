// Dropout masks by simulation: an item is what one CTA draws.
#include <fmt/core.h>

#include <array>
#include <cmath>

#include "model/lower_pipeline.hpp"
#include "model/pipeline_kernel.hpp"

namespace perfmodel {

Plan lower_mask_program(const Machine& machine, const KernelProgram& program, const Rng& rng,
                        const LowerOptions& options) {
  const double words = std::ceil(static_cast<double>(rng.elements) / 32.0);
  const double ctas = rng.ctas.value_or(static_cast<int>(8 * machine.sms.value));
  const std::array<SequenceParameter, 3> shape{{{"words", std::ceil(words / ctas)},
                                                {"rounds", static_cast<double>(rng.rounds)},
                                                {"bits", static_cast<double>(rng.bits)}}};
  Pipeline pipeline = program.pipeline(shape);
  pipeline.ctas_per_sm =
      std::min(pipeline.ctas_per_sm, static_cast<int>(std::ceil(ctas / static_cast<double>(machine.sms.value))));
  const std::string reason = unsuitable(machine, pipeline);
  if (!reason.empty()) return refused_plan(reason);

  Kernel kernel;
  kernel.items = ctas;
  kernel.ctas = static_cast<std::int64_t>(ctas);
  const auto code = code_of(machine, pipeline);
  add_program(machine, pipeline, code, item_time(*code, pipeline.ctas_per_sm, options.fidelity).item, kernel);
  kernel.output = Bytes(4.0 * words);
  kernel.l2_written = kernel.output;
  kernel.latency = machine.launch.grid.value;
  Plan plan;
  plan.add(kernel);
  if (options.describe) {
    plan.description = fmt::format("{}, {:.0f} CTAs of {} threads", pipeline.name, ctas, 32 * pipeline.warps());
  }
  return plan;
}

std::optional<Plan> lower_mask_pipeline(const Machine& machine, const Library& library, const Rng& rng,
                                        const LowerOptions& options) {
  const PipelineFile* file =
      library.pipelines->find(PipelineKind::mask, std::nullopt, tensor_generation_name(machine.tensor.generation),
                              /*adopted_only=*/options.fidelity == Fidelity::pipeline);
  if (file == nullptr) return std::nullopt;
  try {
    const int warps = (rng.threads.value_or(256) + 31) / 32;
    const KernelProgram program(std::shared_ptr<const PipelineFile>(std::shared_ptr<void>(), file),
                                {{"warps", static_cast<double>(warps)}});
    Plan plan = lower_mask_program(machine, program, rng, options);
    if (plan.refusal.empty()) return plan;
  } catch (const InputError&) {
    // More warps than the program's range.
  }
  return std::nullopt;
}

}  // namespace perfmodel
