// Phrases and cells that the views for people share.
#pragma once

#include <string>
#include <vector>

#include "report/study.hpp"
#include "support/grid.hpp"

namespace perfmodel {

// Breaks at blanks; continuation lines start with `indent` blanks.
std::vector<std::string> wrapped(const std::string& text, std::size_t width, std::size_t indent);

// "1.73 to 1.93 ms", in the unit of the upper end.
std::string interval_text(Seconds lower, Seconds upper);

// "tensor (2 %)": the limiter that comes next and how much shorter its bound is.
std::string next_text(const Estimate& estimate);

// "34 %", "0.4 %"
std::string share_text(double share);

// "+3.2 %", "-11 %"
std::string change_text(double change);

// "the 700 W limit holds the clock at 1490 of 1980 MHz"
std::string clock_text(const SequenceEstimate& estimate, Hertz top, Watts limit);

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
