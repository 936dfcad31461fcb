// GEMMs and masks by their programs, on the whole chip.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "model/pipeline_kernel.hpp"
#include "model/predict.hpp"
#include "support/table.hpp"
#include "tests/model/machines.hpp"
#include "tests/model/pipelines.hpp"
#include "workloads/kernel_program.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

Operator with_program(Operator op, const std::string& name, std::vector<ProgramSetting> settings = {}) {
  const auto file = std::make_shared<const PipelineFile>(PipelineFile::load(name));
  op.program = std::make_shared<const KernelProgram>(file, std::move(settings));
  return op;
}

Estimate solved(const Operator& op, Fidelity fidelity = Fidelity::simulated, const Machine& machine = test::h100()) {
  PredictOptions options;
  options.fidelity = fidelity;
  options.clock = machine.clock.datasheet.value;
  return predict(machine, test::library(), op, options);
}

TEST_CASE("the main loop of the cooperative GEMM takes its busiest pipe's cycles, as cuBLAS tiles do") {
  // Tensor cores 128 x 256 x 64 / 2048 = 1024 clk, and shared memory 640 clk for what they read and 0.7 of 384 for what
  // copies write, 909 clk; (256 x 128) is the same turned; (128 x 168) 672 and 671; (64 x 64) 128 and 218, but 72 rows
  // of 128 B through a port of 36 B/clk, 256.
  const PipelineFile file = PipelineFile::load("gemm_wgmma_cooperative");
  const auto loop = [&](double m, double n, double stages) {
    // Clusters so large that the port to the L2 does not hold.
    return test::interval(
        test::code_of(test::h100(), file, {{"cta_m", m}, {"cta_n", n}, {"stages", stages}, {"cluster", 8}}), "main");
  };
  CHECK(loop(128, 256, 4) == Approx(1024).epsilon(0.01));
  CHECK(loop(256, 128, 4) == Approx(1024).epsilon(0.01));
  CHECK(loop(128, 168, 5) == Approx(672).epsilon(0.02));
  CHECK(loop(64, 64, 13) == Approx(256).epsilon(0.1));
}

TEST_CASE("by simulation an item of a shipped program takes no less than its bounds") {
  for (const std::string& name : pipeline_names()) {
    CAPTURE(name);
    const PipelineFile file = PipelineFile::load(name);
    const Pipeline pipeline = file.pipeline();
    const Machine& machine = pipeline.tensor == "tcgen05" ? test::b200() : test::h100();
    const auto code = code_of(machine, pipeline);
    const double bound = item_time(*code, pipeline.ctas_per_sm, Fidelity::bound).item;
    const double simulated = item_time(*code, pipeline.ctas_per_sm, Fidelity::simulated).item;
    CHECK(bound > 0);
    CHECK(simulated >= 0.999 * bound);
    CHECK(simulated < 4 * bound);
  }
}

TEST_CASE("by simulation a GEMM takes no less than at the datasheet's peak") {
  const Operator op = with_program(test::gemm(8192, 8192, 8192), "gemm_wgmma_cooperative");
  const Estimate simulated = solved(op);
  CHECK(simulated.kernel.starts_with("gemm_wgmma_cooperative, 128x256x64, 384 threads, 132 CTAs, cluster 2"));
  CHECK(simulated.time > simulated.roofline);
  CHECK(simulated.time < 1.35 * simulated.roofline);
}

TEST_CASE("stream-K spreads a wave that is 3 % full, for the price of the cut tiles") {
  // 17 x 8 tiles of 128 x 256 on 132 SMs.
  const Operator op = test::gemm(17 * 128, 8 * 256, 8192);
  const Estimate tiles = solved(with_program(op, "gemm_wgmma_cooperative", {{"cluster", 1}}));
  const Estimate spread = solved(with_program(op, "gemm_wgmma_stream_k"));
  CHECK(tiles.time > 1.6 * spread.time);
  CHECK(spread.time > (136.0 / 132.0 / 2.0) * tiles.time);
  // Where the tiles come out even, nothing is cut.
  const Operator even = test::gemm(16 * 128, 33 * 256, 4096);
  CHECK(solved(with_program(even, "gemm_wgmma_stream_k")).time.si() ==
        Approx(solved(with_program(even, "gemm_wgmma_cooperative", {{"cluster", 1}})).time.si()).epsilon(0.02));
}

