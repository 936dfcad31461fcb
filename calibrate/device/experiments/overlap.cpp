// The mask kernel on a second stream beside a GEMM: what the pair takes, against each alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/experiments/side_by_side.hpp"
#include "calibrate/device/kernels/library.hpp"

namespace perfmodel {
namespace {

constexpr Seconds gate{0.6e-3};
constexpr int repetitions = 4;
constexpr double agreement = 0.08;  // of the largest and the smallest of the four

std::string text(std::int64_t value) { return fmt::format("{}", value); }
std::string microseconds(Seconds time) { return fmt::format("{:.3f}", time.si() * 1e6); }

// A GEMM to run beside the mask kernel, and its columns.
struct Subject {
  std::string label;
  Cells cells;
  Launch launch;
};

Subject own_subject(HopperGemm gemm, std::int64_t m, std::int64_t n, std::int64_t k) {
  gemm.m = m;
  gemm.n = n;
  gemm.k = k;
  auto job = std::make_shared<HopperGemmJob>(gemm);
  const KernelResources resources = job->resources();
  Subject subject;
  subject.label = fmt::format("own {}x{} {} stages", gemm.cta_m, gemm.cta_n, gemm.stages);
  subject.cells = {{"op", "overlap"},
                   {"m", text(m)},
                   {"n", text(n)},
                   {"k", text(k)},
                   {"dtype", gemm.type == GemmType::bf16 ? "bf16" : "fp8"},
                   {"out_dtype", "bf16"},
                   {"impl", "cublas"},
                   {"code", "own"},
                   {"cta_m", text(gemm.cta_m)},
                   {"cta_n", text(gemm.cta_n)},
                   {"cta_k", text(gemm.cta_k)},
                   {"stages", text(gemm.stages)},
                   {"cluster", "1"},
                   {"split_k", "1"},
                   {"threads", text(resources.threads)},
                   {"registers", text(resources.registers)},
                   {"smem", fmt::format("{:.0f}", (resources.static_smem + resources.dynamic_smem).si())}};
  subject.launch = [job, launch = job->launch()](cudaStream_t stream) { launch(stream); };
  return subject;
}

Subject library_subject(std::int64_t m, std::int64_t n, std::int64_t k, GemmType type) {
  auto job = std::make_shared<CublasGemm>(m, n, k, type);
  Subject subject;
  subject.label = "cublas";
  subject.cells = {{"op", "overlap"},
                   {"m", text(m)},
                   {"n", text(n)},
                   {"k", text(k)},
                   {"dtype", type == GemmType::bf16 ? "bf16" : "fp8"},
                   {"out_dtype", "bf16"},
                   {"impl", "cublas"},
                   {"code", ""}};
  subject.launch = [job, launch = job->launch()](cudaStream_t stream) { launch(stream); };
  return subject;
}

struct Grid {
  int ctas;
  int threads;
};

class OverlapTable {
 public:
  OverlapTable(Bench& bench, TableSink& rows) : bench_(bench), rows_(rows) {}

  void measure(const Subject& subject, RngMask rng, Order order) {
    Cells cells = subject.cells;
    cells.insert(cells.end(), {{"rng_elements", text(rng.elements)},
                               {"rng_rounds", text(rng.rounds)},
                               {"rng_bits", text(rng.bits)},
                               {"rng_ctas", text(rng.ctas)},
                               {"rng_threads", text(rng.threads)},
                               {"rng_registers", text(rng_mask_resources(rng).registers)},
                               {"rng_carveout", rng.carveout == Carveout::standard ? "default" : "max"},
                               {"order", order == Order::rng_first ? "rng_first" : "gemm_first"},
                               {"timer", "cupti"},
                               {"regime", "cold"}});
    if (rows_.has(cells)) return;
    bench_.progress(fmt::format("{}, {} CTAs of {}", subject.label, rng.ctas, rng.threads));
    mask_ = DeviceBuffer<std::uint32_t>(static_cast<std::size_t>(rng.elements / 32));
    const Launch both = pair_.launch(rng, mask_.data(), subject.launch, order, gate);
    std::vector<Run> runs;
    KernelTrace trace(bench_.stream());
    for (int i = 0; i < repetitions; ++i) runs.push_back(run(trace, both));
    std::ranges::sort(runs, {}, [](const Run& run) { return run.span; });
    const double spread = (runs.back().span - runs.front().span) / runs.front().span;
    if (spread > agreement) return;
    const Run& middle = runs[runs.size() / 2];
    add_alone(cells, subject, rng);
    cells.insert(cells.end(), {{"gemm_in_overlap_us", microseconds(middle.gemm)},
                               {"rng_in_overlap_us", microseconds(middle.rng)},
                               {"gemm_start_us", microseconds(middle.gemm_start)},
                               {"spread", fmt::format("{:.4f}", spread)},
                               {"measured_us", microseconds(middle.span)}});
    rows_.add(cells);
  }

