// A pipeline file compiled: all its expressions as one sheet of formulas, and the structure that they fill in. What it
// gives equals what PipelineReader reads, in a hundredth of the time; where anything is wrong it gives nothing, and the
// reader finds the words for it. Internal to this room.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/yaml.hpp"
#include "workloads/evaluated_pipeline.hpp"
#include "workloads/formula.hpp"
#include "workloads/pipeline.hpp"
#include "workloads/pipeline_demand.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

class CompiledPipeline {
 public:
  using Sequences = std::map<std::string, Sequence, std::less<>>;

  // From a file and what the reader made of it. Nothing for the few forms that do not compile.
  static std::optional<CompiledPipeline> compile(const YamlNode& root, const Sequences& sequences,
                                                 const Pipeline& read);

  // False where a value is out of its range, or a name is unknown; `into` is then of no file. What it was evaluated
  // from before may have been this file too, which `into.values.of` says; what it says afterwards is the caller's to
  // set.
  bool evaluate(std::span<const SequenceParameter> given, EvaluatedPipeline& into) const;
  // The tile alone; nothing where evaluate() is false.
  std::optional<PipelineTile> tile(std::span<const SequenceParameter> given, FormulaValues& values) const;

 private:
  friend class PipelineCompiler;

  // A value that has to lie in a range, if the condition holds.
  struct Check {
    FormulaSlot value = 0;
    FormulaSlot condition = 0;
    std::uint64_t inputs = 0;  // that it follows from
    double min = 0, max = 0;
    bool above_min = false;
    bool whole = false;
  };
  struct Input {
    std::string name;
    FormulaSlot slot = 0;
  };
  struct Parameter {
    std::string name;
    FormulaSlot value = 0;
    FormulaSlot low = -1, high = -1;  // where it has such a limit
  };
  struct Role {
    PipelineRole made;
    FormulaSlot warps = 0, registers = 0, when = 0;
  };
  struct Channel {
    PipelineChannel made;
    FormulaSlot depth = 0, initial = 0, smem = 0, tmem = 0, when = 0;
  };
  struct Amount {
    Duty duty = Duty::qk;
    FormulaSlot amount = 0;
  };
  struct Count {
    std::string instruction;
    FormulaSlot count = 0;
  };
  struct Op {
    PipelineOp made;  // with indices among all roles and channels
    std::vector<Amount> duties;
    std::vector<Count> instructions, chain;
    FormulaSlot m = 0, n = 0, k = 0;
    FormulaSlot loaded = 0, stored = 0, smem = 0, rows = 0, when = 0;
    std::uint64_t inputs = 0;  // that it follows from
  };
  struct Segment {
    PipelineSegment made;
    FormulaSlot count = 0;
    std::vector<Op> ops;
  };
  struct Words {  // of the shape, for the demand
    FormulaSlot head_dim = -1, head_dim_v = -1, element_bytes = -1, output_bytes = -1, full = -1, masked = -1,
                dropout = -1, k_iterations = -1, words = -1, fixups = -1;
  };

  // Where the roles and channels that are there have gone; -1 for the others.
  struct Places {
    std::vector<int> roles, channels;
  };

  void find_inputs();
  bool set_inputs(std::span<const SequenceParameter> given, std::vector<double>& values, std::uint64_t& changed) const;
  // Makes the values those of what is given; the inputs that have changed, or nothing where something is wrong.
  std::optional<std::uint64_t> refresh(std::span<const SequenceParameter> given, FormulaValues& values) const;
  [[nodiscard]] const FormulaRedo& redo_of(std::uint64_t inputs, std::vector<FormulaRedo>& known) const;
  [[nodiscard]] static bool holds(const Check& check, const std::vector<double>& values);
  void fill(const std::vector<double>& values, std::uint64_t inputs, EvaluatedPipeline& into) const;
  void name_parts(const Places& places, Pipeline& pipeline) const;
  void fill_head(const std::vector<double>& values, Pipeline& pipeline) const;
  void fill_parts(const std::vector<double>& values, const Places& places, Pipeline& pipeline) const;
  void fill_segments(const std::vector<double>& values, std::uint64_t inputs, const Places& places,
                     EvaluatedPipeline& into) const;
  static void fill_op(const std::vector<double>& values, const Op& from, const Places& places, PipelineOp& op);
  [[nodiscard]] PipelineShape shape_at(const std::vector<double>& values) const;

  FormulaSheet sheet_;
  std::vector<Input> inputs_;
  std::vector<Check> checks_;
  Pipeline head_;
  std::vector<Parameter> parameters_;
  FormulaSlot split_k_ = 0;
  FormulaSlot cluster_ = 0, ctas_per_sm_ = 0, cta_m_ = 0, cta_n_ = 0, cta_k_ = 0;
  std::vector<Role> roles_;
  std::vector<Channel> channels_;
  std::vector<Segment> segments_;
  Words words_;
  std::uint64_t structure_ = 0;  // inputs that decide which parts are there
};

}  // namespace perfmodel
