// One evaluation of a pipeline file: every expression with the values given. Internal to this room.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "support/yaml_map.hpp"
#include "workloads/expression.hpp"
#include "workloads/pipeline.hpp"
#include "workloads/pipeline_demand.hpp"

namespace perfmodel {

class PipelineReader {
 public:
  using Given = std::span<const SequenceParameter>;
  using Sequences = std::map<std::string, Sequence, std::less<>>;

  PipelineReader(const YamlNode& root, const Sequences& sequences, Given given);

  // Throws InputError with every fault.
  Pipeline read();

 private:
  // The words of one segment: shape, parameters, and what the segment sets in their place.
  std::unique_ptr<ExpressionScope> scope_with(const YamlNode& overrides);
  void check_given(const YamlNode& parameters);
  YamlNode parameter_value(const YamlEntry& entry);
  void check_range(const YamlEntry& entry);

  void read_head(YamlMap& map);
  void read_roles(YamlMap map);
  void read_channels(YamlMap map);
  PipelineSegment read_segment(const YamlNode& node);
  void read_op(const YamlNode& node, PipelineSegment& segment);
  void read_work(YamlMap& map, PipelineOp& op);
  void read_product(const YamlEntry& entry, YamlMap& map, PipelineOp& op);
  void check_shape_word(const YamlEntry& field, double value);
  void read_sequence(const YamlEntry& entry, const Sequence& sequence, PipelineOp& op);
  std::vector<PipelineRead> read_channel_names(YamlMap& map, std::string_view key);
  std::vector<int> read_hand_over(YamlMap& map, std::string_view key);
  void set_demand();

  bool wanted(YamlMap& map);  // `when`
  double number(const YamlNode& node, std::string_view what, const NumberRange& range);
  int whole(const YamlNode& node, std::string_view what, const IntegerRange& range);

  YamlNode root_;
  const Sequences& sequences_;
  Given given_;
  Diagnostics faults_;
  std::unique_ptr<ExpressionScope> scope_;
  YamlNode parameters_;
  Pipeline pipeline_;
  std::vector<std::string> absent_channels_;  // left out by their `when`
  std::vector<std::string> absent_roles_;
  std::map<std::string, SequenceCounts, std::less<>> counted_;
};

}  // namespace perfmodel
