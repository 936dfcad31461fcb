// The compiled form of a program against the reader that it stands for.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/input_error.hpp"
#include "workloads/pipeline_file.hpp"

namespace {

using namespace perfmodel;

std::string text_of(std::vector<InstructionCount> counts) {
  std::ranges::sort(counts, {}, &InstructionCount::instruction);
  std::string text;
  for (const InstructionCount& each : counts) text += fmt::format(" {}={}", each.instruction, each.count);
  return text;
}

std::string text_of(const PipelineOp& op) {
  std::string text =
      fmt::format("  {} role {} engine {} from_dram {} loaded {} stored {} rows {} smem {}", op.name, op.role,
                  static_cast<int>(op.engine), op.from_dram, op.loaded.si(), op.stored.si(), op.rows, op.smem.si());
  if (op.mma) {
    text += fmt::format(" mma {} {} {} pair {} a {} b {}", op.mma->m, op.mma->n, op.mma->k, op.mma->pair,
                        static_cast<int>(op.mma->a), op.mma->registers_b);
  }
  for (const DutyAmount& duty : op.duties) text += fmt::format(" {}:{}", static_cast<int>(duty.duty), duty.amount);
  text += text_of(op.instructions) + " |" + text_of(op.chain);
  for (const int channel : op.takes) text += fmt::format(" t{}", channel);
  for (const PipelineRead& read : op.reads) text += fmt::format(" r{}+{}", read.channel, read.ahead);
  for (const int channel : op.gives) text += fmt::format(" g{}", channel);
  return text + fmt::format(" at {}\n", op.location.line);
}

// Everything that a pipeline holds.
std::string text_of(const Pipeline& p) {
  std::string text = fmt::format("{} {} {} {} cluster {} ctas {} persistent {} longest {} tile {} {} {}\n", p.name,
                                 p.description, static_cast<int>(p.kind), p.tensor, p.cluster, p.ctas_per_sm,
                                 p.persistent, p.longest_first, p.cta_m, p.cta_n, p.cta_k);
  for (const PipelineRole& role : p.roles) text += fmt::format("{} {} {}\n", role.name, role.warps, role.registers);
  for (const PipelineChannel& channel : p.channels) {
    text += fmt::format("{} {} {} {} {}\n", channel.name, channel.depth, channel.initial, channel.smem.si(),
                        channel.columns);
  }
  for (const PipelineSegment& segment : p.segments) {
    text += fmt::format("{} {}\n", segment.name, segment.count);
    for (const PipelineOp& op : segment.ops) text += text_of(op);
  }
  for (const double amount : p.demand.amounts) text += fmt::format("{} ", amount);
  return text;
}

std::vector<std::vector<SequenceParameter>> shapes(PipelineKind kind) {
  if (kind == PipelineKind::gemm) return {{}, {{"k_iterations", 3}, {"element_bytes", 1}}, {{"k_iterations", 1}}};
  if (kind == PipelineKind::mask) return {{}, {{"words", 96}, {"rounds", 10}}, {{"rounds", 3}, {"bits", 32}}};
  return {{},
          {{"full_iterations", 7}, {"masked_iterations", 0}, {"causal", 0}, {"head_dim", 64}},
          {{"full_iterations", 0}, {"masked_iterations", 2}, {"dropout", 1}},
          {{"full_iterations", 64}, {"masked_iterations", 1}, {"head_dim", 192}, {"element_bytes", 1}}};
}

TEST_CASE("a compiled program is the one that the reader makes, at every shape and setting") {
  EvaluatedPipeline reused;
  for (const std::string& name : pipeline_names()) {
    const PipelineFile file = PipelineFile::load(name);
    CHECK_MESSAGE(file.compiled(), name);
    for (const auto& shape : shapes(file.pipeline().kind)) {
      CAPTURE(name);
      file.pipeline(shape, reused);
      CHECK(text_of(reused.pipeline) == text_of(file.read(shape)));
    }
  }
}

TEST_CASE("settings reach a compiled program as they reach the reader") {
  const PipelineFile file = PipelineFile::load("avo_forward");
  EvaluatedPipeline reused;
  for (const double tiles : {1.0, 2.0}) {
    for (const double emulated : {0.0, 0.3}) {
      for (const double branchless : {0.0, 1.0}) {
        const std::vector<SequenceParameter> given{{"query_tiles", tiles},       {"emulated", emulated},
                                                   {"branchless", branchless},   {"overlap", 1 - branchless},
                                                   {"correction_registers", 64}, {"full_iterations", 5}};
        file.pipeline(given, reused);
        CHECK(text_of(reused.pipeline) == text_of(file.read(given)));
      }
    }
  }
}

TEST_CASE("faults keep the words of the reader") {
  const PipelineFile file = PipelineFile::load("fa4_forward");
  const std::vector<SequenceParameter> unknown{{"emulatd", 0.5}};
  const std::vector<SequenceParameter> outside{{"emulated", 0.7}};
  CHECK(test::error_of([&] { (void)file.pipeline(unknown); }) == test::error_of([&] { (void)file.read(unknown); }));
  CHECK(test::error_of([&] { (void)file.pipeline(outside); }) == test::error_of([&] { (void)file.read(outside); }));
  CHECK(test::error_of([&] { (void)file.pipeline(outside); }).find("'emulated' is 0.7, at most 0.5") !=
        std::string::npos);
}

TEST_CASE("iterations that round down to none do no work") {
  Pipeline pipeline = PipelineFile::load("gemm_tcgen05").pipeline();
  for (PipelineSegment& segment : pipeline.segments) segment.count = 0.99;
  CHECK(pipeline.done()[Duty::gemm] == 0);
}

}  // namespace
