#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "calibrate/counter_record.hpp"
#include "calibrate/device/cupti/counter_session.hpp"
#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/counted_kernels.hpp"
#include "calibrate/device/experiments/experiments.hpp"

namespace perfmodel {
namespace {

constexpr double wavefront_bytes = 128;  // what one pass through the data stage of shared memory can carry
constexpr double sector_bytes = 32;

// Shares are of the peak over the kernel's time, elapsed cycles. Names as GH100 has them, then those of other chips.
const std::vector<MetricWish>& wishes() {
  static const std::vector<MetricWish> all{
      {"cycles", {"sm__cycles_elapsed.max"}},
      {"active_cycles", {"sm__cycles_active.avg"}},
      {"counted_ns", {"gpu__time_duration.sum"}},
      {"tensor_pct",
       {"sm__pipe_tensor_op_hmma_cycles_active.avg.pct_of_peak_sustained_elapsed",
        "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed"}},
      {"tensor_any_pct", {"sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_elapsed"}},
      {"xu_pct", {"sm__inst_executed_pipe_xu.avg.pct_of_peak_sustained_elapsed"}},
      {"alu_pct", {"sm__inst_executed_pipe_alu.avg.pct_of_peak_sustained_elapsed"}},
      {"fma_pct", {"sm__inst_executed_pipe_fma.avg.pct_of_peak_sustained_elapsed"}},
      {"fma_heavy_pct", {"sm__inst_executed_pipe_fmaheavy.avg.pct_of_peak_sustained_elapsed"}},
      {"lsu_pct", {"sm__inst_executed_pipe_lsu.avg.pct_of_peak_sustained_elapsed"}},
      {"uniform_pct", {"sm__inst_executed_pipe_uniform.avg.pct_of_peak_sustained_elapsed"}},
      {"issue_pct",
       {"sm__inst_issued.avg.pct_of_peak_sustained_elapsed", "sm__issue_active.avg.pct_of_peak_sustained_elapsed"}},
      {"instructions", {"sm__inst_executed.sum"}},
      {"alu_instructions", {"sm__inst_executed_pipe_alu.sum"}},
      {"fma_instructions", {"sm__inst_executed_pipe_fma.sum"}},
      {"fma_heavy_instructions", {"sm__inst_executed_pipe_fmaheavy.sum"}},
      {"xu_instructions", {"sm__inst_executed_pipe_xu.sum"}},
      {"tensor_instructions", {"sm__inst_executed_pipe_tensor_op_gmma.sum", "sm__inst_executed_pipe_tensor.sum"}},
      {"smem_wavefronts", {"l1tex__data_pipe_lsu_wavefronts_mem_shared.sum"}},
      {"smem_tensor_wavefronts", {"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_gmma.sum"}},
      {"smem_conflicts", {"l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum"}},
      {"tma_bytes", {"l1tex__m_xbar2l1tex_read_bytes_mem_global_op_tma_ld.sum"}},
      {"l1_fill_bytes", {"l1tex__m_xbar2l1tex_read_bytes.sum"}},
      {"l1_write_bytes", {"l1tex__m_l1tex2xbar_write_bytes.sum"}},
      {"l2_sectors", {"lts__t_sectors_srcunit_tex.sum"}},
      {"l2_all_bytes", {"lts__t_bytes.sum"}},
      {"dram_read_bytes", {"dram__bytes_read.sum"}},
      {"dram_write_bytes", {"dram__bytes_write.sum"}},
  };
  return all;
}

class CounterTable {
 public:
  CounterTable(Bench& bench, TableSink& rows)
      : bench_(bench),
        rows_(rows),
        choices_(choose_metrics(wishes(), MetricHost(chip_name()).base_metrics())),
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
    add_main_kernel(cells, launch);
    cells.emplace_back("sm_mhz", fmt::format("{:.0f}", bench_.card().sm_clock.si() * 1e-6));
    return {label, std::move(cells), launch, cold, time};
  }

  void add_row(const Timed& kernel) {
    const auto flush = [&] { bench_.flush_l2(); };
    const CounterRecord counted =
        session_.count(kernel.label, kernel.launch, kernel.cold ? std::function<void()>(flush) : nullptr);
    bench_.record("counters.jsonl", counter_records_json({&counted, 1}));
    Cells cells = kernel.cells;
    add_counters(cells, counted);
    cells.emplace_back("spread", fmt::format("{:.4f}", kernel.time.spread));
    cells.emplace_back("measured_us", fmt::format("{:.3f}", kernel.time.median * 1e6));
    rows_.add(cells);
  }

  // The kernel that takes longest: its name and shape.
  void add_main_kernel(Cells& cells, const Launch& launch) {
    KernelTrace trace(bench_.stream());
    const std::vector<KernelRecord> records = trace.trace(launch);
    bench_.record("kernels.jsonl", kernel_records_json(records));
    const auto main = std::ranges::max_element(records, {}, &KernelRecord::duration);
    const auto product = [](const std::array<int, 3>& size) { return fmt::format("{}", size[0] * size[1] * size[2]); };
    const std::string threads = product(main->block);
    cells.insert(cells.end(), {{"kernel", main->name},
                               {"kernels", fmt::format("{}", records.size())},
                               {"main_ctas", product(main->grid)},
                               {"main_threads", threads},
                               {"main_registers", fmt::format("{}", main->registers)},
                               {"main_smem", fmt::format("{:.0f}", (main->static_smem + main->dynamic_smem).si())},
                               {"main_cluster", fmt::format("{}", main->cluster)}});
  }

  void add_counters(Cells& cells, const CounterRecord& counted) const {
    std::map<std::string, double> figures;
    for (const MetricChoice& choice : choices_) {
      if (const auto value = counted.value(choice.metric)) figures[choice.name] = *value;
    }
    // Shared memory carries what the SM's warps and tensor cores touch, and what the copy engine brings in.
    figures["smem_bytes"] = wavefront_bytes * figures["smem_wavefronts"] + figures["tma_bytes"];
    figures["l2_bytes"] = sector_bytes * figures["l2_sectors"];
    for (const auto& [name, value] : figures) {
      if (!std::isfinite(value)) continue;
      cells.emplace_back(name, name.ends_with("_pct") ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value));
    }
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
