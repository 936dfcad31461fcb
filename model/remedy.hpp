// What to change about an operator's kernel: what shows that it is wanted, the edit, and what it gains, found by
// solving again. Data for reports, searches and programs that ask; report/words.hpp puts it in words.
//
//     symptom  "2.06 waves of 132 CTAs: the last is 6 % full"
//     change   "tiles of 128 x 192"
//     edits    {"cta_m", "128"}, {"cta_n", "192"}
//     gain     0.083
#pragma once

#include <string>
#include <vector>

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "model/predict.hpp"
#include "workloads/library.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// A key of the operator or a parameter of its program, and the value to give it: KEY=VALUE of --set.
struct Edit {
  std::string key;
  std::string value;

  bool operator==(const Edit&) const = default;
};

// A change worth a try, not solved yet. The edits belong together; `op` is the operator with all of them.
struct Proposal {
  std::string symptom;  // what shows that it is wanted, with its figures
  std::string change;   // what to do, in words
  std::vector<Edit> edits;
  Operator op;
};

// A proposal that pays.
struct Remedy {
  std::string symptom;
  std::string change;
  std::vector<Edit> edits;
  Seconds time;       // of the operator with the change
  double gain = 0;    // how much more work is done in a time: before / after - 1
  Limiter limiter{};  // with the change
};

// What the operator's shape, its kernel and its limiter suggest, `found` being its estimate. Shapes, types and
// semantics stay, but for sizes that are padded. Nothing for what cannot run.
std::vector<Proposal> proposals(const Machine& machine, const Library& library, const Operator& op,
                                const Estimate& found);

inline constexpr double least_gain = 0.005;

// The proposals that gain at least `least`, solved alone, the best first.
std::vector<Remedy> remedies(const Machine& machine, const Library& library, const Operator& op,
                             const PredictOptions& options, double least = least_gain);

}  // namespace perfmodel
