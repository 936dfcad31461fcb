// What the operators of a block wait for: the one before in their stream, and those that write what they read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "support/diagnostic.hpp"
#include "workloads/block.hpp"

namespace perfmodel {

// An operator waited for; `tensor` is why, "" for the order of a stream.
struct Wait {
  std::size_t on = 0;
  std::string tensor;
};

// For each operator, in the order given. A reader waits for the last writer before it in the list, else for the first
// one after it on another stream; what nobody of those writes comes from outside, or from the repetition before.
std::vector<std::vector<Wait>> waits_of(const std::vector<BlockOperator>& operators);

// Whether `op` runs after `on` because it waits for it, be it by way of others.
bool waits_for(const std::vector<std::vector<Wait>>& waits, std::size_t op, std::size_t on);

// Puts the operators in an order in which each comes after what it waits for, that of the list where it is free.
// Recorded as faults, with the places that are in conflict: operators that wait for each other, and masks to be made
// under what is no GEMM or waits for them.
void order_operators(std::vector<BlockOperator>& operators, Diagnostics& faults);

}  // namespace perfmodel
