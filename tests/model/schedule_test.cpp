#include "model/schedule.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace perfmodel {
namespace {

using doctest::Approx;

std::vector<Cycles> cycles(std::initializer_list<double> values) {
  std::vector<Cycles> result;
  for (const double value : values) {
    result.emplace_back(value);
  }
  return result;
}

TEST_CASE("list scheduling by hand") {
  CHECK(list_schedule(cycles({3, 2, 1}), 1, 2).si() == Approx(3));
  CHECK(list_schedule(cycles({1, 2, 3}), 1, 2).si() == Approx(4));  // 1 then 3 on one worker, 2 on the other
  CHECK(list_schedule(cycles({5}), 7, 3).si() == Approx(15));       // three rounds
  CHECK(list_schedule({}, 3, 2).si() == 0);
}

TEST_CASE("leaving out whole rounds changes the end by less than an item") {
  const std::vector<Cycles> items = cycles({8, 7, 6, 5, 4, 3, 2, 1});
  const double work = 36.0 * 2000;
  const Cycles end = list_schedule(items, 2000, 132);
  CHECK(end.si() >= work / 132);
  CHECK(end.si() <= work / 132 + 8);
}

TEST_CASE("a CTA alone on its SM runs faster than one of two") {
  // One item: alone, twice as fast.
  CHECK(paired_schedule(cycles({10}), 1, 1, 2.0).si() == Approx(5));
  // Two on one SM share it; the second starts 3 % later and ends alone: 10 shared, then 0.3 at twice the speed.
  CHECK(paired_schedule(cycles({10}), 2, 1, 2.0).si() == Approx(10.15));
  // Two SMs, two items: each has one to itself.
  CHECK(paired_schedule(cycles({10}), 2, 2, 2.0).si() == Approx(5));
}

TEST_CASE("schedules longer than 2^33 cycles still end") {
  const std::vector<Cycles> items = cycles({3.1e9, 2.9e9, 7.7e8, 1.3e8});
  const Cycles end = paired_schedule(items, 500, 132, 1.6);
  CHECK(end.si() >= 500 * 6.9e9 / (2 * 132));
  CHECK(end.si() <= 500 * 6.9e9 / (2 * 132) + 2 * 3.1e9);
}

}  // namespace
}  // namespace perfmodel
