// One CTA's GEMM main loop on a B200 (gemm_single_cta_mainloop.csv): TMA latency over ring depth, rows, operand bytes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/table.hpp"
#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

TEST_CASE("single-CTA main loops within 8 % on average") {
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/b200/gemm_single_cta_mainloop.csv");
  const PipelineFile file = PipelineFile::load("gemm_tcgen05");
  const Machine& machine = test::b200();
  OperatingPoint point = operating_point(machine, machine.clock.maximum.value);
  // A CTA alone on the chip takes what the port of its SM gives.
  point.l2_bandwidth = machine.l2.port.value * point.sm_clock;
  Simulator simulator;
  Diagnostics faults;
  double sum = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto number = [&](std::string_view name) { return *table.number(row, *table.column(name), faults); };
    const bool narrow = table.cell(row, *table.column("dtype")).starts_with("FP8");
    const double bytes = narrow ? 1 : 2;
    const double m = number("tile_m"), n = number("tile_n"), k = number("tile_k");
    // 0 is CUTLASS's own choice: what shared memory holds beside the epilogue.
    const double fitting = std::floor((227.0 - 32.0) * 1024 / ((m + n) * k * bytes));
    const double stages = std::min(12.0, number("stages") > 0 ? number("stages") : fitting);
    const std::vector<SequenceParameter> given{{"cta_m", m},
                                               {"cta_n", n},
                                               {"cta_k", k},
                                               {"stages", stages},
                                               {"accumulators", 1},
                                               {"k_iterations", number("k") / k},
                                               {"element_bytes", bytes},
                                               {"pieces", 1}};
    Pipeline pipeline = file.pipeline(given);
    pipeline.dtype = narrow ? Dtype::fp8 : Dtype::bf16;
    const SmCode code = price(machine, point, pipeline);
    const SmResident resident{&code, 1};
    const double predicted = simulator.run({&resident, 1}).time / machine.clock.maximum.value.si() * 1e6;
    sum += std::abs(predicted / number("us") - 1);
  }
  CHECK(table.rows() == 702);
  CHECK(sum / static_cast<double>(table.rows()) < 0.08);
}

}  // namespace
}  // namespace perfmodel
