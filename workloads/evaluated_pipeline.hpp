// A pipeline with what it was evaluated from, so that evaluating its file once more redoes only what differs: a search
// asks for few structures with many settings.
#pragma once

#include <memory>
#include <vector>

#include "workloads/pipeline.hpp"

namespace perfmodel {

class CompiledPipeline;

// The numbers of a file's formulas; of none where `of` is null.
struct FormulaValues {
  std::shared_ptr<const CompiledPipeline> of;
  std::vector<double> numbers;
};

struct EvaluatedPipeline {
  Pipeline pipeline;
  FormulaValues values;
  // What may differ from when somebody last cleared this.
  bool anew = true;           // anything
  std::vector<char> changed;  // else only these operations and numbers of other parts; of all segments in order

  void clear_changes() {
    anew = false;
    changed.assign(changed.size(), 0);
  }
};

}  // namespace perfmodel
