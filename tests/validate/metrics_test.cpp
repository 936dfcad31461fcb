// Metrics against cases worked by hand.
#include "validate/metrics.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace perfmodel {
namespace {

Outcome outcome(double measured, double predicted, double lower = 0.0, double upper = 0.0) {
  return {Seconds(measured), Seconds(predicted), Seconds(lower), Seconds(upper)};
}

TEST_CASE("errors, intervals and their widths") {
  const std::vector<Outcome> outcomes{outcome(1.0, 1.1, 1.0, 1.2), outcome(1.0, 0.8, 0.7, 0.9),
                                      outcome(2.0, 2.0, 1.5, 2.5), outcome(4.0, 5.2, 3.9, 6.5)};
  const Accuracy result = accuracy(outcomes);
  CHECK(result.n == 4);
  CHECK(result.mean == doctest::Approx((0.1 + 0.2 + 0.0 + 0.3) / 4));
  CHECK(result.median == doctest::Approx(0.15));  // mean of the middle two
  CHECK(result.p95 == doctest::Approx(0.2));      // index floor(0.95 * 3) = 2
  CHECK(result.bias == doctest::Approx((0.1 - 0.2 + 0.0 + 0.3) / 4));
  CHECK(result.coverage == doctest::Approx(0.75));  // the interval's ends belong to it
  CHECK(result.width == doctest::Approx(0.375));    // of 0.1818, 0.25, 0.5, 0.5
}

TEST_CASE("no outcomes, no figures") {
  CHECK(accuracy({}).n == 0);
  CHECK(accuracy({}).mean == 0.0);
  CHECK(ranking({}, {}).problems == 0);
  CHECK(pays_right({}) == 0.0);
  CHECK(median({}) == 0.0);
  CHECK(mean({}) == 0.0);
}

TEST_CASE("a perfect order and a reversed one") {
  std::vector<Outcome> right;
  std::vector<Outcome> wrong;
  std::vector<std::size_t> problem;
  for (int i = 1; i <= 6; ++i) {
    right.push_back(outcome(i, 10.0 * i));
    wrong.push_back(outcome(i, 10.0 - i));
    problem.push_back(0);
  }
  CHECK(ranking(right, problem).top1 == 0.0);
  CHECK(ranking(right, problem).tau == doctest::Approx(1.0));
  CHECK(ranking(wrong, problem).tau == doctest::Approx(-1.0));
  CHECK(ranking(wrong, problem).top1 == doctest::Approx(5.0));  // took 6 where 1 was to be had
  CHECK(ranking(wrong, problem).top5 == doctest::Approx(1.0));  // of 6, 5, 4, 3, 2 the best is 2
}

TEST_CASE("ties and small problems") {
  // One of six pairs ties in prediction, one of the others is discordant: (4 - 1) / 6.
  const std::vector<Outcome> outcomes{outcome(1, 1), outcome(2, 1), outcome(3, 2), outcome(4, 1.5)};
  const std::vector<std::size_t> one(4, 0);
  CHECK(ranking(outcomes, one).tau == doctest::Approx(3.0 / 6.0));
  const std::vector<Outcome> same{outcome(1, 1), outcome(1, 2), outcome(1, 3), outcome(2, 4)};
  CHECK(ranking(same, one).tau == doctest::Approx(1.0));  // only pairs that differ in measurement count
  const std::vector<std::size_t> apart{0, 0, 0, 1};
  CHECK(ranking(outcomes, apart).problems == 0);
}

TEST_CASE("problems weigh the same") {
  std::vector<Outcome> outcomes;
  std::vector<std::size_t> problem;
  for (int i = 1; i <= 4; ++i) {
    outcomes.push_back(outcome(i, i));
    problem.push_back(3);
  }
  for (int i = 1; i <= 8; ++i) {
    outcomes.push_back(outcome(i, -i));
    problem.push_back(9);
  }
  const Ranking result = ranking(outcomes, problem);
  CHECK(result.problems == 2);
  CHECK(result.tau == doctest::Approx(0.0));
  CHECK(result.top1 == doctest::Approx(3.5));
  CHECK(result.top1_worst == doctest::Approx(7.0));
}

TEST_CASE("overlap pays beyond two per cent") {
  CHECK_FALSE(pays(Seconds(1.02), Seconds(1.0)));
  CHECK(pays(Seconds(1.03), Seconds(1.0)));
  const std::vector<OverlapOutcome> outcomes{
      {Seconds(1.0), Seconds(1.2), Seconds(1.0), Seconds(1.1)},   // pays, said so
      {Seconds(1.0), Seconds(1.0), Seconds(1.0), Seconds(1.1)},   // does not, said it does
      {Seconds(1.0), Seconds(1.2), Seconds(1.0), Seconds(1.01)},  // pays, said it does not
      {Seconds(1.0), Seconds(0.9), Seconds(2.0), Seconds(1.0)}};  // does not, said so
  CHECK(pays_right(outcomes) == doctest::Approx(0.5));
}

}  // namespace
}  // namespace perfmodel
