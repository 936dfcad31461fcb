// What a row of a table asked for, in words.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "support/table.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// The cells of the columns that the row's op reads, but for `left_out`: "m=4096 n=4096".
std::string inputs_of(const Table& table, std::size_t row, const Operator& op,
                      std::span<const std::string_view> left_out = {});

}  // namespace perfmodel
