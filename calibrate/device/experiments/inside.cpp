// The same mask by extra warps inside a GEMM: what they cost it, against the GEMM and the mask kernel alone.
#include <fmt/format.h>

#include <memory>

#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/kernels/gemm.hpp"

namespace perfmodel {
namespace {

std::string text(std::int64_t value) { return fmt::format("{}", value); }

double median_of(Bench& bench, const Launch& launch) {
  const TimeOptions cold{.warmup = 1, .repeats = 6, .flush_l2 = true, .pause = Seconds(5e-3)};
  return summarise(bench.time_kernels(launch, cold)).median * 1e6;
}

Cells columns_of(const HopperGemm& gemm, const KernelResources& resources) {
  return {{"m", text(gemm.m)},
          {"n", text(gemm.n)},
          {"k", text(gemm.k)},
          {"dtype", gemm.type == GemmType::bf16 ? "bf16" : "fp8"},
          {"cta_m", text(gemm.cta_m)},
          {"cta_n", text(gemm.cta_n)},
          {"cta_k", text(gemm.cta_k)},
          {"stages", text(gemm.stages)},
          {"threads", text(resources.threads)},
          {"registers", text(resources.registers)},
          {"rng_warps", text(gemm.rng_warps)},
          {"rng_elements", text(gemm.mask.elements)},
          {"rng_rounds", text(gemm.mask.rounds)},
          {"rng_bits", text(gemm.mask.bits)}};
}

void measure_one(Bench& bench, TableSink& rows, const HopperGemm& gemm) {
  HopperGemmJob with(gemm);
  Cells cells = columns_of(gemm, with.resources());
  if (rows.has(cells)) return;
  bench.progress(
      fmt::format("{}x{} with {} RNG warps, {} rounds", gemm.cta_m, gemm.cta_n, gemm.rng_warps, gemm.mask.rounds));
  const double error = with.check(bench.stream());
  HopperGemm plain = gemm;
  plain.rng_warps = 0;
  const HopperGemmJob without(plain);
  RngMask full = gemm.mask;
  full.ctas = 8 * bench.sms();
  full.threads = 256;
  DeviceBuffer<std::uint32_t> mask(static_cast<std::size_t>(full.elements / 32));
  cells.emplace_back("error", fmt::format("{:.2e}", error));
  cells.emplace_back("gemm_us", fmt::format("{:.3f}", median_of(bench, without.launch())));
  cells.emplace_back("rng_full_grid_us", fmt::format("{:.3f}", median_of(bench, rng_mask_launch(full, mask.data()))));
  cells.emplace_back("measured_us", fmt::format("{:.3f}", median_of(bench, with.launch())));
  rows.add(cells);
}

}  // namespace

void measure_inside(Bench& bench, TableSink& rows) {
  std::string faults;
  for (HopperGemm gemm : compiled_gemms()) {
    if (gemm.rng_warps == 0 || gemm.mask.rounds == 5) continue;
    gemm.m = gemm.n = gemm.k = 4096;
    gemm.ctas = 0;
    gemm.mask.bits = 8;
    for (const std::int64_t elements : {std::int64_t{1} << 26U, std::int64_t{1} << 28U}) {
      gemm.mask.elements = elements;
      try {
        measure_one(bench, rows, gemm);
      } catch (const DeviceError& error) {
        // A configuration that cannot run here leaves the others their rows.
        if (cudaDeviceSynchronize() != cudaSuccess) throw;
        if (!faults.empty()) faults += "; ";
        faults += error.what();
      }
    }
  }
  if (!faults.empty()) throw DeviceError(faults);
}

}  // namespace perfmodel
