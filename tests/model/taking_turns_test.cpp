#include "model/taking_turns.hpp"

#include <doctest/doctest.h>

namespace perfmodel {
namespace {

using doctest::Approx;

TEST_CASE("a CTA alone waits for nobody") {
  CHECK(round_beside({Cycles(300), Cycles(500), Cycles(200)}, 1, 0.25).si() == Approx(1000));
  CHECK(round_beside({}, 4, 0.25).si() == 0);
}

TEST_CASE("two CTAs, by hand") {
  // Alone 1000 clk: 0.3 of the time a CTA is at the tensor cores, 0.5 at the port. The other one waits for as much:
  // 300 x 1.3 + 500 x 1.5 + 200.
  CHECK(round_beside({Cycles(300), Cycles(500), Cycles(200)}, 2, 0).si() == Approx(1340));
  // The port loses a quarter of the time in which the tensor cores work for the other one, half of all such time:
  // 390 + (500 + 0.25 x 0.5 x 300) x 1.5 + 200.
  CHECK(round_beside({Cycles(300), Cycles(500), Cycles(200)}, 2, 0.25).si() == Approx(1396.25));
}

TEST_CASE("three CTAs, by hand") {
  // Two stations of 100 clk and no waits: of two CTAs each finds 0.5 at either, 300 clk a round and one at each on
  // average; the third takes 400.
  CHECK(round_beside({Cycles(100), Cycles(100), Cycles(0)}, 2, 0).si() == Approx(300));
  CHECK(round_beside({Cycles(100), Cycles(100), Cycles(0)}, 3, 0).si() == Approx(400));
}

TEST_CASE("many CTAs are as fast as the busier station, never faster, and each more CTA helps") {
  const Round round{Cycles(300), Cycles(500), Cycles(2000)};
  double before = 1e9;
  for (int ctas = 1; ctas <= 32; ++ctas) {
    const double each = round_beside(round, ctas, 0).si() / ctas;
    CHECK(each >= 500);
    CHECK(each < before);
    before = each;
  }
  CHECK(before == Approx(500).epsilon(0.02));
}

}  // namespace
}  // namespace perfmodel
