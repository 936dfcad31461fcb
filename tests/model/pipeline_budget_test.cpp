#include "model/pipeline_budget.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

std::string overrun(const std::string& name, std::vector<SequenceParameter> given,
                    const Machine& machine = test::b200()) {
  Diagnostics faults;
  check_budget(machine, PipelineFile::load(name).pipeline(given), faults);
  return faults.format();
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("FlashAttention-4 fits, to the last register and column") {
  CHECK(overrun("fa4_forward", {}) == "");
  CHECK(overrun("fa4_forward_2cta", {}) == "");
}

TEST_CASE("overrun budgets name what takes most of them") {
  CHECK(holds(overrun("fa4_forward", {{"softmax_registers", 200}}),
              "1 CTAs of 67584 registers, an SM has 65536; most of them in role 'softmax0'"));
  CHECK(holds(overrun("fa4_forward", {{"kv_slots", 5}}),
              "of shared memory, an SM has 228 KiB and a CTA at most 227 KiB; most of it in 'KV'"));
  CHECK(holds(overrun("gemm_tcgen05", {{"accumulators", 4}}),
              "1 CTAs of 1024 columns of tensor memory, an SM has 512; most of them in 'ACC'"));
  CHECK(holds(overrun("gemm_tcgen05", {}, load_machine("h100-sxm")), "an SM has 0"));
}

TEST_CASE("a program for tensor cores or instructions that the machine lacks") {
  const std::string fault =
      test::error_of([] { (void)test::code_of(load_machine("h100-sxm"), PipelineFile::load("fa4_forward")); });
  CHECK(holds(fault, "NVIDIA H100 SXM5 80GB has no instruction class 'ldtm'"));
}

}  // namespace
}  // namespace perfmodel
