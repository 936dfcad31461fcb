// A pipeline with what it was evaluated from, so that evaluating its file once more redoes only what differs: a search
// asks for few structures with many settings.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "workloads/formula.hpp"
#include "workloads/pipeline.hpp"

namespace perfmodel {

class CompiledPipeline;

// What follows from some of a file's inputs.
struct FormulaRedo {
  std::uint64_t inputs = 0;
  std::vector<FormulaStep> steps;
  std::vector<std::size_t> checks;
};

// The numbers of a file's formulas; of none where `of` is null.
struct FormulaValues {
  std::shared_ptr<const CompiledPipeline> of;
  std::vector<double> numbers;
  std::vector<FormulaRedo> redo;  // for the sets of inputs that have changed lately
};

struct EvaluatedPipeline {
  Pipeline pipeline;
  FormulaValues values;
  // What may differ from when somebody last cleared this.
  bool anew = true;  // anything
  // Another number for each that was made anew: as long as it stays, operations, roles and rings do, and what gives to
  // and takes from what.
  std::uint64_t structure = 0;
  std::vector<char> changed;  // else only these operations and numbers of other parts; of all segments in order

  void make_anew() {
    anew = true;
    ++structure;
  }
  void clear_changes() {
    anew = false;
    changed.assign(changed.size(), 0);
  }
};

}  // namespace perfmodel
