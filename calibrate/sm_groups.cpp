#include "calibrate/sm_groups.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace perfmodel {

std::vector<int> sm_groups(int sms, const std::vector<std::vector<int>>& together) {
  std::vector<int> parent(static_cast<std::size_t>(sms));
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](int sm) {
    while (parent[static_cast<std::size_t>(sm)] != sm) sm = parent[static_cast<std::size_t>(sm)];
    return sm;
  };
  for (const std::vector<int>& set : together) {
    for (const int sm : set) {
      if (std::min(sm, set.front()) < 0 || std::max(sm, set.front()) >= sms) continue;
      const int one = root(set.front()), other = root(sm);
      parent[static_cast<std::size_t>(std::max(one, other))] = std::min(one, other);
    }
  }
  std::vector<int> groups(parent.size(), -1);
  int count = 0;
  for (int sm = 0; sm < sms; ++sm) {
    const int first = root(sm);  // the group's lowest SM: it has its index already, or is this one
    groups[static_cast<std::size_t>(sm)] = first == sm ? count++ : groups[static_cast<std::size_t>(first)];
  }
  return groups;
}

std::vector<std::vector<int>> members_of(const std::vector<int>& group_of_sm) {
  std::vector<std::vector<int>> members;
  for (std::size_t sm = 0; sm < group_of_sm.size(); ++sm) {
    const auto group = static_cast<std::size_t>(group_of_sm[sm]);
    if (group >= members.size()) members.resize(group + 1);
    members[group].push_back(static_cast<int>(sm));
  }
  return members;
}

}  // namespace perfmodel
