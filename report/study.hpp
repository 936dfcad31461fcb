// A prediction with all that a report says about it: what dropout costs, which constants the answer rests on, what a
// change would buy. One struct, filled here by solving the model again and again; every view reads it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report/subject.hpp"

namespace perfmodel {

// How the total follows one constant of the machine.
struct Influence {
  std::string key;  // "dram.bandwidth"
  Origin source = Origin::absent;
  double effect = 0;   // relative change of the total when the constant grows by 1 %
  bool count = false;  // a whole number, which moved by one
};

// The constants that the total follows by more than 0.01 % when they change by 1 %, the strongest first.
struct Evidence {
  std::size_t constants = 0;  // that the machine has
  std::vector<Influence> influences{};

  [[nodiscard]] std::size_t count(Origin source) const;
};

// Perturbs every constant by 1 % (a count by one, its effect scaled to 1 %) at the fidelity given, the kernels staying
// those that the libraries choose on the machine as it is. Of the total, or of the time of one `item`.
Evidence evidence_of(const Machine& machine, const Library& library, const Subject& subject,
                     const PredictOptions& options, std::optional<std::size_t> item = {});

// What a change would make of the total: a variant of the subject that can run, or a machine with twice of what a
// limiter is short of. Kernel changes first, the greatest saving first; savings below 0.5 % are left out.
struct Advice {
  std::string change;     // "dropout_mode=sequential", "twice pipes.xu.rate"
  bool hardware = false;  // another machine rather than another kernel
  Seconds total;
};

// The subject changed in one respect, for comparison.
struct Variant {
  std::string change;
  Subject subject;
};

struct StudyRequest {
  Subject subject;
  std::optional<Subject> without_dropout;          // the same with dropout 0; empty if the subject has none
  std::function<std::vector<Variant>()> variants;  // called while the evidence is worked out; may be empty
  PredictOptions options;
};

struct Study {
  std::string name;
  std::string settings;  // of the subject, for people: "seq 4096, batch 1, fp8, fwd"
  bool single = false;   // one operator rather than a block
  std::string machine;   // id
  std::string machine_name;
  Hertz top_clock;
  Watts power_limit;
  Calibration calibration;
  Fidelity fidelity = Fidelity::pipeline;
  SequenceEstimate estimate;
  std::optional<HeldLoad> held;
  std::optional<SequenceEstimate> without_dropout;
  Evidence evidence;
  std::vector<Advice> advice;
  std::vector<std::string> notes;

  // Only the first operator of a single one.
  [[nodiscard]] const SequenceItem& only() const { return estimate.items.front(); }
};

// Solves everything a study holds. A subject that cannot run has its refusal in the estimate and nothing beside it.
Study study(const Machine& machine, const Library& library, const StudyRequest& request);

}  // namespace perfmodel
