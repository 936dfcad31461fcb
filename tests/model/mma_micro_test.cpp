// One tcgen05 instruction after the other on a B200 (mma_micro.csv): the longer of the tensor cores' time and the
// operands' way out of shared memory; and how long until its end is seen.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

#include "support/table.hpp"
#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

PipelineFile instruction(double m, double n, double k, bool pair, bool first_in_tmem) {
  return PipelineFile::from_text(
      fmt::format(
          "name: mma\noperator: gemm\ntensor: tcgen05\ncluster: {}\ncta_tile: {{m: 64, n: 64, k: 16}}\n"
          "roles: {{mma: {{warps: 1, registers: 64}}}}\n"
          "segments: [{{name: loop, count: k_iterations, ops: [{{name: mma, role: mma, async: tensor, is: gemm, "
          "a: {}, does: {{{}: [{}, {}, {}]}}}}]}}]\n",
          pair ? 2 : 1, first_in_tmem ? "tmem" : "smem", pair ? "mma_pair" : "mma", m, n, k),
      "mma.yaml");
}

// Of the table's rows of bf16 and fp8 instructions on a B200, by what `of` makes of an instruction's code.
template <class Of>
void check_within_3_percent(std::string_view column, Of of) {
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/b200/mma_micro.csv");
  Diagnostics faults;
  double sum = 0;
  int n = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto text = [&](std::string_view name) { return table.cell(row, *table.column(name)); };
    const auto number = [&](std::string_view name) { return *table.number(row, *table.column(name), faults); };
    const bool narrow = text("dtype") == "E4M3";
    if (text("gpu") != "B200" || (!narrow && text("dtype") != "BF16")) continue;
    const bool pair = number("cta_group") == 2;
    const PipelineFile file = instruction(number("m"), number("n"), number("k"), pair, text("ab") == "TS");
    Pipeline pipeline = file.pipeline();
    pipeline.dtype = narrow ? Dtype::fp8 : Dtype::bf16;
    const Machine& machine = test::b200();
    const SmCode code = price(machine, operating_point(machine, machine.clock.datasheet.value), pipeline);
    sum += std::abs(of(code) / number(column) - 1);
    ++n;
  }
  CHECK(n == 96);
  CHECK(sum / n < 0.03);
}

TEST_CASE("throughput of tcgen05 instructions, bf16 and fp8, within 3 % on average") {
  check_within_3_percent("cycles_per_mma", [](const SmCode& code) { return resource_bound(code, 0, 1); });
}

TEST_CASE("latency of a lone tcgen05 instruction, bf16 and fp8, within 3 % on average") {
  check_within_3_percent("latency_cycles_single",
                         [](const SmCode& code) { return test::tensor_work(code, "loop") + code.ops[0].give_lag; });
}

}  // namespace
}  // namespace perfmodel
