// The external evaluator: a command that compiles a design, checks it on inputs that it draws itself, and times it.
//
// It runs in a box with candidate.json, program.yaml where the design is a program, and problems.json:
//     {"seed": 1234, "problems": [{"op": "attention", "batch": 4, "heads": 32, ...}, ...]}
// and prints a JSON object as its last line:
//     {"correct": true, "times_us": [812.4, ...], "spread": 0.004}     or     {"correct": false, "reason": "..."}
// A compile command prints what the compiler made of the design, for the model to look again:
//     {"correct": true, "columns": {"registers": 168, "spills": 0, "smem": 131072}}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/design.hpp"
#include "search/evolve_file.hpp"
#include "search/fitness.hpp"
#include "search/suite.hpp"

namespace perfmodel {

// The useful work of each problem over its time; refused where the command fails, says so or says nothing sound.
Fitness measure(const ExternalCommand& command, const Suite& suite, const Design& design, std::uint64_t seed);

Compiled compile(const ExternalCommand& command, const Suite& suite, const Design& design);

// problems.json
std::string problems_json(const Suite& suite, std::uint64_t seed);

}  // namespace perfmodel
