#include <fmt/format.h>

#include <algorithm>

#include "calibrate/counter_record.hpp"
#include "calibrate/counter_row.hpp"
#include "calibrate/device/cupti/counter_session.hpp"
#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/counted_kernels.hpp"
#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/gemm_cells.hpp"

namespace perfmodel {
namespace {

class CounterTable {
 public:
  CounterTable(Bench& bench, TableSink& rows)
      : bench_(bench),
        rows_(rows),
        choices_(choose_metrics(counter_wishes(), MetricHost(chip_name()).base_metrics())),
        session_(bench.stream(), metrics()) {}

  // Times a kernel. What the clock and the tracer say is taken before any counter is read, for the two exclude each
  // other and turning either on takes long.
  void time(const CountedKernel& kernel) {
    const std::vector<const char*> regimes = kernel.cold ? std::vector{"warm", "cold"} : std::vector{"warm"};
    Launch launch;
    for (const char* regime : regimes) {
      Cells cells = kernel.inputs;
      cells.insert(cells.end(), {{"timer", "cupti"}, {"regime", regime}});
      if (rows_.has(cells)) continue;
      bench_.progress(kernel.label + ", " + regime);
      if (!launch) launch = kernel.make();
      timed_.push_back(timed(kernel.label, std::move(cells), launch, regime == std::string_view("cold")));
    }
  }

  // Counts the kernels that were timed; what cannot be counted is named.
  std::string count() {
    std::string faults;
    for (Timed& kernel : timed_) {
      bench_.progress(kernel.label + ", counters");
      try {
        add_row(kernel);
      } catch (const DeviceError& error) {
        if (cudaDeviceSynchronize() != cudaSuccess) throw;
        faults += (faults.empty() ? "" : "; ") + kernel.label + ": " + error.what();
      }
      kernel.launch = nullptr;
    }
    return faults;
  }

 private:
  [[nodiscard]] std::vector<std::string> metrics() const {
    std::vector<std::string> metrics;
    for (const MetricChoice& choice : choices_) {
      // Two figures may come of one counter.
      if (std::ranges::find(metrics, choice.metric) == metrics.end()) metrics.push_back(choice.metric);
    }
    return metrics;
  }

  struct Timed {
    std::string label;
    Cells cells;
    Launch launch;
    bool cold = false;
    Summary time;
  };

  Timed timed(const std::string& label, Cells cells, const Launch& launch, bool cold) {
    const TimeOptions options{.warmup = 1, .repeats = 5, .flush_l2 = cold, .pause = Seconds(cold ? 0.01 : 0.002)};
    const Summary time = summarise(bench_.time_kernels(launch, options));
    const std::vector<KernelRecord> records = traced(launch);
    append(cells, library_gemm_cells(cells, records));
    append(cells, main_kernel_cells(records));
    cells.emplace_back("sm_mhz", fmt::format("{:.0f}", bench_.card().sm_clock.si() * 1e-6));
    return {label, std::move(cells), launch, cold, time};
  }

  std::vector<KernelRecord> traced(const Launch& launch) {
    KernelTrace trace(bench_.stream());
    std::vector<KernelRecord> records = trace.trace(launch);
    bench_.record("kernels.jsonl", kernel_records_json(records));
    return records;
  }

  void add_row(const Timed& kernel) {
    const auto flush = [&] { bench_.flush_l2(); };
    const CounterRecord counted =
        session_.count(kernel.label, kernel.launch, kernel.cold ? std::function<void()>(flush) : nullptr);
    bench_.record("counters.jsonl", counter_records_json({&counted, 1}));
    Cells cells = kernel.cells;
    append(cells, counter_cells(choices_, counted));
    cells.emplace_back("spread", fmt::format("{:.4f}", kernel.time.spread));
    cells.emplace_back("measured_us", fmt::format("{:.3f}", kernel.time.median * 1e6));
    rows_.add(cells);
  }

  Bench& bench_;
  TableSink& rows_;
  std::vector<MetricChoice> choices_;
  CounterSession session_;
  std::vector<Timed> timed_;
};

}  // namespace

void measure_counters(Bench& bench, TableSink& rows) {
  CounterTable table(bench, rows);
  std::string faults;
  for (const CountedKernel& kernel : counted_kernels(bench)) {
    try {
      table.time(kernel);
    } catch (const DeviceError& error) {
      // A kernel that cannot run here leaves the others their rows.
      if (cudaDeviceSynchronize() != cudaSuccess) throw;
      faults += (faults.empty() ? "" : "; ") + kernel.label + ": " + error.what();
    }
  }
  const std::string uncounted = table.count();
  if (!faults.empty() && !uncounted.empty()) faults += "; ";
  faults += uncounted;
  if (!faults.empty()) throw DeviceError(faults);
}

}  // namespace perfmodel
