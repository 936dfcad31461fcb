// Registers, spills and slots that a program does not state.
#include "workloads/pipeline_holdings.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "workloads/pipeline_file.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

// A wgmma tile by so many warps, nothing stated.
Pipeline product(int cta_m, int cta_n, int warps, int ctas_per_sm = 1) {
  return PipelineFile::from_text(fmt::format(R"(
name: product
operator: gemm
tensor: wgmma
ctas_per_sm: {3}
cta_tile: {{m: {0}, n: {1}, k: 64}}
roles: {{math: {{warps: {2}}}, load: {{warps: 1}}}}
channels: {{AB: {{depth: 3}}, ACC: {{}}}}
segments:
  - name: main
    count: k_iterations
    ops:
      - {{name: load, role: load, async: tma, does: {{load: ({0} + {1}) * 64 * 2}}, gives: [AB]}}
      - {{name: multiply, role: math, async: tensor, is: gemm, does: {{mma: [{0}, {1}, 64]}}, takes: [AB]}}
  - name: out
    ops:
      - {{name: commit, role: math, async: tensor, gives: [ACC]}}
      - {{name: store, role: math, does: {{epilogue: {0} * {1}, store: {0} * {1} * 2}}, takes: [ACC]}}
)",
                                             cta_m, cta_n, warps, ctas_per_sm),
                                 "product.yaml")
      .pipeline();
}

TEST_CASE("a product's threads hold their accumulators and 26 more, as compiled kernels do") {
  // Triton's GEMMs on an H100 with TMA: 42, 58, 90 and 154 registers (gemm_tiles.csv).
  CHECK(needed_registers(product(64, 64, 8), 0) == Approx(16 + 26));
  CHECK(needed_registers(product(64, 128, 8), 0) == Approx(32 + 26));
  CHECK(needed_registers(product(128, 128, 8), 0) == Approx(64 + 26));
  CHECK(needed_registers(product(128, 256, 8), 0) == Approx(128 + 26));
}

TEST_CASE("they come in eights, and a role without products has what its loop needs") {
  const Pipeline pipeline = product(128, 128, 8);
  CHECK(pipeline.roles[0].predicted);
  CHECK(pipeline.roles[0].registers == 96);
  CHECK(pipeline.roles[0].spills == 0);
  CHECK(pipeline.roles[1].registers == 32);
}

TEST_CASE("what a thread or the register file cannot hold is spilled and priced") {
  const Pipeline wide = product(128, 256, 4);
  CHECK(needed_registers(wide, 0) == Approx(256 + 26));
  CHECK(wide.roles[0].registers == 255);
  CHECK(wide.roles[0].spills == 27);
  // Two CTAs an SM: of 32768 registers the loading warp takes 1024, so that 128 threads have 248 each.
  const Pipeline two = product(128, 224, 4, 2);
  CHECK(two.roles[0].registers == 248);
  CHECK(two.roles[0].spills == 2);
  CHECK(two.roles[1].registers == 32);
  for (const PipelineSegment& segment : two.segments) {
    double stored = 0;
    for (const PipelineOp& op : segment.ops) {
      for (const InstructionCount& entry : op.instructions) stored += entry.instruction == "stg" ? entry.count : 0;
    }
    CHECK(stored == Approx(2 * 128));
  }
}

TEST_CASE("slots that a TMA load fills have the load's bytes") {
  const Pipeline pipeline = product(128, 128, 8);
  CHECK(pipeline.channels[0].smem.si() == Approx(256 * 64 * 2));
  CHECK(pipeline.smem().si() == Approx(3 * 256 * 64 * 2));
}

TEST_CASE("what a program states stays as it is") {
  for (const std::string& name : pipeline_names()) {
    CAPTURE(name);
    for (const PipelineRole& role : PipelineFile::load(name).pipeline().roles) CHECK_FALSE(role.predicted);
  }
  // FlashAttention-4 fills tensor memory to the last column.
  CHECK(PipelineFile::load("fa4_forward").pipeline().columns() == 512);
}

TEST_CASE("a softmax keeps scores, output and probabilities, and temporaries of a quarter of them") {
  // FlashAttention-3 by warpgroup: 64 x 176 scores and 64 x 128 outputs in FP32, probabilities in 16 bits.
  const Pipeline pipeline = PipelineFile::load("flash3_forward")
                                .pipeline(std::vector<SequenceParameter>{{"causal", 0}, {"masked_iterations", 0}});
  CHECK(pipeline.cta_n == 176);
  CHECK(accumulator_registers(pipeline, 0) == Approx(88 + 64));
  CHECK(needed_registers(pipeline, 0) == Approx(1.25 * (88 + 64) + 44 + 26));
}

}  // namespace
}  // namespace perfmodel
