#include "workloads/pipeline_library.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

Attention attention(Family family, bool causal, std::int64_t head_dim = 128) {
  Attention work;
  work.impl.family = family;
  work.causal = causal;
  work.head_dim = work.head_dim_v = head_dim;
  return work;
}

std::vector<PipelineUse> uses_of(std::string text) {
  return read_pipeline_uses(load_yaml_text(std::move(text), "families.yaml"));
}

TEST_CASE("the shipped table: FlashAttention-4 by mask, on Blackwell alone") {
  PipelineLibrary library;
  const PipelineFile* full = library.find(attention(Family::fa4, false), "tcgen05");
  const PipelineFile* causal = library.find(attention(Family::fa4, true), "tcgen05");
  REQUIRE(full != nullptr);
  REQUIRE(causal != nullptr);
  CHECK(full->name() == "fa4_forward_2cta");
  CHECK(causal->name() == "fa4_forward");
  CHECK(library.find(attention(Family::fa4, false), "tcgen05") == full);
  CHECK(library.find(attention(Family::fa4, false), "wgmma") == nullptr);
  CHECK(library.find(attention(Family::flash2, true), "wgmma") != nullptr);
  CHECK(library.find(attention(Family::flash2, true), "wgmma", /*adopted_only=*/true) == nullptr);
}

TEST_CASE("the first entry that stands for an operator answers") {
  PipelineLibrary library(uses_of(R"(
programs:
  - {program: fa4_forward, family: fa4, pass: fwd, tensor: [tcgen05], head_dim: [64]}
  - {program: fa4_forward_2cta, family: fa4, pass: fwd, tensor: [tcgen05], adopted: true}
)"));
  CHECK(library.find(attention(Family::fa4, false, 64), "tcgen05")->name() == "fa4_forward");
  CHECK(library.find(attention(Family::fa4, false, 128), "tcgen05")->name() == "fa4_forward_2cta");
  CHECK(library.find(attention(Family::fa4, false, 64), "tcgen05", /*adopted_only=*/true)->name() ==
        "fa4_forward_2cta");
}

TEST_CASE("the shipped tables of GEMMs and masks") {
  PipelineLibrary library;
  const auto name = [&](PipelineKind kind, std::optional<Family> family, std::string_view tensor) {
    const PipelineFile* found = library.find(kind, family, tensor);
    return found == nullptr ? "none" : found->name();
  };
  CHECK(name(PipelineKind::gemm, Family::cublas, "mma") == "gemm_cp_async");
  CHECK(name(PipelineKind::gemm, Family::cublas, "wgmma") == "gemm_wgmma_cooperative");
  CHECK(name(PipelineKind::gemm, Family::cublas, "tcgen05") == "gemm_tcgen05_2cta");
  CHECK(name(PipelineKind::gemm, Family::triton, "wgmma") == "gemm_triton_wgmma");
  CHECK(name(PipelineKind::gemm, Family::triton, "tcgen05") == "none");
  CHECK(name(PipelineKind::mask, {}, "wgmma") == "philox_mask");
  CHECK(library.find(PipelineKind::gemm, Family::cublas, "wgmma", /*adopted_only=*/true) == nullptr);
}

TEST_CASE("tables of GEMMs have neither pass nor mask, those of masks no family") {
  const auto faults_of = [](PipelineKind kind, const std::string& entry) {
    return test::error_of(
        [&] { (void)read_pipeline_uses(load_yaml_text("programs:\n  - " + entry + "\n", "families.yaml"), kind); });
  };
  CHECK(faults_of(PipelineKind::gemm, "{program: mine, family: cublas, tensor: [mma], causal: true}") ==
        R"(families.yaml:2:52: error: unknown key 'causal' in a program's use
    - {program: mine, family: cublas, tensor: [mma], causal: true}
                                                     ^
note: known keys: program, family, tensor, adopted
)");
  CHECK(faults_of(PipelineKind::mask, "{program: mine, family: cublas, tensor: [mma]}") ==
        R"(families.yaml:2:21: error: unknown key 'family' in a program's use
    - {program: mine, family: cublas, tensor: [mma]}
                      ^
note: known keys: program, tensor, adopted
)");
  CHECK(read_pipeline_uses(load_yaml_text("programs:\n  - {program: mine, tensor: [mma]}\n", "families.yaml"),
                           PipelineKind::mask)
            .front()
            .program == "mine");
}

TEST_CASE("faults of the table are all named, with their place") {
  CHECK(test::error_of([] {
          (void)uses_of(
              "programs:\n"
              "  - {program: mine, family: fa5, pass: fwd, tensor: [tcgen05]}\n"
              "  - {program: mine, family: fa4, pass: fwd, tensor: [tcgen06], adopt: true}\n");
        }) == R"(families.yaml:2:29: error: 'family': unknown value 'fa5'
    - {program: mine, family: fa5, pass: fwd, tensor: [tcgen05]}
                              ^
note: did you mean 'fa4'?
note: known values: cublas, triton, cudnn, flash2, flash3, fa4, avo, gluon, trtllm
families.yaml:3:54: error: 'tensor': unknown value 'tcgen06'
    - {program: mine, family: fa4, pass: fwd, tensor: [tcgen06], adopt: tr...
                                                       ^
note: did you mean 'tcgen05'?
note: known values: mma, wgmma, tcgen05
families.yaml:3:64: error: unknown key 'adopt' in a program's use
  ... fa4, pass: fwd, tensor: [tcgen06], adopt: true}
                                         ^
note: known keys: program, family, pass, causal, tensor, head_dim, adopted
)");
}

}  // namespace
}  // namespace perfmodel