 private:
  struct Run {
    Seconds span;
    Seconds gemm;
    Seconds rng;
    Seconds gemm_start;  // after the mask kernel's
  };

  Run run(KernelTrace& trace, const Launch& both) {
    bench_.pause(Seconds(5e-3));
    bench_.flush_l2();
    bench_.stream().wait();
    std::vector<KernelRecord> rng;
    std::vector<KernelRecord> gemm;
    for (KernelRecord& record : trace.trace(both)) {
      const bool gates =
          record.name.find("hold_kernel") != std::string::npos || record.name.find("await_kernel") != std::string::npos;
      if (gates || record.kind != RecordKind::kernel) continue;
      (record.name.find("rng_mask") != std::string::npos ? rng : gemm).push_back(std::move(record));
    }
    if (rng.empty() || gemm.empty()) throw DeviceError("the trace of an overlap lacks one of its two kernels");
    std::vector<KernelRecord> all = rng;
    all.insert(all.end(), gemm.begin(), gemm.end());
    return {span_of(all), span_of(gemm), span_of(rng), gemm.front().start - rng.front().start};
  }

  void add_alone(Cells& cells, const Subject& subject, RngMask rng) {
    const TimeOptions cold{.warmup = 1, .repeats = 4, .flush_l2 = true, .pause = Seconds(5e-3)};
    const auto median = [&](const Launch& launch) {
      return microseconds(Seconds(summarise(bench_.time_kernels(launch, cold)).median));
    };
    cells.emplace_back("gemm_us", median(subject.launch));
    cells.emplace_back("rng_us", median(rng_mask_launch(rng, mask_.data())));
    rng.ctas = 8 * bench_.sms();
    rng.threads = 256;
    cells.emplace_back("rng_full_grid_us", median(rng_mask_launch(rng, mask_.data())));
  }

  Bench& bench_;
  TableSink& rows_;
  SideBySide pair_;
  DeviceBuffer<std::uint32_t> mask_;
};

// A depth a tile: what the others add to an overlap is only their shared memory.
bool representative(const HopperGemm& gemm) { return gemm.stages == (gemm.cta_n == 128 && gemm.cta_m == 128 ? 6 : 4); }

void measure_grids(OverlapTable& table, const Subject& subject, const RngMask& rng, int sms) {
  // One CTA an SM first: the grid that leaves a GEMM most of its registers.
  for (const Grid grid : {Grid{sms, 128}, Grid{2 * sms, 128}, Grid{sms, 256}, Grid{4 * sms, 256}}) {
    for (const Carveout carveout : {Carveout::maximum_shared, Carveout::standard}) {
      RngMask job = rng;
      job.ctas = grid.ctas;
      job.threads = grid.threads;
      job.carveout = carveout;
      table.measure(subject, job, Order::rng_first);
    }
  }
  RngMask late = rng;
  late.ctas = sms;
  late.threads = 128;
  late.carveout = Carveout::maximum_shared;
  table.measure(subject, late, Order::work_first);
}

}  // namespace

void measure_overlap(Bench& bench, TableSink& rows) {
  OverlapTable table(bench, rows);
  RngMask rng;
  rng.elements = std::int64_t{1} << 27U;
  rng.bits = 8;
  for (const int rounds : {3, 10}) {
    rng.rounds = rounds;
    check_rng_mask(rng, bench.stream());
    for (HopperGemm gemm : compiled_gemms()) {
      if (gemm.rng_warps > 0 || gemm.cluster > 1 || !representative(gemm)) continue;
      measure_grids(table, own_subject(gemm, 4096, 4096, 4096), rng, bench.sms());
    }
    for (const GemmType type : {GemmType::bf16, GemmType::fp8}) {
      measure_grids(table, library_subject(4096, 4096, 4096, type), rng, bench.sms());
    }
  }
}

}  // namespace perfmodel
