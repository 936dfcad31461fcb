#include "calibrate/dram_ramp.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace perfmodel {
namespace {

std::vector<StreamTime> streams(double start, double ramp, double ramp_bytes, double rate, double noise) {
  std::vector<StreamTime> result;
  int sign = 1;
  for (double bytes = 65536; bytes <= 536870912; bytes *= 2, sign = -sign) {
    const double time = start + bytes / rate + ramp * (1 - std::exp(-bytes / ramp_bytes));
    result.push_back({Bytes(bytes), Seconds(time * (1 + sign * noise))});
  }
  return result;
}

}  // namespace

TEST_CASE("the ramp of a stream is found again") {
  const DramRamp fit = fit_ramp(streams(0.9e-6, 1.3e-6, 2e6, 3e12, 0));
  CHECK(fit.start.si() == doctest::Approx(0.9e-6).epsilon(0.02));
  CHECK(fit.ramp.si() == doctest::Approx(1.3e-6).epsilon(0.02));
  CHECK(fit.ramp_bytes.si() == doctest::Approx(2e6).epsilon(0.06));
  CHECK(fit.rate.si() == doctest::Approx(3e12).epsilon(0.001));
  CHECK(fit.error < 1e-3);
}

TEST_CASE("one per cent of noise leaves it within a fifth") {
  const DramRamp fit = fit_ramp(streams(0.9e-6, 1.3e-6, 2e6, 3e12, 0.01));
  CHECK(fit.ramp.si() == doctest::Approx(1.3e-6).epsilon(0.2));
  CHECK(fit.rate.si() == doctest::Approx(3e12).epsilon(0.01));
}

TEST_CASE("no ramp, no negative one; too few sizes, no fit") {
  const DramRamp fit = fit_ramp(streams(1e-6, 0, 1e6, 3e12, 0));
  CHECK(fit.start.si() + fit.ramp.si() == doctest::Approx(1e-6).epsilon(0.02));
  CHECK(fit.ramp.si() >= 0);
  CHECK(fit_ramp({}).rate.si() == 0);
}

}  // namespace perfmodel
