#include "calibrate/gemm_cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "calibrate/cublas_kernel.hpp"
#include "support/parse.hpp"

namespace perfmodel {

Cells gemm_cells(const KernelRecord& record, std::int64_t m, std::int64_t n) {
  Cells cells;
  if (const auto kernel = parse_cublas_kernel(record.name)) {
    cells = {{"cta_m", fmt::format("{}", kernel->cta_m)},
             {"cta_n", fmt::format("{}", kernel->cta_n)},
             {"cta_k", fmt::format("{}", kernel->cta_k)},
             {"stages", fmt::format("{}", kernel->stages)},
             {"cluster", fmt::format("{}", kernel->cluster_m * kernel->cluster_n)},
             {"split_k", fmt::format("{}", split_k_factor(*kernel, m, n, record.ctas()))}};
  }
  append(cells, {{"ctas", fmt::format("{}", record.ctas())},
                 {"threads", fmt::format("{}", record.threads())},
                 {"registers", fmt::format("{}", record.registers)},
                 {"smem", fmt::format("{:.0f}", record.smem().si())}});
  return cells;
}

namespace {

std::string_view cell(const Cells& cells, std::string_view name) {
  const auto found = std::ranges::find(cells, name, &Cells::value_type::first);
  return found == cells.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

Cells library_gemm_cells(const Cells& inputs, std::span<const KernelRecord> records) {
  if (cell(inputs, "op") != "gemm" || !cell(inputs, "cta_m").empty()) return {};
  const auto size = [&](std::string_view name) { return parse_integer(cell(inputs, name)).value; };
  return gemm_cells(longest_of(records), size("m"), size("n"));
}

}  // namespace perfmodel
