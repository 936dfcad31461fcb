// Why a program takes as long as it does on an SM: bounds, critical cycle, pipes, and what relaxing each constraint
// would buy, by solving again.
//
//     an iteration of segment 'full' takes 2875 clk, limited by recurrence
//       recurrence bound   2875 clk: read_s0 358 -> max0 140 -> exp0 922 -> write_p0 193 -> pv0 384 -> pv0b 128 -> qk0
//       750 resource bound     2048 clk: tensor
//     pipes: tensor 71 %, xu 62 %, ...
//     without the wait of each for the other: ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/sm_graph.hpp"
#include "model/sm_simulate.hpp"

namespace perfmodel {

struct CycleStep {
  std::string op;
  double cycles = 0;      // to the start of the next
  std::string actor;      // who does it: the role, "PV MMA" for a product, the operation itself for a copy
  std::string hand_over;  // what the next waits for, "P0 ready" or "S0 free"; empty inside one role or queue
};

struct PipeShare {
  std::string pipe;
  double busy = 0;         // cycles an iteration, all CTAs
  double utilisation = 0;  // of the interval
};

// What the interval would be without one constraint.
struct Relaxation {
  std::string what;
  double interval = 0;
};

struct SmExplanation {
  std::string segment;
  int ctas = 1;
  double interval = 0;          // cycles between iterations of one CTA, simulated
  double resource_bound = 0;    // all CTAs together
  double recurrence_bound = 0;  // of one CTA
  std::string busiest;          // pipe
  std::string limiter;          // "recurrence", a pipe, or "contention" where neither bound explains the interval
  std::vector<CycleStep> cycle;
  std::vector<PipeShare> pipes;         // the busiest first
  std::vector<Relaxation> relaxations;  // the most useful first
};

// Cycles that one iteration of all CTAs needs of its busiest pipe.
double resource_bound(const SmCode& code, int segment, int ctas);

// The segment with most iterations, or with most work where none is a loop.
int main_segment(const SmCode& code);

SmExplanation explain(const SmCode& code, int ctas);

std::string explanation_text(const SmExplanation& explanation);

// The critical cycle in words, neighbours of one actor taken together:
// "softmax0 -> P0 ready -> PV MMA -> QK MMA -> S0 ready: 2,719 of 2,727 clk".
std::string cycle_words(const SmExplanation& explanation);

// "2,719"
std::string with_commas(double value);

}  // namespace perfmodel
