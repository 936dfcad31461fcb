// The fitted roofline: its terms by hand, and that the fit finds constants that made the data.
#include "validate/baseline.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "arch/load.hpp"

namespace perfmodel {
namespace {

Gemm gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  Gemm result;
  result.m = m;
  result.n = n;
  result.k = k;
  return result;
}

TEST_CASE("terms of a GEMM") {
  const Machine machine = load_machine("h100-sxm");
  const RooflineTerm term = roofline_term(machine, gemm(4096, 4096, 4096));
  const double peak = 132.0 * machine.tensor.bf16.value.si() * machine.clock.datasheet.value.si();
  CHECK(term.compute.si() == doctest::Approx(2.0 * std::pow(4096.0, 3) / peak));
  CHECK(term.memory.si() == doctest::Approx(3.0 * 4096 * 4096 * 2 / 3.35e12));
}

TEST_CASE("terms of attention count each tensor once, and twice and more backward") {
  const Machine machine = load_machine("h100-sxm");
  Attention attention;
  attention.batch = 2;
  attention.heads = 8;
  attention.kv_heads = 2;
  attention.seq_q = attention.seq_kv = 1024;
  attention.head_dim = attention.head_dim_v = 128;
  const double queries = 2.0 * 8 * 1024 * 128 * 2;
  const double keys = 2.0 * 2 * 1024 * 128 * 2;
  CHECK(roofline_term(machine, attention).memory.si() == doctest::Approx((2 * queries + 2 * keys) / 3.35e12));
  attention.pass = Pass::bwd;
  CHECK(roofline_term(machine, attention).memory.si() == doctest::Approx((5 * queries + 4 * keys) / 3.35e12));
}

TEST_CASE("a mask moves one bit an element") {
  const Machine machine = load_machine("h100-sxm");
  CHECK(roofline_term(machine, Rng{.elements = 8'000'000}).memory.si() == doctest::Approx(1e6 / 3.35e12));
  CHECK(roofline_term(machine, Rng{.elements = 8'000'000}).compute.si() == 0.0);
}

TEST_CASE("the fit recovers the constants of a roofline") {
  const FittedRoofline truth{Seconds(5e-6), 0.6, 0.85};
  std::vector<RooflineRow> rows;
  for (int i = 1; i <= 40; ++i) {
    const RooflineTerm term{Seconds(1e-6 * i * (i % 3 == 0 ? 4 : 1)), Seconds(1e-6 * i * (i % 2 == 0 ? 3 : 1))};
    rows.push_back({{term}, truth.time(std::vector{term})});
  }
  const FittedRoofline found = fit_roofline(rows);
  CHECK(found.start.si() == doctest::Approx(5e-6).epsilon(0.02));
  CHECK(found.compute_share == doctest::Approx(0.6).epsilon(0.02));
  CHECK(found.memory_share == doctest::Approx(0.85).epsilon(0.02));
}

TEST_CASE("a block is the sum of its terms") {
  const std::vector<RooflineTerm> terms{{Seconds(4.0), Seconds(1.0)}, {Seconds(1.0), Seconds(3.0)}};
  const FittedRoofline roofline{Seconds(0.5), 0.5, 1.0};
  CHECK(roofline.time(terms).si() == doctest::Approx(0.5 + 8.0 + 3.0));
}

}  // namespace
}  // namespace perfmodel
