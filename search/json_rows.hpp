// Table rows as JSON objects, for those who have no CSV: {"op": "gemm", "m": 4096, ...}.
#pragma once

#include <string_view>
#include <vector>

#include "search/candidate.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// A list of rows, or one. Throws InputError for malformed JSON and for every fault that a table's reader finds.
std::vector<Operator> operators_from_json(std::string_view json);

// {"kernel": {...}} or {"program": ..., "moves": [...], "set": {...}}, as in the oracle's protocol.
Candidate candidate_from_json(std::string_view json);

}  // namespace perfmodel
