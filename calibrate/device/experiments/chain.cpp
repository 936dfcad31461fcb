// What hiding the random numbers buys a training step: the GEMM before an attention, the numbers, and the attention,
// by every way of making the mask.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/experiments/gates.hpp"
#include "calibrate/device/experiments/side_by_side.hpp"
#include "calibrate/device/kernels/attention.hpp"
#include "calibrate/device/kernels/gemm.hpp"
#include "calibrate/device/kernels/library.hpp"

namespace perfmodel {
namespace {

constexpr int sequence = 4096;
constexpr int heads = 32;
constexpr int hidden = 4096;
constexpr int repetitions = 5;
constexpr Seconds gate{2e-3};

std::string text(std::int64_t value) { return fmt::format("{}", value); }
std::string microseconds(double seconds) { return fmt::format("{:.2f}", seconds * 1e6); }

// Everything that the forms of one step share.
struct Step {
  std::string dtype;
  bool causal = true;
  int rounds = 7;
  std::shared_ptr<HopperGemmJob> gemm;      // our own, with room for the mask kernel's CTAs
  std::shared_ptr<HopperGemmJob> carrying;  // the same with warps that make the mask; may be null
  std::shared_ptr<CublasGemm> library;
  std::shared_ptr<OwnAttentionJob> plain;
  std::shared_ptr<OwnAttentionJob> fused;
  std::shared_ptr<OwnAttentionJob> reading;
  std::shared_ptr<DeviceBuffer<std::uint32_t>> mask;
  std::shared_ptr<SideBySide> pair;
  RngMask rng;
};

// A way to run the step, with what tells it from others.
struct Form {
  std::string name;
  Cells cells;
  Launch launch;
};

Launch in_turn(std::vector<Launch> parts) {
  return [parts = std::move(parts)](cudaStream_t stream) {
    for (const Launch& part : parts) part(stream);
  };
}

RngMask grid_of(RngMask rng, int ctas, int threads, Carveout carveout) {
  rng.ctas = ctas;
  rng.threads = threads;
  rng.carveout = carveout;
  return rng;
}

Cells grid_cells(const RngMask& rng) {
  return {{"rng_ctas", text(rng.ctas)},
          {"rng_threads", text(rng.threads)},
          {"rng_carveout", rng.carveout == Carveout::standard ? "default" : "max"}};
}

// The mask made beside the GEMM: by the order of launch alone, and with its CTAs resident first.
void add_hidden(std::vector<Form>& forms, const Step& step, const Launch& gemm, const std::string& whose, int sms) {
  const Launch attention = step.reading->launch(step.mask->data());
  for (const int ctas : {sms, 2 * sms}) {
    const RngMask rng = grid_of(step.rng, ctas, 128, Carveout::maximum_shared);
    for (const Order order : {Order::as_launched, Order::rng_first}) {
      Cells cells = grid_cells(rng);
      cells.emplace_back("order", order == Order::rng_first ? "rng_resident_first" : "as_launched");
      forms.push_back({"hidden under " + whose, std::move(cells),
                       in_turn({step.pair->launch(rng, step.mask->data(), gemm, order, Seconds(0)), attention})});
    }
  }
}

std::vector<Form> forms_of(const Step& step, int sms) {
  const Launch gemm = step.gemm->launch();
  const Launch library = step.library->launch();
  const Launch reading = step.reading->launch(step.mask->data());
  const RngMask full = grid_of(step.rng, 8 * sms, 256, Carveout::standard);
  const Launch rng = rng_mask_launch(full, step.mask->data());
  std::vector<Form> forms;
  forms.push_back({"no dropout", {}, in_turn({gemm, step.plain->launch()})});
  forms.push_back({"no dropout, cublas", {}, in_turn({library, step.plain->launch()})});
  forms.push_back({"fused", {}, in_turn({gemm, step.fused->launch()})});
  forms.push_back({"fused, cublas", {}, in_turn({library, step.fused->launch()})});
  forms.push_back({"in sequence", grid_cells(full), in_turn({gemm, rng, reading})});
  forms.push_back({"in sequence, cublas", grid_cells(full), in_turn({library, rng, reading})});
  add_hidden(forms, step, gemm, "own GEMM", sms);
  add_hidden(forms, step, library, "cublas", sms);
  if (step.carrying) {
    const Launch attention = step.reading->launch(step.carrying->mask());
    forms.push_back({"inside own GEMM", {}, in_turn({step.carrying->launch(), attention})});
  }
  return forms;
}

// The larger tile, then the deeper ring.
bool better(const HopperGemm& a, const HopperGemm& b) {
  return std::pair(a.cta_m * a.cta_n, a.stages) > std::pair(b.cta_m * b.cta_n, b.stages);
}

// The configuration that leaves room for a mask CTA of 128 threads and wastes least, among those whose registers leave
// a quarter of an SM.
HopperGemm roomy(GemmType type, int rng_warps, int rounds) {
  const HopperGemm* best = nullptr;
  const std::vector<HopperGemm> all = compiled_gemms();
  for (const HopperGemm& gemm : all) {
    if (gemm.type != type || gemm.rng_warps != rng_warps || gemm.cluster > 1) continue;
    if (rng_warps > 0 && gemm.mask.rounds != rounds) continue;
    HopperGemm sized = gemm;
    sized.m = sized.n = sized.k = 4096;
    if (rng_warps > 0) sized.mask.elements = 1 << 20;
    const KernelResources needs = HopperGemmJob(sized).resources();
    const bool room = rng_warps > 0 || needs.threads * needs.registers <= 48 * 1024;
    if (room && (best == nullptr || better(gemm, *best))) best = &gemm;
  }
  if (best == nullptr) throw DeviceError("no compiled GEMM leaves room for the mask kernel");
  return *best;
}

std::shared_ptr<HopperGemmJob> projection(HopperGemm gemm, const RngMask& rng) {
  gemm.m = sequence;
  gemm.n = 3 * hidden;
  gemm.k = hidden;
  gemm.ctas = 0;
  if (gemm.rng_warps > 0) gemm.mask = rng;
  return std::make_shared<HopperGemmJob>(gemm);
}

Step make_step(Bench& bench, GemmType type, bool causal, int rounds) {
  Step step;
  step.dtype = type == GemmType::bf16 ? "bf16" : "fp8";
  step.causal = causal;
  step.rounds = rounds;
  step.rng.elements = std::int64_t{heads} * sequence * sequence;
  step.rng.rounds = rounds;
  step.rng.bits = 8;
  step.rng.causal_row = causal ? sequence : 0;
  step.gemm = projection(roomy(type, 0, rounds), step.rng);
  try {
    step.carrying = projection(roomy(type, 4, rounds), step.rng);
  } catch (const DeviceError&) {
    // Not every mask is compiled into a GEMM.
  }
  step.library = std::make_shared<CublasGemm>(sequence, 3 * hidden, hidden, type);
  OwnAttention attention;
  attention.heads = heads;
  attention.sequence = sequence;
  attention.causal = causal;
  attention.rounds = rounds;
  step.plain = std::make_shared<OwnAttentionJob>(attention);
  attention.dropout = AttentionDropout::fused;
  step.fused = std::make_shared<OwnAttentionJob>(attention);
  attention.dropout = AttentionDropout::mask;
  step.reading = std::make_shared<OwnAttentionJob>(attention);
  step.mask = std::make_shared<DeviceBuffer<std::uint32_t>>(static_cast<std::size_t>(step.rng.elements / 32));
  step.mask->fill(0);
  rng_mask_launch(step.rng, step.mask->data())(bench.stream().get());
  bench.stream().wait();
  step.pair = std::make_shared<SideBySide>();
  return step;
}

bool is(const KernelRecord& record, const char* part) { return record.name.find(part) != std::string::npos; }

// One run cold: from the first start to the last end, and each part.
struct Run {
  double whole = 0;
  double attention = 0;
  double rng = 0;
  double gemm = 0;
};

// Behind a gate, so that what the host takes to launch the parts does not show between them.
Run run_cold(Bench& bench, KernelTrace& trace, const Launch& launch) {
  bench.pause(Seconds(5e-3));
  bench.flush_l2();
  bench.stream().wait();
  std::vector<KernelRecord> records = trace.trace([&](cudaStream_t stream) {
    hold_stream(stream, gate);
    launch(stream);
  });
  std::erase_if(records, [](const KernelRecord& r) {
    return r.kind != RecordKind::kernel || is(r, "hold_kernel") || is(r, "await_kernel");
  });
  Run run;
  for (const KernelRecord& record : records) {
    double& part = is(record, "rng_mask") ? run.rng : is(record, "attention") ? run.attention : run.gemm;
    part += record.duration().si();
  }
  run.whole = span_of(records).si();
  return run;
}

void add_cold(Bench& bench, Cells& cells, const Launch& launch) {
  std::vector<double> whole;
  std::vector<Run> runs;
  KernelTrace trace(bench.stream());
  run_cold(bench, trace, launch);
  for (int i = 0; i < repetitions; ++i) {
    runs.push_back(run_cold(bench, trace, launch));
    whole.push_back(runs.back().whole);
  }
  const Summary summary = summarise(whole);
  std::ranges::sort(runs, {}, &Run::whole);
  const Run& middle = runs[runs.size() / 2];
  cells.insert(cells.end(), {{"cold_us", microseconds(summary.median)},
                             {"cold_spread", fmt::format("{:.4f}", summary.spread)},
                             {"gemm_us", microseconds(middle.gemm)},
                             {"rng_us", microseconds(middle.rng)},
                             {"attention_us", microseconds(middle.attention)}});
}

void measure_form(Bench& bench, TableSink& rows, const Step& step, const Form& form) {
  Cells cells{
      {"form", form.name}, {"dtype", step.dtype}, {"causal", step.causal ? "1" : "0"}, {"rounds", text(step.rounds)}};
  cells.insert(cells.end(), form.cells.begin(), form.cells.end());
  if (rows.has(cells)) return;
  bench.progress(fmt::format("{}, {}, {} rounds", form.name, step.dtype, step.rounds));
  add_cold(bench, cells, form.launch);
  const Bench::Steady steady = bench.run_steady(form.launch, Seconds(0.25));
  cells.insert(cells.end(), {{"steady_us", microseconds(steady.time.si())},
                             {"steady_mhz", fmt::format("{:.0f}", steady.card.sm_clock.si() * 1e-6)},
                             {"steady_w", fmt::format("{:.0f}", steady.card.power.si())}});
  rows.add(cells);
}

void check(Bench& bench, const Step& step) {
  const auto held = [](const char* what, double error) {
    if (error < 1e-2) return;
    throw DeviceError(fmt::format("{}: relative error {:.2g} against the double-precision reference", what, error));
  };
  check_rng_mask(step.rng, bench.stream());
  held("attention without dropout", step.plain->check(bench.stream()));
  held("attention with dropout inside", step.fused->check(bench.stream()));
  held("attention reading a mask", step.reading->check(bench.stream()));
  held("the GEMM", step.gemm->check(bench.stream()));
}

}  // namespace

void measure_chain(Bench& bench, TableSink& rows) {
  struct Case {
    GemmType type;
    bool causal;
    int rounds;
  };
  for (const Case& one : {Case{GemmType::bf16, true, 7}, Case{GemmType::fp8, true, 7}, Case{GemmType::bf16, false, 7},
                          Case{GemmType::fp8, true, 3}, Case{GemmType::fp8, true, 10}}) {
    const Step step = make_step(bench, one.type, one.causal, one.rounds);
    check(bench, step);
    for (const Form& form : forms_of(step, bench.sms())) measure_form(bench, rows, step, form);
  }
}

}  // namespace perfmodel
