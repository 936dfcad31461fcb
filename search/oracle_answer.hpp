// Answers of the oracle's protocol, a line each (docs/oracle.md):
//
//     {"schema_version":1,"id":7,"geomean":1480.2,"tflops":[1391.8,...],"feasible":true,"stage":"pipeline","cut":false,
//      "defer":false,"reasons":[],"time":[...],"lower":[...],"upper":[...],"limiter":["tensor",...],"second":[...],
//      "slack":[...]}
//     {"schema_version":1,"id":null,"error":{"line":3,"message":"malformed JSON"}}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "search/oracle_request.hpp"
#include "search/score.hpp"

namespace perfmodel {

// Raised when a key changes its meaning or goes away; not for new keys.
inline constexpr int oracle_schema_version = 1;

void append_answer(std::string& out, const RequestId& id, const Score& score);
void append_definition(std::string& out, const RequestId& id, const Definition& definition);
// `line` counts from 1.
void append_fault(std::string& out, const RequestId& id, std::uint64_t line, std::string_view message);

}  // namespace perfmodel
