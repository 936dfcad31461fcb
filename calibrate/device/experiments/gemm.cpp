// The vendor's GEMMs: single launches after a pause over shapes drawn evenly in the logarithm of each size and those of
// language models, and steady load over two seconds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <set>

#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/cold_runs.hpp"
#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/kernels/library.hpp"
#include "calibrate/gemm_cells.hpp"

namespace perfmodel {
namespace {

constexpr int random_shapes = 40;
constexpr double most_products = 3e11;     // multiply-adds of a cold shape: about a millisecond at 600 TFLOPS
constexpr double most_error = 0.02;        // of bf16 output against double precision
constexpr double longest_cold = 1e-3;      // seconds: beyond it the clock falls
constexpr double steady_tolerance = 0.02;  // between two windows of a steady run

struct Shape {
  std::int64_t m = 0, n = 0, k = 0;
  auto operator<=>(const Shape&) const = default;
};

constexpr std::array<Shape, 10> model_shapes{{{4096, 4096, 4096},
                                              {4096, 12288, 4096},
                                              {4096, 4096, 11008},
                                              {4096, 6144, 4096},
                                              {2048, 8192, 8192},
                                              {512, 28672, 8192},
                                              {128, 28672, 8192},
                                              {64, 12288, 4096},
                                              {16, 4096, 14336},
                                              {2048, 2048, 2048}}};
constexpr std::array<Shape, 6> steady_shapes{{{2048, 2048, 2048},
                                              {4096, 4096, 4096},
                                              {4096, 12288, 4096},
                                              {8192, 8192, 8192},
                                              {8192, 28672, 8192},
                                              {128, 28672, 8192}}};

// Evenly in the logarithm from 64 to 16384, a multiple of 16.
std::int64_t draw_size(std::mt19937_64& random) {
  const double share = static_cast<double>(random() >> 11U) * 0x1p-53;
  return 16 * std::llround(64 * std::exp2(8 * share) / 16);
}

std::vector<Shape> cold_shapes() {
  std::set<Shape> shapes(model_shapes.begin(), model_shapes.end());
  std::mt19937_64 random(20261124);
  while (shapes.size() < model_shapes.size() + random_shapes) {
    const Shape shape{draw_size(random), draw_size(random), draw_size(random)};
    const double products = static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
    if (products <= most_products) shapes.insert(shape);
  }
  return {shapes.begin(), shapes.end()};
}

struct Case {
  Shape shape;
  GemmType type = GemmType::bf16;

  [[nodiscard]] const char* dtype() const { return type == GemmType::bf16 ? "bf16" : "fp8"; }
  [[nodiscard]] std::string label(const char* regime) const {
    return fmt::format("GEMM {}x{}x{} {}, {}", shape.m, shape.n, shape.k, dtype(), regime);
  }
  [[nodiscard]] Cells inputs(const char* timer, const char* regime) const {
    return {{"op", "gemm"},
            {"m", fmt::format("{}", shape.m)},
            {"n", fmt::format("{}", shape.n)},
            {"k", fmt::format("{}", shape.k)},
            {"dtype", dtype()},
            {"out_dtype", "bf16"},
            {"impl", "cublas"},
            {"timer", timer},
            {"regime", regime}};
  }
};

template <class Shapes>
std::vector<Case> cases_of(const Shapes& shapes, const TableSink& rows, const char* timer, const char* regime) {
  std::vector<Case> cases;
  for (const Shape& shape : shapes) {
    for (const GemmType type : {GemmType::bf16, GemmType::fp8}) {
      const Case one{shape, type};
      if (!rows.has(one.inputs(timer, regime))) cases.push_back(one);
    }
  }
  return cases;
}

CublasGemm checked_gemm(Bench& bench, const Case& one, const char* regime) {
  bench.progress(one.label(regime));
  CublasGemm gemm(one.shape.m, one.shape.n, one.shape.k, one.type);
  const double error = gemm.check(bench.stream());
  if (!(error < most_error)) throw DeviceError(fmt::format("{}: wrong by {:.3f}", one.label(regime), error));
  return gemm;
}

Cells launch_cells(const KernelRecord& record, const Shape& shape) {
  Cells cells = gemm_cells(record, shape.m, shape.n);
  cells.emplace_back("kernel", record.name);
  return cells;
}

void measure_cold(Bench& bench, TableSink& rows) {
  const std::vector<Case> cases = cases_of(cold_shapes(), rows, "cupti", "cold");
  std::vector<CublasGemm> gemms;
  std::vector<ColdRun> runs;
  for (const Case& one : cases) {
    gemms.push_back(checked_gemm(bench, one, "cold"));
    runs.push_back({one.label("cold"), gemms.back().launch()});
  }
  const std::vector<ColdTimes> times = run_cold(bench, runs);
  const Hertz top = top_clock(times);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    std::string fault = cold_fault(times[i], top);
    if (summarise(times[i].seconds).median > longest_cold) fault = "longer than a millisecond";
    if (!fault.empty()) {
      bench.progress(fmt::format("{}: no row, {}", runs[i].label, fault));
      continue;
    }
    Cells cells = cases[i].inputs("cupti", "cold");
    append(cells, launch_cells(main_kernel(times[i]), cases[i].shape));
    append(cells, cold_cells(times[i]));
    rows.add(cells);
  }
}

// Half a second of warm-up and two windows of a second, which must agree: the power controller swings.
void measure_steady(Bench& bench, TableSink& rows) {
  for (const Case& one : cases_of(steady_shapes, rows, "events", "sustained")) {
    const CublasGemm gemm = checked_gemm(bench, one, "sustained");
    const Launch launch = gemm.launch();
    const Bench::Steady first = bench.run_steady(launch, Seconds(0.5), Seconds(1));
    const Bench::Steady second = bench.run_steady(launch, Seconds(0), Seconds(1));
    const double mean = 0.5 * (first.time + second.time).si();
    const double spread = std::abs((first.time - second.time).si()) / mean;
    if (spread > steady_tolerance) {
      bench.progress(fmt::format("{}: no row, windows differ by {:.1f} %", one.label("sustained"), 100 * spread));
      continue;
    }
    Cells cells = one.inputs("events", "sustained");
    append(cells, launch_cells(longest_of(KernelTrace(bench.stream()).trace(launch)), one.shape));
    cells.insert(cells.end(), {{"sm_mhz", decimal(0.5e-6 * (first.card.sm_clock + second.card.sm_clock).si(), 1)},
                               {"power_w", decimal(0.5 * (first.card.power + second.card.power).si(), 1)},
                               {"temp_c", decimal(second.card.temperature, 0)},
                               {"samples", fmt::format("{}", first.samples + second.samples)},
                               {"spread", decimal(spread, 4)},
                               {"measured_us", decimal(mean * 1e6, 3)}});
    rows.add(cells);
  }
}

}  // namespace

void measure_gemm(Bench& bench, TableSink& rows) {
  measure_cold(bench, rows);
  measure_steady(bench, rows);
}

}  // namespace perfmodel
