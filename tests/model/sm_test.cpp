#include "model/sm.hpp"

#include <doctest/doctest.h>

#include "tests/model/machines.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

Program program(double count, double tensor, double issue, double serial, double interval = 0) {
  Segment segment;
  segment.count = count;
  segment.busy[Resource::tensor] = Cycles(tensor);
  segment.busy[Resource::issue] = Cycles(issue);
  segment.serial = serial;
  segment.interval = Cycles(interval);
  Program result;
  result.add(segment);
  return result;
}

SmRates rates_of(std::initializer_list<Resident> residents) {
  const std::vector<Resident> all(residents);
  return sm_rates(test::h100(), OperatingPoint{}, all, Fidelity::bound);
}

TEST_CASE("an iteration takes its busiest resource, and the share of the rest that is not hidden") {
  const Program hidden = program(10, 100, 60, 0.0);
  const Program half = program(10, 100, 60, 0.5);
  const Program serial = program(10, 100, 60, 1.0);
  CHECK(rates_of({{&hidden, 1}}).residents[0].item.si() == Approx(1000));
  CHECK(rates_of({{&half, 1}}).residents[0].item.si() == Approx(1300));
  CHECK(rates_of({{&serial, 1}}).residents[0].item.si() == Approx(1600));
}

TEST_CASE("CTAs of a kind hide each other's gaps until a resource is full") {
  const Program serial = program(10, 100, 60, 1.0);
  // Two together need 200 clocks of the tensor cores an iteration, more than the 160 of one alone.
  CHECK(rates_of({{&serial, 2}}).residents[0].item.si() == Approx(2000));
  CHECK(rates_of({{&serial, 2}}).utilisation[0] == Approx(1.0));
}

TEST_CASE("dependent steps bound an iteration from below") {
  const Program waiting = program(4, 100, 60, 0.0, /*interval=*/250);
  const SmRates rates = rates_of({{&waiting, 1}});
  CHECK(rates.residents[0].item.si() == Approx(1000));
  CHECK(rates.residents[0].limiter == Limiter::recurrence);
  CHECK(rates.utilisation[0] == Approx(0.4));
}

TEST_CASE("unlike residents share a full resource alike, and leave a free one alone") {
  const Program matrix = program(1, 100, 0, 0.0);
  const Program random = program(1, 0, 100, 0.0);
  const SmRates apart = rates_of({{&matrix, 1}, {&random, 1}});
  CHECK(apart.residents[0].item.si() == Approx(100));
  CHECK(apart.residents[1].item.si() == Approx(100));
  const SmRates together = rates_of({{&matrix, 1}, {&matrix, 1}});
  CHECK(together.residents[0].item.si() == Approx(200));
  CHECK(together.utilisation[0] == Approx(1.0));
}

}  // namespace
}  // namespace perfmodel
