// FlashAttention-4's own arithmetic (arXiv 2603.05451, section 3), exactly.
#include <doctest/doctest.h>

#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::code_of;
using test::pipe_work;

// Cycles of shared memory that products' operands take, without what warps move.
double operand_cycles(const SmCode& code, const std::string& segment) {
  double sum = 0;
  const auto& flat = code.segments[static_cast<std::size_t>(test::segment_of(code, segment))];
  for (int role = 0; role < code.roles; ++role) {
    for (int o = flat.roles[static_cast<std::size_t>(role)].begin; o < flat.roles[static_cast<std::size_t>(role)].end;
         ++o) {
      const SmOp& op = code.ops[static_cast<std::size_t>(o)];
      for (int i = 0; op.engine == Engine::tensor && i < op.uses; ++i) {
        const PipeUse& use = code.uses[static_cast<std::size_t>(op.first_use + i)];
        if (code.pipe_names[static_cast<std::size_t>(use.pipe)] == "smem") sum += use.work;
      }
    }
  }
  return sum;
}

TEST_CASE("forward, 128 x 128 x 128: 1024 clk of MMA, 768 of shared memory, 1024 of exponentials") {
  const SmCode code = code_of("fa4_forward", {{"query_tiles", 1}, {"emulated", 0}});
  CHECK(pipe_work(code, "full", "tensor") == Approx(1024));
  CHECK(operand_cycles(code, "full") == Approx(768));
  CHECK(pipe_work(code, "full", "xu") == Approx(1024));
}

TEST_CASE("forward, 256 x 128 x 128: 2048, 1536 and 2048") {
  const SmCode code = code_of("fa4_forward", {{"emulated", 0}});
  CHECK(pipe_work(code, "full", "tensor") == Approx(2048));
  CHECK(operand_cycles(code, "full") == Approx(1536));
  CHECK(pipe_work(code, "full", "xu") == Approx(2048));
}

TEST_CASE("emulated exponentials leave the special-function unit") {
  const SmCode code = code_of("fa4_forward", {{"emulated", 0.125}});
  CHECK(pipe_work(code, "full", "xu") == Approx(2048 * 0.875));
}

// Shared memory without the row statistics, which the paper does not count: exponentials and gradients use it for
// nothing else.
double backward_smem(const SmCode& code) {
  double sum = pipe_work(code, "full", "smem");
  const SmSegment& full = code.segments[static_cast<std::size_t>(test::segment_of(code, "full"))];
  for (int role = 0; role < code.roles; ++role) {
    for (int i = full.roles[static_cast<std::size_t>(role)].begin; i < full.roles[static_cast<std::size_t>(role)].end;
         ++i) {
      const SmOp& op = code.ops[static_cast<std::size_t>(i)];
      const std::string& name = code.op_names[static_cast<std::size_t>(i)];
      if (name != "exp" && name != "grad") continue;
      for (int u = 0; u < op.uses; ++u) {
        const PipeUse& use = code.uses[static_cast<std::size_t>(op.first_use + u)];
        if (use.pipe == code.smem_pipe) sum -= use.work;
      }
    }
  }
  return sum;
}

TEST_CASE(
    "backward, N = d = 128: 2560 clk of MMA, 1024 of exponentials, shared memory 3328 with one CTA and 2688 with two") {
  const std::vector<SequenceParameter> shape{{"full_iterations", 8}, {"masked_iterations", 0}};
  const SmCode one = code_of("fa4_backward", shape);
  CHECK(pipe_work(one, "full", "tensor") == Approx(2560));
  CHECK(pipe_work(one, "full", "xu") == Approx(1024));
  CHECK(operand_cycles(one, "full") == Approx(2048));
  CHECK(backward_smem(one) == Approx(3328));
  const SmCode two = code_of("fa4_backward_2cta", shape);
  CHECK(pipe_work(two, "full", "tensor") == Approx(2560));
  CHECK(pipe_work(two, "full", "xu") == Approx(1024));
  CHECK(operand_cycles(two, "full") == Approx(1536));
  CHECK(backward_smem(two) == Approx(2688));
}

// Measured side by side on a B200 at 8192 keys: 4.407 and 4.043 ms, 9 % (Dao-AILab/flash-attention, pull request 2280).
TEST_CASE("backward: two CTAs to an instruction are the faster way") {
  const std::vector<SequenceParameter> shape{{"full_iterations", 64}, {"masked_iterations", 0}};
  const double one = test::interval(code_of("fa4_backward", shape), "full");
  const double two = test::interval(code_of("fa4_backward_2cta", shape), "full");
  CHECK(one / two > 1.05);
  CHECK(one / two < 1.20);
}

}  // namespace
}  // namespace perfmodel
