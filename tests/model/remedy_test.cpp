// What is proposed, and that it pays.
#include "model/remedy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/model/machines.hpp"
#include "workloads/kernel_program.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

Operator triton(std::int64_t m, std::int64_t n, std::int64_t k, int cta_m, int cta_n) {
  Operator op = test::gemm(m, n, k);
  auto& work = std::get<Gemm>(op.work);
  work.impl.family = Family::triton;
  work.tile = GemmTile{cta_m, cta_n, 64};
  return op;
}

std::optional<Remedy> find(const std::vector<Remedy>& remedies, const std::string& symptom) {
  const auto found =
      std::ranges::find_if(remedies, [&](const Remedy& remedy) { return remedy.symptom.starts_with(symptom); });
  return found == remedies.end() ? std::nullopt : std::optional(*found);
}

std::vector<Remedy> of(const Operator& op, const PredictOptions& options = {}) {
  return remedies(test::h100(), test::library(), op, options);
}

TEST_CASE("rows that start off a sector: pad k, and the gain is that of solving again") {
  const Operator op = triton(4096, 4096, 4100, 128, 128);
  const std::vector<Remedy> found = of(op);
  const std::optional<Remedy> padded = find(found, "rows of k = 4100 are 8200 B, no multiple of 32");
  REQUIRE(padded);
  CHECK(padded->change == "pad k to 4112");
  CHECK(padded->edits == std::vector<Edit>{{"k", "4112"}});
  const Seconds before = predict(test::h100(), test::library(), op, {}).time;
  const Seconds after = predict(test::h100(), test::library(), triton(4096, 4096, 4112, 128, 128), {}).time;
  CHECK(padded->time == after);
  CHECK(padded->gain == Approx(before / after - 1));
  CHECK_FALSE(find(of(triton(4096, 4096, 4096, 128, 128)), "rows of k"));
}

TEST_CASE("a partial wave is named with its figures; other tiles or stream-K do away with it") {
  // 17 x 8 tiles of 128 x 256 on 132 SMs.
  const Operator op = test::tiled(test::gemm(17 * 128, 8 * 256, 8192), 128, 256, 64, 4, 1, 132);
  const std::vector<Remedy> found = of(op);
  const std::optional<Remedy> best = find(found, "1.03 waves of 132 CTAs: the last is 3 % full");
  REQUIRE(best);
  CHECK(best->gain > 0.3);
  const auto spread = std::ranges::find(found, "stream-K with tiles of 128 x 256", &Remedy::change);
  REQUIRE(spread != found.end());
  CHECK(spread->edits.front() == Edit{"program", "gemm_wgmma_stream_k"});
  CHECK(spread->gain > 0.5);
  const Operator even = test::tiled(test::gemm(12 * 128, 11 * 256, 8192), 128, 256, 64, 4, 1, 132);
  CHECK_FALSE(find(of(even), "1 waves"));
}

TEST_CASE("every remedy gains, the best first, and none is for what cannot run or has no kernel to change") {
  for (const Operator& op : {triton(4100, 4096, 4100, 128, 128), triton(300, 8192, 8192, 128, 64),
                             test::attention(2, 16, 2048, true, 0.0, Family::flash2), test::rng(1 << 26, 7, 8)}) {
    const std::vector<Remedy> found = of(op);
    CHECK(std::ranges::is_sorted(found, std::greater<>{}, &Remedy::gain));
    for (const Remedy& remedy : found) {
      CHECK(remedy.gain >= least_gain);
      CHECK_FALSE(remedy.symptom.empty());
      CHECK_FALSE(remedy.edits.empty());
    }
  }
  Operator impossible = triton(4096, 4096, 4096, 256, 256);
  std::get<Gemm>(impossible.work).smem = Bytes(1 << 20);
  CHECK(of(impossible).empty());
}

TEST_CASE("the library's own choice has no better tile") {
  for (const Remedy& remedy : of(test::gemm(4096, 4096, 4096))) CHECK(remedy.edits.front().key != "cta_m");
}

TEST_CASE("few tiles and a long k: slices") {
  const std::optional<Remedy> found =
      find(of(triton(128, 512, 32768, 128, 128)), "4 tiles leave 128 of 132 SMs without work");
  REQUIRE(found);
  CHECK(found->edits.front().key == "split_k");
  CHECK(found->gain > 1);
}

TEST_CASE("an RNG at the default carve-out beside a GEMM that leaves room") {
  Operator op;
  Overlap both;
  both.gemm = std::get<Gemm>(test::gemm(8192, 8192, 4096).work);
  both.gemm.tile = GemmTile{128, 128, 64};
  both.gemm.stages = 4;
  both.gemm.threads = 256;
  both.gemm.registers = 128;
  both.rng = {.elements = std::int64_t{1} << 28, .rounds = 7, .bits = 8, .ctas = 132, .threads = 128, .registers = 32};
  op.work = both;
  for (const Remedy& remedy : of(op)) CHECK(remedy.gain >= least_gain);
}

TEST_CASE("a program's parameters move inside their ranges") {
  Operator op = test::gemm(4096, 4096, 4096);
  const auto file = std::make_shared<const PipelineFile>(PipelineFile::load("gemm_wgmma_cooperative"));
  op.program = std::make_shared<const KernelProgram>(file, std::vector<ProgramSetting>{{"stages", 2}, {"cta_n", 128}});
  PredictOptions options;
  options.fidelity = Fidelity::simulated;
  const std::vector<Remedy> found = of(op, options);
  CHECK_FALSE(found.empty());
  for (const Remedy& remedy : found) {
    CAPTURE(remedy.change);
    const std::string& key = remedy.edits.front().key;
    CHECK((key == "stages" || key == "cta_n" || key == "cta_m" || key == "cta_k" || key == "cluster"));
    if (key == "stages") CHECK(remedy.edits.front().value != "2");
  }
}

}  // namespace
}  // namespace perfmodel
