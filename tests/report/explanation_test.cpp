// What an explanation holds, and its views.
#include "report/explanation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "arch/load.hpp"
#include "report/explanation_words.hpp"
#include "workloads/kernel_program.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

const Machine& h100() {
  static const Machine machine = load_machine("h100-sxm");
  return machine;
}

const Library& library() {
  static const Library loaded = load_library();
  return loaded;
}

Operator gemm() {
  Operator op;
  Gemm work;
  work.m = work.n = work.k = 4096;
  op.work = work;
  op.name = "product";
  return op;
}

Operator programmed() {
  Operator op = gemm();
  op.program = std::make_shared<const KernelProgram>(
      std::make_shared<const PipelineFile>(PipelineFile::load("gemm_wgmma_cooperative")),
      std::vector<ProgramSetting>{});
  return op;
}

Explanation explained(const Subject& subject, std::size_t item = 0, PredictOptions options = {}) {
  options.describe = true;
  return explain_item(h100(), library(), subject, item, options);
}

const Relaxed* find(const Explanation& explanation, const std::string& constraint) {
  const auto found = std::ranges::find(explanation.relaxed, constraint, &Relaxed::constraint);
  return found == explanation.relaxed.end() ? nullptr : &*found;
}

TEST_CASE("relaxing a constraint never costs, and the one that binds buys most") {
  PredictOptions sustained;
  sustained.regime = Regime::sustained;
  const Explanation held = explained(gemm(), 0, sustained);
  CHECK(held.estimate().limiter == Limiter::power);
  for (const Relaxed& relaxed : held.relaxed) {
    CAPTURE(relaxed.what);
    CHECK(relaxed.time <= 1.0005 * held.estimate().time);
  }
  REQUIRE(find(held, "power") != nullptr);
  CHECK(find(held, "power")->time < 0.97 * held.estimate().time);
  CHECK(find(held, "xu")->time.si() == Approx(held.estimate().time.si()).epsilon(1e-3));
  CHECK(std::ranges::is_sorted(held.relaxed, {}, &Relaxed::time));
}

TEST_CASE("without a tail an operator takes its steady part; without launch cost it saves just that") {
  const Explanation found = explained(gemm());
  const Parts& parts = found.estimate().parts;
  CHECK(find(found, "wave")->time.si() == Approx((found.estimate().time - parts.tail).si()).epsilon(2e-3));
  CHECK(find(found, "launch")->time.si() == Approx((found.estimate().time - parts.launch).si()).epsilon(2e-2));
}

TEST_CASE("the course: items, waves, and the segments of an item") {
  Operator op = gemm();
  auto& work = std::get<Gemm>(op.work);
  work.tile = GemmTile{128, 256, 64};
  work.stages = 4;
  work.cluster = 2;
  work.split_k = 1;
  const Explanation found = explained(op);
  REQUIRE(found.course.kernels.size() >= 1);
  const CourseKernel& kernel = found.course.kernels.front();
  CHECK(kernel.kernel.items == 512);
  CHECK(kernel.waves == Approx(512.0 / 132));
  CHECK(kernel.segments.front().time.si() == Approx(1024));
  CHECK(kernel.segments.front().segment.count == 64);
  const std::vector<std::string> words = course_words(found.course);
  CHECK(words[0] == "512 items on 132 CTAs of 384 threads, one of them on an SM at a time: 3.88 waves");
  CHECK(words[1].starts_with("a CTA does of an item: 64 x 1,024 clk (tensor 1,024, smem 909), then 1 x "));
  CHECK_FALSE(found.program);
}

TEST_CASE("a program's iteration comes with its critical cycle, its pipes, and a drawing in 80 columns") {
  const Explanation found = explained(programmed());
  REQUIRE(found.program);
  CHECK(found.program->interval >= found.program->resource_bound * 0.999);
  CHECK(cycle_words(*found.program).ends_with(" clk"));
  const std::string drawing = explanation_drawing(found);
  std::istringstream lines(drawing);
  int rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) CHECK(line.size() <= 80);
  CHECK(rows >= 5);
  CHECK(drawing.find("\ntensor  ") != std::string::npos);
  const auto trace = nlohmann::json::parse(explanation_trace(found));
  CHECK(trace["traceEvents"].size() > 100);
  CHECK(explanation_drawing(explained(gemm())).empty());
}

