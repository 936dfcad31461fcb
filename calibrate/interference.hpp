// Which rule explains who slows whom where warps work beside a loop of the tensor cores on one SM, from how much slower
// each became.
//
//     for (const InterferenceRule& rule : interference_rules(cases)) ...
//       rule.name "age", rule.value 1.00, rule.note "no difference: wgmma is slowed 1.21 times beside warps with lower
//       ..."
#pragma once

#include <string>
#include <vector>

namespace perfmodel {

// What the extra warps, left alone, ask of an SM in a clock.
struct WorkLoad {
  double issue = 0;         // instructions, of a sub-partition
  double operands = 0;      // registers of a warp that are read, of a sub-partition
  double shared_bytes = 0;  // bytes of shared memory, of the SM
};

struct Interference {
  std::string mma;   // "n=256 ss": both operands in shared memory; "rs": A in registers; "fed": by the copy engine
  std::string work;  // "lop3"
  int groups = 0;    // warpgroups that multiply
  int warps = 0;     // extra warps
  bool extra_first = false;  // they have the lower numbers
  double lead = 0;           // clocks by which the extra warps began before the others
  double mma_slowdown = 1;   // times as long as alone
  double work_slowdown = 1;
  double mma_bytes = 0;  // of shared memory that the tensor loop alone reads in a clock
  WorkLoad load;
};

struct InterferenceRule {
  std::string name;
  double value = 0;
  std::string note;  // a plain answer, one line
};

// Rules for which no cases were measured are left out.
std::vector<InterferenceRule> interference_rules(const std::vector<Interference>& cases);

}  // namespace perfmodel
