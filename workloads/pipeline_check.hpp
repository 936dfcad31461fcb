// What a program has to satisfy on any machine: it runs to its end from empty rings, its rings balance, and it does
// all the work that its operator asks for.
#pragma once

#include <cstdint>
#include <vector>

#include "support/diagnostic.hpp"
#include "workloads/evaluated_pipeline.hpp"
#include "workloads/pipeline.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// Rings without a giver or taker, looks at rings that the role never empties, slots given and not taken in an item,
// and waits that never end. Loops of many iterations are cut: what happens in a few happens in all.
void check_rings(const Pipeline& pipeline, Diagnostics& faults);

// Whether check_rings finds nothing, remembered: a search asks for many programs of the same structure.
class RingMemory {
 public:
  bool hold(const EvaluatedPipeline& evaluated);

 private:
  struct Known {
    std::vector<int> counts;  // slots and iterations
    bool held = false;
  };

  std::uint64_t structure_ = 0;
  std::vector<Known> known_;
  std::vector<int> counts_;
};

// Duties done short of the demand. The most telling first.
void check_coverage(const Pipeline& pipeline, Diagnostics& faults);
// `done`: what pipeline.done() gives.
void check_coverage(const Pipeline& pipeline, const PipelineDemand& done, Diagnostics& faults);

// True where the program does all of the work; for use before a program is believed at a shape.
bool covers(const Pipeline& pipeline);

// Everything above, at several shapes of the operator.
void check_pipeline(const PipelineFile& file, Diagnostics& faults);

}  // namespace perfmodel
