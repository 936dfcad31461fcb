#include "calibrate/port_verdict.hpp"

#include <doctest/doctest.h>

namespace perfmodel {

TEST_CASE("two classes of one port take the sum of both") {
  const PortVerdict verdict = port_verdict({.together = 4.03, .first = 2.0, .second = 2.01, .issue = 2.0});
  CHECK(verdict.sharing == PortSharing::shared);
  CHECK(verdict.text == "share a port: 4.03 clk together, 2.00 and 2.01 alone");
}

TEST_CASE("two ports take as long as the slower class") {
  const PortVerdict verdict = port_verdict({.together = 8.1, .first = 8.0, .second = 8.0, .issue = 5.0});
  CHECK(verdict.sharing == PortSharing::side_by_side);
  CHECK(verdict.text == "run side by side: 8.10 clk together, 8.00 and 8.00 alone");
}

TEST_CASE("where the scheduler needs longer than either class, it is the bound of side by side") {
  CHECK(port_verdict({.together = 3.03, .first = 2.0, .second = 2.0, .issue = 3.0}).sharing ==
        PortSharing::side_by_side);
}

TEST_CASE("what the scheduler serves one after the other anyway tells nothing") {
  const PortVerdict verdict = port_verdict({.together = 2.0, .first = 1.0, .second = 1.0, .issue = 2.0});
  CHECK(verdict.sharing == PortSharing::hidden);
  CHECK(verdict.text == "the issue limit hides whether they share a port: 2.00 clk together, 1.00 and 1.00 alone");
}

TEST_CASE("between both, and beyond") {
  const PortVerdict partly = port_verdict({.together = 3.0, .first = 2.0, .second = 2.0, .issue = 2.0});
  CHECK(partly.sharing == PortSharing::partly);
  CHECK(partly.overlap == doctest::Approx(0.5));
  const PortVerdict worse = port_verdict({.together = 5.0, .first = 2.0, .second = 2.0, .issue = 2.0});
  CHECK(worse.sharing == PortSharing::shared);
  CHECK(worse.text == "slower than one after the other: 5.00 clk together, 2.00 and 2.00 alone");
}

}  // namespace perfmodel
