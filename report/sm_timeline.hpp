// What happens when on one SM: a Chrome trace that Perfetto opens, and a drawing for the terminal.
//
//     clk             2000      3000      4000      5000
//     softmax0   000.....rrmmeeeeeeeeww..ss.......
//     softmax1   ..........
//     tensor     QQQQpppQ
//
// A row a role or engine, a letter an operation (the legend below the rows), '.' while it waits.
#pragma once

#include <string>
#include <vector>

#include "model/sm_simulate.hpp"

namespace perfmodel {

// The events of one resident's code; times in microseconds at that clock.
std::string sm_chrome_trace(const SmCode& code, const std::vector<SmEvent>& events, Hertz clock);

// From `begin` to `end` cycles, in lines of at most `width` columns.
std::string sm_ascii_timeline(const SmCode& code, const std::vector<SmEvent>& events, double begin, double end,
                              int width = 80);

}  // namespace perfmodel
