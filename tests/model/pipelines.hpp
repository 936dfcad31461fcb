// Programs and machines that the tests of the simulated SM share.
#pragma once

#include <string>
#include <vector>

#include "arch/load.hpp"
#include "model/sm_explain.hpp"
#include "model/sm_graph.hpp"
#include "model/sm_simulate.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel::test {

inline const Machine& b200() {
  static const Machine machine = load_machine("b200");
  return machine;
}

inline const Machine& h100_machine() {
  static const Machine machine = load_machine("h100-sxm");
  return machine;
}

inline SmCode code_of(const Machine& machine, const PipelineFile& file, std::vector<SequenceParameter> given = {}) {
  return price(machine, operating_point(machine, machine.clock.datasheet.value), file.pipeline(given));
}

inline SmCode code_of(const std::string& name, std::vector<SequenceParameter> given = {}) {
  return code_of(b200(), PipelineFile::load(name), std::move(given));
}

inline int segment_of(const SmCode& code, const std::string& name) {
  for (std::size_t i = 0; i < code.segment_names.size(); ++i) {
    if (code.segment_names[i] == name) return static_cast<int>(i);
  }
  return -1;
}

// Cycles of a pipe in an iteration.
inline double pipe_work(const SmCode& code, const std::string& segment, const std::string& pipe) {
  const int index = segment_of(code, segment);
  if (index < 0) return -1;
  for (std::size_t i = 0; i < code.pipe_names.size(); ++i) {
    if (code.pipe_names[i] == pipe) return code.segments[static_cast<std::size_t>(index)].work[i];
  }
  return -1;
}

// Cycles of the operations of that kind in an iteration.
inline double tensor_work(const SmCode& code, const std::string& segment) { return pipe_work(code, segment, "tensor"); }

// The interval of a steady state, by the difference of two long runs.
inline double interval(SmCode code, const std::string& segment, int ctas = 1,
                       Arbitration rule = Arbitration::oldest_first) {
  Simulator simulator;
  const SmResident resident{&code, ctas};
  SimulationOptions options;
  options.arbitration = rule;
  SmSegment& loop = code.segments[static_cast<std::size_t>(segment_of(code, segment))];
  loop.count = 2000;
  const double whole = simulator.run({&resident, 1}, options).time;
  loop.count = 1000;
  return (whole - simulator.run({&resident, 1}, options).time) / 1000;
}

}  // namespace perfmodel::test