TEST_CASE("an operator of a block is explained inside it") {
  const Block block = load_block("llama2_7b");
  const Explanation found = explained(block, 4, {.regime = Regime::sustained, .clock = {}});
  CHECK_FALSE(found.alone);
  CHECK(found.subject == "llama2_7b");
  CHECK(found.whole.items.size() == block.operators.size());
  for (const Remedy& remedy : found.remedies) {
    for (const Edit& edit : remedy.edits) CHECK(edit.key.starts_with("operators." + found.explained().name + "."));
  }
  // A constraint of the machine is lifted for the whole block.
  const Relaxed* power = find(found, "power");
  REQUIRE(power != nullptr);
  CHECK(power->total < found.whole.total);
  CHECK(longest_item(found.whole) < found.whole.items.size());
}

TEST_CASE("what cannot run has its refusal and nothing else") {
  Operator op = gemm();
  std::get<Gemm>(op.work).dtype = Dtype::nvfp4;
  const Explanation found = explained(op);
  CHECK(found.relaxed.empty());
  CHECK(found.remedies.empty());
  CHECK(text_explanation(found) ==
        "product: 4096 x 4096 x 4096 nvfp4\n"
        "It cannot run on NVIDIA H100 SXM5 80GB: NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores\n");
}

TEST_CASE("an iteration held by its dependence cycle is solved anew with each constraint loosened") {
  Operator op;
  op.name = "attention";
  Attention work;
  work.batch = 1;
  work.heads = work.kv_heads = 32;
  work.seq_q = work.seq_kv = 8192;
  work.head_dim = work.head_dim_v = 128;
  work.impl.family = Family::fa4;
  op.work = work;
  const Machine machine = load_machine("b200");
  const Explanation found = explain_item(machine, library(), op, 0, {});
  REQUIRE(found.program);
  CHECK(found.program->limiter == "recurrence");
  const auto loosened = [&](const std::string& what) {
    const auto it = std::ranges::find(found.program->relaxations, what, &Relaxation::what);
    REQUIRE(it != found.program->relaxations.end());
    return it->interval / found.program->interval;
  };
  // Exponentials are a third of the cycle, products somewhat less, and latencies a tenth.
  CHECK(loosened("twice the rate of xu") < 0.9);
  CHECK(loosened("twice the rate of tensor") < 0.95);
  CHECK(loosened("no latency between operations") < 0.97);
  CHECK(loosened("twice the rate of smem") > 0.98);
}

TEST_CASE("every limiter has a formula") {
  for (int i = 0; i < limiter_count; ++i) {
    const auto limiter = static_cast<Limiter>(i);
    CHECK(formula_of(limiter).empty() == (limiter == Limiter::infeasible));
  }
}

TEST_CASE("text, Markdown and JSON say the same") {
  const Explanation found = explained(programmed());
  const std::string text = text_explanation(found);
  for (const char* part : {"\nkernel    ", "\ncourse    ", "\ncycle     ", "\nrelax     ", "\nformula   "}) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);
  }
  const std::string markdown = markdown_explanation(found);
  CHECK(markdown.find("- cycle: ") != std::string::npos);
  CHECK(markdown.find("| bound") != std::string::npos);
  const auto json = nlohmann::json::parse(json_explanation(found));
  CHECK(json["kind"] == "explanation");
  CHECK(json["schema_version"] == 1);
  CHECK(json["prediction"]["time"].get<double>() == Approx(found.estimate().time.si()));
  CHECK(json["program"]["critical_cycle_words"] == cycle_words(*found.program));
  CHECK(json["relaxed"].size() == found.relaxed.size());
  CHECK(json["kernels"][0]["items"] == 512);
}

TEST_CASE("thousands are set apart by commas") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999.4) == "999");
  CHECK(with_commas(1310) == "1,310");
  CHECK(with_commas(1234567) == "1,234,567");
  CHECK(with_commas(-1234) == "-1,234");
}

}  // namespace
}  // namespace perfmodel
