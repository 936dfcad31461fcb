// The operators of a prediction as a Chrome trace, for Perfetto (ui.perfetto.dev) and chrome://tracing.
//
//     {"displayTimeUnit": "ns", "traceEvents": [
//       {"name": "qkv", "ph": "X", "ts": 0.0, "dur": 321.4, "pid": 1, "tid": 0, "args": {"limiter": "power", ...}},
//       {"name": "steady", "ph": "X", "ts": 4.1, "dur": 300.2, "pid": 1, "tid": 0}, ...]}
//
// One track a stream, operators end to end in the order of execution; below each its launch, fill, steady work and
// tail. Two more tracks count the SM clock [MHz] and the board power [W]. Times are microseconds, as the format wants.
#pragma once

#include <string>

#include "report/study.hpp"

namespace perfmodel {

std::string chrome_trace(const Study& study);

}  // namespace perfmodel