TEST_CASE("slices of k fill the chip and cost a kernel that adds them") {
  const Operator op = test::gemm(128, 1024, 32768);
  const Estimate whole = solved(with_program(op, "gemm_wgmma_cooperative", {{"cluster", 1}}));
  const Estimate cut = solved(with_program(op, "gemm_wgmma_cooperative", {{"cluster", 1}, {"split_k", 16}}));
  CHECK(cut.time < 0.2 * whole.time);
  CHECK(cut.parts.launch > whole.parts.launch);
}

TEST_CASE("multicast along both sides asks the L2 for less") {
  const Operator op = test::gemm(8192, 8192, 8192);
  const Estimate alone = solved(with_program(op, "gemm_wgmma_multicast", {{"cluster_m", 1}, {"cluster_n", 1}}));
  const Estimate four = solved(with_program(op, "gemm_wgmma_multicast", {{"cluster_m", 2}, {"cluster_n", 2}}));
  CHECK(four.time <= 1.005 * alone.time);
}

TEST_CASE("a mask drawn by warps of the GEMM: short ones hide, long ones hold the kernel") {
  Operator op;
  Overlap both;
  both.gemm = std::get<Gemm>(test::gemm(4096, 4096, 4096).work);
  both.rng = {.elements = 1 << 20, .rounds = 7, .bits = 8, .ctas = {}, .threads = {}, .registers = {}};
  op.work = both;
  op.regime = Regime::cold;
  const Estimate brief = solved(with_program(op, "gemm_wgmma_rng", {{"rng_warps", 4}}));
  const Estimate plain = solved(with_program(test::gemm(4096, 4096, 4096), "gemm_wgmma_rng", {{"rng_warps", 4}}));
  CHECK(brief.time < 1.05 * plain.time);
  both.rng.elements = std::int64_t{1} << 30;
  op.work = both;
  const Estimate lengthy = solved(with_program(op, "gemm_wgmma_rng", {{"rng_warps", 4}}));
  CHECK(lengthy.time > 1.5 * plain.time);
  CHECK(lengthy.traffic.l2 > plain.traffic.l2);
}

TEST_CASE("a mask by its program, against the closed form whose count it shares") {
  const Operator op = test::rng(std::int64_t{1} << 28, 7, 8);
  const Seconds closed = solved(op, Fidelity::bound).time;
  CHECK(solved(with_program(op, "philox_mask")).time.si() == Approx(closed.si()).epsilon(0.03));
  CHECK(solved(op).time.si() == Approx(closed.si()).epsilon(0.03));
}

TEST_CASE("what does not suit is refused with the reason") {
  CHECK(solved(with_program(test::gemm(64, 64, 64), "fa4_forward")).refusal ==
        "'fa4_forward' is a program for operator: attention_forward");
  CHECK(solved(with_program(test::gemm(4096, 4096, 4096), "gemm_tcgen05")).refusal ==
        "1 CTAs of 512 columns of tensor memory, an SM has 0; most of them in 'ACC'");
  CHECK(solved(with_program(test::gemm(4096, 4096, 4096), "gemm_wgmma_cooperative", {{"stages", 9}}))
            .refusal.starts_with("1 CTAs of 448 KiB of shared memory, an SM has 228 KiB"));
  CHECK(solved(with_program(test::gemm(4096, 4096, 4096), "gemm_wgmma_cooperative", {{"stages", 99}})).refusal ==
        "'stages' is 99, at most 16");
  // The row says one tile, the program's user another.
  Operator tiled =
      with_program(test::gemm(4096, 4096, 4096), "gemm_wgmma_cooperative", {{"cta_m", 128}, {"cta_n", 256}});
  std::get<Gemm>(tiled.work).tile = GemmTile{64, 64, 64};
  CHECK(solved(tiled).refusal == "'gemm_wgmma_cooperative' has tiles of 128 x 256");
}

TEST_CASE("cuBLAS on an H100 by the cooperative program, nothing fitted to it: half of the rows within 5 %") {
  PredictOptions options;
  options.fidelity = Fidelity::simulated;
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/h100-sxm/gemm.csv");
  const std::size_t measured = *table.column("measured_us");
  Diagnostics warnings;
  const std::vector<Operator> rows = read_rows(table, warnings);
  std::vector<double> errors;
  for (std::size_t i = 0; i < rows.size(); i += 3) {
    const double predicted = predict(test::h100(), test::library(), rows[i], options).time.si() * 1e6;
    errors.push_back(std::abs(predicted / *table.number(i, measured, warnings) - 1));
  }
  std::ranges::sort(errors);
  CHECK(errors[errors.size() / 2] < 0.05);
}

}  // namespace
}  // namespace perfmodel
