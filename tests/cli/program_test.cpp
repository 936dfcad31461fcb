// `perfmodel program`, run as a process.
#include <doctest/doctest.h>

#include <string>

#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("program list names every shipped program") {
  const auto output = test::run("program list");
  CHECK(output.exit == 0);
  CHECK(holds(output.out,
              "fa4_forward_2cta        attention_forward   tcgen05    256x128     16  FlashAttention-4 forward"));
}

TEST_CASE("program show explains, and draws") {
  const auto output = test::run("program show fa4_forward --ascii-timeline");
  CHECK(output.exit == 0);
  CHECK(holds(output.out, "limited by recurrence"));
  CHECK(holds(output.out, "recurrence bound"));
  CHECK(holds(output.out, " -> exp0 "));
  CHECK(holds(output.out, "twice the rate of xu"));
  CHECK(holds(output.out, "\nsoftmax0 "));
}

TEST_CASE("program check goes on after a bad file and exits 2") {
  const auto good = test::run("program check fa4_forward fa4_backward gemm_tcgen05");
  CHECK(good.exit == 0);
  CHECK(good.out == "fa4_forward: ok\nfa4_backward: ok\ngemm_tcgen05: ok\n");
  const auto bad = test::run("program check nothing fa4_forward");
  CHECK(bad.exit == 2);
  CHECK(holds(bad.out, "nothing: 1 error\nfa4_forward: ok\n"));
  const auto other = test::run("program check fa4_forward --arch h100-sxm");
  CHECK(other.exit == 2);
}

}  // namespace
}  // namespace perfmodel
