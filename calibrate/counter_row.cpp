#include "calibrate/counter_row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace perfmodel {
namespace {

constexpr double wavefront_bytes = 128;  // what one pass through the data stage of shared memory can carry
constexpr double sector_bytes = 32;

}  // namespace

const std::vector<MetricWish>& counter_wishes() {
  // Names as GH100 has them, then those of other chips.
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

Cells main_kernel_cells(std::span<const KernelRecord> records) {
  const KernelRecord& main = longest_of(records);
  return {{"kernel", main.name},
          {"kernels", fmt::format("{}", records.size())},
          {"main_ctas", fmt::format("{}", main.ctas())},
          {"main_threads", fmt::format("{}", main.threads())},
          {"main_registers", fmt::format("{}", main.registers)},
          {"main_smem", fmt::format("{:.0f}", main.smem().si())},
          {"main_cluster", fmt::format("{}", main.cluster)}};
}

Cells counter_cells(std::span<const MetricChoice> choices, const CounterRecord& counted) {
  std::map<std::string, double> figures;
  for (const MetricChoice& choice : choices) {
    if (const auto value = counted.value(choice.metric)) figures[choice.name] = *value;
  }
  // Shared memory carries what the SM's warps and tensor cores touch, and what the copy engine brings in.
  figures["smem_bytes"] = wavefront_bytes * figures["smem_wavefronts"] + figures["tma_bytes"];
  figures["l2_bytes"] = sector_bytes * figures["l2_sectors"];
  Cells cells;
  for (const auto& [name, value] : figures) {
    if (!std::isfinite(value)) continue;
    cells.emplace_back(name, name.ends_with("_pct") ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value));
  }
  return cells;
}

}  // namespace perfmodel
