// One CTA's GEMM main loop on a B200 (gemm_single_cta_mainloop.csv): TMA latency over ring depth, rows, operand bytes.
// The table does not say its clock. Loops held by their products do: an instruction takes half its columns in clocks
// (mma_micro.csv), and rows of 64 and of 128, bf16 and fp8 give 1.26 to 1.29 GHz. What TMA spends on a row was read off
// the table's bf16 rows; its fp8 half is blind.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "support/table.hpp"
#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

// By the instructions of 32 B of k that a loop of wide tiles goes through.
double clock_of(const Table& table) {
  Diagnostics faults;
  std::vector<double> clocks;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto number = [&](std::string_view name) { return *table.number(row, *table.column(name), faults); };
    const bool narrow = table.cell(row, *table.column("dtype")).starts_with("FP8");
    if (number("tile_n") < 256 || number("tile_k") * (narrow ? 1 : 2) != 128 || number("stages") != 0) continue;
    const double instructions = number("k") * (narrow ? 1 : 2) / 32;
    clocks.push_back(instructions * number("tile_n") / 2 / (number("us") * 1e-6));
  }
  REQUIRE(clocks.size() == 4);
  std::ranges::sort(clocks);
  CHECK(clocks.back() < 1.03 * clocks.front());
  return clocks[clocks.size() / 2];
}

TEST_CASE("single-CTA main loops within 8 % on average") {
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/b200/gemm_single_cta_mainloop.csv");
  const PipelineFile file = PipelineFile::load("gemm_tcgen05");
  const Machine& machine = test::b200();
  const Hertz clock(clock_of(table));
  OperatingPoint point = operating_point(machine, clock);
  // A CTA alone on the chip takes what the port of its SM gives.
  point.l2_bandwidth = machine.l2.port.value * point.sm_clock;
  Simulator simulator;
  Diagnostics faults;
  std::array<double, 2> sum{};
  std::array<int, 2> count{};
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
    // Repeated runs find their operands in the L2 near the SM as long as its partition holds them all.
    const Bytes near = (1.0 / static_cast<double>(machine.l2.partitions.value)) * machine.l2.capacity.value;
    for (PipelineSegment& segment : pipeline.segments) {
      for (PipelineOp& op : segment.ops) op.from_dram = Bytes((m + n) * number("k") * bytes) > near;
    }
    const SmCode code = price(machine, point, pipeline);
    const SmResident resident{&code, 1};
    const double predicted = simulator.run({&resident, 1}).time / clock.si() * 1e6;
    sum[narrow] += std::abs(predicted / number("us") - 1);
    ++count[narrow];
  }
  CHECK(count[0] + count[1] == 702);
  CHECK((sum[0] + sum[1]) / 702 < 0.08);
  CHECK(sum[1] / count[1] < 0.08);
}

}  // namespace
}  // namespace perfmodel
