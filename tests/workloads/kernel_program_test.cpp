// Programs as files to predict, and operators that name one.
#include "workloads/kernel_program.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"
#include "workloads/block.hpp"

namespace perfmodel {
namespace {

using Settings = std::vector<std::string>;

const std::string mine = R"(name: mine
operator: gemm
tensor: wgmma
parameters: {cta_m: 64, cta_n: 128, cta_k: 64, stages: {default: 3, min: 2, max: 8}}
cta_tile: {m: cta_m, n: cta_n, k: cta_k}
roles: {math: {warps: 4}, load: {warps: 1}}
channels: {AB: {depth: stages}, ACC: {}}
segments:
  - name: main
    count: k_iterations
    ops:
      - {name: load, role: load, async: tma, does: {load: (cta_m + cta_n) * cta_k * element_bytes}, gives: [AB]}
      - {name: multiply, role: math, async: tensor, is: gemm, does: {mma: [cta_m, cta_n, cta_k]}, takes: [AB]}
  - name: out
    ops:
      - {name: commit, role: math, async: tensor, gives: [ACC]}
      - {name: store, role: math, does: {epilogue: cta_m * cta_n, store: cta_m * cta_n * output_bytes}, takes: [ACC]}
)";

const Operator& only(const Block& block) { return block.operators.front().op; }

TEST_CASE("a program file is an operator, its problem from settings") {
  const BlockFile file = BlockFile::from_text(mine, "mine.yaml");
  const Block block = file.block(Settings{"m=1024", "n=512", "k=256", "dtype=fp8", "stages=4"});
  CHECK(block.single_operator);
  const auto& gemm = std::get<Gemm>(only(block).work);
  CHECK(gemm.m == 1024);
  CHECK(gemm.n == 512);
  CHECK(gemm.k == 256);
  CHECK(gemm.dtype == Dtype::fp8);
  CHECK_FALSE(gemm.stages);  // the program has a parameter of that name, so it is meant
  REQUIRE(only(block).program);
  CHECK(only(block).program->settings() == std::vector<ProgramSetting>{{"stages", 4}});
  CHECK(only(block).name == "mine");
}

TEST_CASE("a program's own problem, and settings over it") {
  const BlockFile file = BlockFile::from_text(mine + "problem: {m: 4096, n: 4096, k: 8192}\n", "mine.yaml");
  CHECK(std::get<Gemm>(only(file.block()).work).k == 8192);
  CHECK(std::get<Gemm>(only(file.block(Settings{"k=64"})).work).k == 64);
}

TEST_CASE("a program without a problem says what is missing and how to give it") {
  CHECK(test::error_of([] { (void)BlockFile::from_text(mine, "mine.yaml").block(Settings{"m=1024"}); }) ==
        "mine.yaml:1:1: error: the program 'mine' has no problem to work on: missing n, k\n"
        "  name: mine\n"
        "  ^\n"
        "note: give it: --set n=4096 --set k=4096\n"
        "note: or write it into the file under 'problem'\n");
}

TEST_CASE("what follows from the problem cannot be set") {
  const std::string fault = test::error_of([] {
    (void)BlockFile::from_text(mine, "mine.yaml").block(Settings{"m=1", "n=1", "k=1", "k_iterations=2"});
  });
  CHECK(fault.find("error: unknown key 'k_iterations'") != std::string::npos);
}

TEST_CASE("an operator file names a program beside it and sets its parameters") {
  const test::TemporaryFolder folder;
  folder.write("mine.yaml", mine);
  folder.write("op.yaml", "op: gemm\nm: 64\nn: 128\nk: 64\nprogram: mine.yaml\nwith: {stages: 2 + 3}\n");
  const Block block = BlockFile::load(folder.file("op.yaml")).block();
  REQUIRE(only(block).program);
  CHECK(only(block).program->file().name() == "mine");
  CHECK(only(block).program->pipeline().channels[0].depth == 5);
  const Block other = BlockFile::load(folder.file("op.yaml")).block(Settings{"stages=2"});
  CHECK(only(other).program->pipeline().channels[0].depth == 2);
}

std::string refusal(const std::string& text) {
  return test::error_of([&] { (void)BlockFile::from_text(text, "op.yaml").block(); });
}

TEST_CASE("operators refuse programs that there are not, that are for another operator, and unknown parameters") {
  const std::string gemm = "op: gemm\nm: 64\nn: 128\nk: 64\n";
  const std::string unknown = refusal(gemm + "program: gemm_wgmma_cooperativ\n");
  CHECK(unknown.starts_with(
      "op.yaml:5:10: error: 'program': there is no 'gemm_wgmma_cooperativ', neither beside this file nor shipped\n"
      "  program: gemm_wgmma_cooperativ\n"
      "           ^\n"
      "note: did you mean 'gemm_wgmma_cooperative'?\n"));
  CHECK(refusal(gemm + "program: philox_mask\n") ==
        "op.yaml:5:10: error: 'program': 'philox_mask' is a program for operator: mask\n"
        "  program: philox_mask\n"
        "           ^\n");
  CHECK(refusal(gemm + "program: gemm_wgmma_cooperative\nwith: {stage: 2}\n")
            .starts_with("op.yaml:6:8: error: the program 'gemm_wgmma_cooperative' has no parameter 'stage'\n"
                         "  with: {stage: 2}\n"
                         "         ^\n"
                         "note: did you mean 'stages'?\n"));
  CHECK(refusal(gemm + "with: {stages: 2}\n")
            .starts_with("op.yaml:5:1: error: 'with' sets parameters of a program, and none is named\n"));
  const std::string attention = "op: attention\nbatch: 1\nheads: 1\nseq_q: 128\nhead_dim: 128\npass: bwd\n";
  CHECK(refusal(attention + "program: fa4_forward\n")
            .starts_with("op.yaml:7:10: error: 'program': 'fa4_forward' is a program for operator: attention_forward, "
                         "the pass asked for is bwd\n"));
}

TEST_CASE("a product whose warps draw a mask stands for both operators") {
  const Block block = BlockFile::load("gemm_wgmma_rng")
                          .block(Settings{"m=4096", "n=4096", "k=4096", "rng_elements=67108864", "rng_rounds=3"});
  const auto& both = std::get<Overlap>(only(block).work);
  CHECK(both.rng.elements == 67108864);
  CHECK(both.rng.rounds == 3);
  CHECK(both.rng.bits == 8);
}

}  // namespace
}  // namespace perfmodel
