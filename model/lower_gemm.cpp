#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "model/gemm.hpp"
#include "model/library_choice.hpp"
#include "model/lower.hpp"
#include "model/pricing.hpp"
#include "model/tile_program.hpp"

namespace perfmodel {

namespace {

// A kernel written tile by tile, without warp specialisation: a CTA an output tile, its warps load and compute.
GemmConfig tile_program_config(const Gemm& gemm) {
  GemmConfig config;
  config.schedule = Schedule::grid;
  config.cta_m = 128;
  config.cta_n = 128;
  config.stages = 3;
  config.warps = 8;
  config.registers = 128;
  config.cta_k = natural_cta_k(gemm.dtype);
  return config;
}

// What the row gives goes over what the code family does by itself.
GemmConfig given_config(const Gemm& gemm) {
  GemmConfig config = gemm.impl.family == Family::triton ? tile_program_config(gemm) : GemmConfig{};
  if (gemm.tile) {
    config.cta_m = gemm.tile->cta_m;
    config.cta_n = gemm.tile->cta_n;
    config.cta_k = gemm.tile->cta_k.value_or(natural_cta_k(gemm.dtype));
  }
  config.stages = gemm.stages.value_or(config.stages);
  config.cluster = gemm.cluster.value_or(1);
  config.mma_pair = gemm.mma_pair.value_or(config.mma_pair);
  config.split_k = gemm.split_k.value_or(1);
  config.ctas = gemm.ctas.value_or(0);
  config.warps = gemm.threads ? (*gemm.threads + 31) / 32 : gemm.warps.value_or(config.warps);
  config.tma = gemm.tma.value_or(true);
  config.tma_store = gemm.tma_store.value_or(false);
  if (gemm.impl.family == Family::triton) {
    const CompiledTile compiled = compiled_tile(gemm, config);
    config.registers = gemm.registers.value_or(compiled.registers);
    config.spills = gemm.spills.value_or(gemm.registers.value_or(255) < 255 ? 0 : compiled.spills);
    config.smem = gemm.smem.value_or(compiled.smem);
    return config;
  }
  config.registers = gemm.registers.value_or(config.registers);
  config.smem = gemm.smem.value_or(operand_buffers(config, gemm.dtype));
  return config;
}

// Tensor instructions of a warpgroup in an iteration.
int products_of(const Machine& machine, const Gemm& gemm, const GemmConfig& config) {
  const double step_bytes = 32;
  const double steps = std::ceil(bytes_of(gemm.dtype, config.cta_k).si() / step_bytes);
  const auto blocks = [](double size, double part) { return std::ceil(size / part); };
  const double along_m = blocks(config.cta_m, static_cast<double>(machine.tensor.rows.value));
  const double along_n = blocks(config.cta_n, static_cast<double>(machine.tensor.maximum_columns.value));
  return static_cast<int>(steps * std::ceil(along_m * along_n / std::max(1.0, config.warps / 4.0)));
}

// Of a warp for each of its warpgroup's tensor instructions, waiting included: cuBLAS and own kernels execute 46 to 67
// in four warps with a long k (counters.csv of an H200, November 2026).
constexpr double steps_of_product = 12.5;

// What the warps execute one instruction after the other.
void set_steps(const Machine& machine, const Library& library, const Gemm& gemm, GemmConfig& config) {
  const int products = products_of(machine, gemm, config);
  const int threads = 32 * config.warps;
  if (gemm.impl.family == Family::triton) {
    const double bytes = bytes_of(gemm.dtype, static_cast<double>(config.cta_m + config.cta_n) * config.cta_k).si();
    const TileLoop loop{.tma = gemm.tma.value_or(true),
                        .products = products,
                        .copies = static_cast<int>(std::ceil(bytes / 16 / threads)),
                        .warps = config.warps,
                        .accumulators = static_cast<int>(std::ceil(double{1} * config.cta_m * config.cta_n / threads))};
    const TileSteps steps = library.tile_code->steps(loop);
    config.loop_steps = steps.iteration;
    config.tile_steps = steps.tile;
    config.element.all = steps.element;
  } else {
    config.loop_steps = products * steps_of_product;
  }
}

// The kernel that adds the slices of a split-K GEMM: reads them all, writes the output.
Kernel reduction_kernel(const Machine& machine, const Gemm& gemm, int split_k) {
  const double elements = static_cast<double>(gemm.m) * static_cast<double>(gemm.n);
  Kernel kernel;
  kernel.program.warps = 8;
  kernel.items = std::max(1.0, std::ceil(elements / 1024.0));
  kernel.ctas = static_cast<std::int64_t>(kernel.items);
  Segment loop;
  loop.count = 1;
  loop.busy[Resource::issue] = 1024.0 * split_k / pipe_rate(machine, Resource::issue);
  kernel.program.add(loop);
  kernel.input = Bytes(4.0 * elements * split_k);
  kernel.output = bytes_of(gemm.out_dtype, elements);
  kernel.l2_read = kernel.input;
  kernel.l2_written = kernel.output;
  kernel.latency = machine.launch.reduction.value;
  kernel.reads_predecessor = true;
  return kernel;
}

// Clears the tile counters that the CTAs of a multi-wave kernel draw from.
Kernel memset_kernel(const Machine& machine) {
  Kernel kernel;
  kernel.items = 0;
  kernel.latency = machine.launch.memset.value;
  return kernel;
}

// tf32 moves half the multiply-adds a cycle.
void set_types(const Machine& machine, const Gemm& gemm, Kernel& kernel) {
  if (gemm.dtype == Dtype::fp8 || gemm.dtype == Dtype::nvfp4) {
    kernel.latency += machine.launch.scale.value;
    kernel.tensor_energy = machine.power.tensor_fp8.value;
  } else if (gemm.dtype == Dtype::tf32) {
    kernel.tensor_activity = 0.5;
  }
}

std::string describe(const Gemm& gemm, const GemmConfig& config, const Kernel& kernel) {
  std::string text =
      fmt::format("{}x{}x{}, {} stages, {} CTAs", config.cta_m, config.cta_n, config.cta_k, config.stages, kernel.ctas);
  if (config.cluster > 1) {
    text += fmt::format(", cluster {}", config.cluster);
  }
  if (config.split_k > 1) {
    text += fmt::format(", split-K {}", config.split_k);
  }
  return gemm.tile ? text : text + " (chosen)";
}

}  // namespace

Plan gemm_plan(const Machine& machine, const Library& library, const Gemm& gemm, const GemmConfig& config,
               Regime regime) {
  Plan plan;
  GemmConfig code = config;
  if (gemm.impl.family == Family::cublas) {
    const LibraryMenu& menu = menu_of(machine, library);
    code.iteration = menu.iteration;
    code.element = gemm.dtype == Dtype::fp8 ? menu.scaled : menu.element;
    code.promoted = menu.promoted;
    code.waiting = menu.waiting;
    code.ping_pong = menu.ping_pong;
    // Tiles that leave no room for a second set are those of kernels that add up in the tensor cores alone.
    const bool promoted = gemm.dtype == Dtype::fp8 && 2 * config.cta_m * config.cta_n <= menu.accumulators;
    if (promoted && menu.promotion > 0) {
      code.promotion = menu.promotion;
      code.accumulator_sets = 2;
    }
  }
  set_steps(machine, library, gemm, code);
  Kernel kernel = gemm_kernel(machine, gemm, code);
  set_types(machine, gemm, kernel);
  if (regime == Regime::cold) {
    kernel.latency += machine.transfer.cold_prologue.value;
  }
  const bool counted =
      kernel.items > library.cublas_hopper.counter_reset_above * static_cast<double>(machine.sms.value);
  plan.add(kernel);
  if (config.split_k > 1) {
    plan.add(reduction_kernel(machine, gemm, config.split_k));
  } else if (gemm.impl.family == Family::cublas && counted && machine.tensor.generation == TensorGeneration::wgmma) {
    plan.add(memset_kernel(machine));
  }
  return plan;
}

Plan lower_gemm(const Machine& machine, const Library& library, const Gemm& gemm, const LowerOptions& options) {
  if (tensor_rate(machine, gemm.dtype).si() <= 0) {
    Plan plan;
    plan.refusal = fmt::format("{} has no {} tensor cores", machine.name, name_of(gemm.dtype));
    return plan;
  }
  // Triton takes the tile that its author wrote; without one, a common choice.
  const bool given = gemm.tile || gemm.impl.family == Family::triton;
  const GemmConfig config = given ? given_config(gemm) : chosen_config(machine, library, gemm);
  Plan plan = gemm_plan(machine, library, gemm, config, options.regime);
  if (options.describe) {
    plan.description = describe(gemm, config, plan.kernels[0]);
  }
  return plan;
}

}  // namespace perfmodel
