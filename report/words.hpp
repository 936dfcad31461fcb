// Phrases and cells that the views for people share.
#pragma once

#include <string>
#include <vector>

#include "report/study.hpp"
#include "support/grid.hpp"

namespace perfmodel {

// "1.73 to 1.93 ms", in the unit of the upper end.
std::string interval_text(Seconds lower, Seconds upper);

// "tensor (2 %)": the limiter that comes next and how much shorter its bound is.
std::string next_text(const Estimate& estimate);

// "launch 1.55 us, fill 1.13 us, steady 174 us, tail 4.78 us"
std::string parts_text(const Parts& parts);

// "tensor 83 %, l2 47 %": the busiest first, those below half a percent left out.
std::string utilisation_text(const Utilisation& use);

// "DRAM 64.0 MiB read, 32.0 MiB written; L2 800 MiB; shared memory 4.06 GiB"
std::string traffic_text(const Traffic& traffic);

// "34 %", "0.4 %"
std::string share_text(double share);

// "+3.2 %", "-11 %"
std::string change_text(double change);

// "the 700 W limit holds the clock at 1490 of 1980 MHz"
std::string clock_text(const SequenceEstimate& estimate, Hertz top, Watts limit);

// ", over the 1000 W limit, which takes longer to act: repeated for long 1000 W at 1483 MHz, 866 us"; empty for none.
std::string held_text(const std::optional<HeldLoad>& held, Watts limit);

// "qkv", "previous ffn_up"
std::string host_text(const HiddenPart& part);

// "46 % of its 257 us hidden beside previous ffn_up (Triton 128x256, 132 CTAs of 128 threads): ..."
std::string hiding_text(const Hiding& hiding);

// The first sentence or two: the total, and what dominates it.
std::vector<std::string> verdict_lines(const Study& study);

// A fact under its heading, {"dropout", "costs ..."}; several in a row may have the same.
struct Fact {
  std::string heading;
  std::string text;
};
std::vector<Fact> facts_of(const Study& study);

// A row for each operator, the total and the matmul subtotal. Beyond `most` operators the shortest are added up in one
// row at the end.
Grid operator_grid(const SequenceEstimate& sequence, std::size_t most);

// Of one operator: each bound with its time alone and its share of the longest.
Grid bound_grid(const Estimate& estimate);

}  // namespace perfmodel
