#include "calibrate/sm_groups.hpp"

#include <doctest/doctest.h>

namespace perfmodel {

TEST_CASE("sets that share an SM are one group") {
  const std::vector<int> groups = sm_groups(8, {{4, 5}, {0, 2}, {5, 7}, {2, 3}});
  CHECK(groups == std::vector<int>{0, 1, 0, 0, 2, 2, 3, 2});
  CHECK(members_of(groups) == std::vector<std::vector<int>>{{0, 2, 3}, {1}, {4, 5, 7}, {6}});
}

TEST_CASE("no sets, and SMs that do not exist") {
  CHECK(sm_groups(3, {}) == std::vector<int>{0, 1, 2});
  CHECK(sm_groups(2, {{0, 9}, {1, 0}}) == std::vector<int>{0, 0});
}

}  // namespace perfmodel
