// Predictions as JSON for programs: SI base units (seconds, bytes, hertz, watts), no unit in a name.
// docs/json-schema.md describes every key.
//
//     {"schema_version": 1, "generator": "perfmodel 0.1.0", "kind": "block",
//      "machine": {"id": "h100-sxm", ...}, "fidelity": "pipeline",
//      "prediction": {"name": "llama2_block", "time": 1.82e-3, "interval": {"lower": ..., "upper": ..., "level": 0.9},
//                     "limiter": "power", ..., "operators": [{"name": "qkv", "op": "gemm", "time": ...}, ...]},
//      "dropout": {...}, "provenance": {...}, "advice": [...]}
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "report/study.hpp"

namespace perfmodel {

// Raised when a key changes its meaning or goes away; not for new keys.
inline constexpr int json_schema_version = 1;

// The document of one study, pretty-printed, with a newline at the end.
std::string json_report(const Study& study);

// A prediction of one operator: all that json_report says of one.
// Where a load settles that draws more than the power limit while it is too short for that to act.
nlohmann::ordered_json held_json(const HeldLoad& held);

nlohmann::ordered_json operator_json(const Operator& op, const Estimate& estimate);

// Totals of a sequence and its operators.
nlohmann::ordered_json sequence_json(const SequenceEstimate& sequence);

// How a mask that may be hidden is made.
nlohmann::ordered_json hiding_json(const Hiding& hiding);

// What the answer rests on.
nlohmann::ordered_json evidence_json(const Evidence& evidence);

nlohmann::ordered_json machine_json(const Machine& machine);
nlohmann::ordered_json machine_json(const Study& study);

std::string_view fidelity_name(Fidelity fidelity);

// schema_version, generator and kind, in front of what a document holds.
nlohmann::ordered_json document(std::string_view kind);

}  // namespace perfmodel
