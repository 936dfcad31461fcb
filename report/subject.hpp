// What a prediction is asked for, one operator or a block, and the one way to solve either.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "arch/machine.hpp"
#include "model/predict.hpp"
#include "model/whole.hpp"
#include "workloads/block.hpp"
#include "workloads/library.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

using Subject = std::variant<Operator, Block>;

// An operator alone comes back as a sequence of one, and so does a block file of a single operator.
SequenceEstimate solve(const Machine& machine, const Library& library, const Subject& subject,
                       const PredictOptions& options);

// Where a load settles that draws more than the power limit while it is too short for that to act.
struct HeldLoad {
  Hertz clock;
  Watts power;
  Seconds total;  // of the subject
};

// The subject repeated for long, solved again; none where its power, as `estimate` has it, is within the limit.
std::optional<HeldLoad> held_load(const Machine& machine, const Library& library, const Subject& subject,
                                  const PredictOptions& options, const SequenceEstimate& estimate);

// The operator if the subject is one alone, else null.
const Operator* single_operator(const Subject& subject);

// The clock that the driver's tools would show, for comparison with measured ones.
Hertz reported_clock(const Estimate& estimate);

// "gemm", "attention", ...: the `op` of a table row.
std::string op_name(const Operator& op);

// The work in short, for a line of a report: "4096 x 12288 x 4096 fp8", "1 x 32 x 4096 x 128 causal bf16".
std::string describe_work(const Work& work);

// The subject in short: describe_work of an operator, "seq 4096, batch 1, fp8, fwd, dropout 0.1 fused" of a block.
std::string describe(const Subject& subject);

// What the reader should know about an operator's implementation, see impl_note(); "" for nothing.
std::string note_of(const Operator& op);

}  // namespace perfmodel
