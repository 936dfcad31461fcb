// A program priced for a machine again and again with other numbers, as a search does.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/op_pricer.hpp"
#include "model/sm_code.hpp"
#include "model/sm_graph.hpp"
#include "workloads/evaluated_pipeline.hpp"

namespace perfmodel {

// Keeps what its program costs, so that pricing it once more works out only what has changed. What it gives follows
// from its input alone. Not to be shared between threads.
class PricedProgram {
 public:
  // Everything anew.
  std::shared_ptr<const SmCode> price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline,
                                      OpNames names);
  // The same, bit for bit, from what has changed since the last call with this pipeline; the changes are cleared.
  // `machine` has to be what it was then, if it is at the same address. Code without names that nobody else holds is
  // changed in its place.
  std::shared_ptr<const SmCode> price_again(const Machine& machine, const OperatingPoint& point,
                                            EvaluatedPipeline& evaluated, OpNames names);

 private:
  // Under which the prices hold.
  struct Conditions {
    const Machine* machine = nullptr;
    OperatingPoint point;
    Dtype dtype = Dtype::bf16;
    double read_cost = 1;
    double write_cost = 1;
    std::vector<int> warps;  // of each role
  };

  [[nodiscard]] bool same_conditions(const Machine& machine, const OperatingPoint& point,
                                     const Pipeline& pipeline) const;
  void keep_conditions(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline);
  void find_engines(const Pipeline& pipeline);
  void price_ops(const Pipeline& pipeline, std::span<const char> changed);

  void flatten(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline, OpNames names);
  void reserve(const Pipeline& pipeline);
  void withhold(const Machine& machine);
  void count_takers(const Pipeline& pipeline);
  void add_segment(const Pipeline& pipeline, const PipelineSegment& segment, std::size_t first_place, OpNames names);
  void add_op(const PipelineOp& op, std::size_t place);
  void add_channels(const PipelineOp& op, SmOp& flat);
  void add_names(const Machine& machine, const Pipeline& pipeline);
  void add_recurrences();

  bool change_in_place(const Pipeline& pipeline, std::span<const char> changed);
  bool change_rings(const Pipeline& pipeline);
  bool change_op(std::size_t place);
  void add_up(SmSegment& segment);
  [[nodiscard]] double shared_memory_of(const SmOp& op) const;

  OpPricer pricer_;
  std::vector<PricedOp> ops_;  // of all segments in order
  Conditions conditions_;
  std::vector<Engine> filled_by_;  // by channel
  std::shared_ptr<SmCode> code_;
  std::vector<std::size_t> places_;  // of each of its operations in ops_
  RecurrenceBounds recurrences_;
};

}  // namespace perfmodel
