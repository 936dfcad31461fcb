// Which SMs belong together, from sets of SMs that ran one cluster: a cluster stays inside a GPC.
#pragma once

#include <vector>

namespace perfmodel {

// One group index an SM, 0 upwards in the order of the groups' first SMs. SMs seen in no set are groups of their own.
std::vector<int> sm_groups(int sms, const std::vector<std::vector<int>>& together);

// The SMs of each group, rising.
std::vector<std::vector<int>> members_of(const std::vector<int>& group_of_sm);

}  // namespace perfmodel
