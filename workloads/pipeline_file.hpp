// Reading programs of the pipeline language (workloads/pipelines/*.yaml, docs/pipeline-schema.md).
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "support/yaml.hpp"
#include "workloads/evaluated_pipeline.hpp"
#include "workloads/pipeline.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

class CompiledPipeline;

// A file, read and checked for form; its expressions wait for the shape of an operator and for settings.
class PipelineFile {
 public:
  // A bare name is one of the shipped. Throws InputError.
  static PipelineFile load(const std::string& name);
  static PipelineFile from_text(std::string text, std::string_view name);
  // A program that stands inside another file, by its map.
  static PipelineFile from_root(YamlNode root) { return PipelineFile(std::move(root)); }

  // The program with these values in place of the file's parameters and of the shape's defaults. Throws InputError
  // for a name that is neither, for one outside its range, and with every fault of the file. Some microseconds.
  [[nodiscard]] Pipeline pipeline(std::span<const SequenceParameter> given = {}) const;
  // The same into memory that is there already, redoing only what differs from it.
  void pipeline(std::span<const SequenceParameter> given, EvaluatedPipeline& into) const;
  // Its tile alone. `values` may hold those of an earlier call.
  PipelineTile tile(std::span<const SequenceParameter> given, FormulaValues& values) const;
  // The same by the reader that finds the words for faults, expression by expression: a millisecond.
  [[nodiscard]] Pipeline read(std::span<const SequenceParameter> given = {}) const;

  // Whether it is evaluated by compiled formulas rather than by the reader.
  [[nodiscard]] bool compiled() const { return compiled_ != nullptr; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const YamlNode& root() const { return root_; }

 private:
  explicit PipelineFile(YamlNode root);
  void keep(bool evaluated, FormulaValues& values) const;

  YamlNode root_;
  std::string name_;
  std::map<std::string, Sequence, std::less<>> sequences_;
  std::shared_ptr<const CompiledPipeline> compiled_;  // null where the file does not compile
};

// A word that the operator's shape gives to expressions, with what it is when nobody says.
struct ShapeWord {
  std::string_view name;
  double value = 0;
};
std::span<const ShapeWord> shape_words(PipelineKind kind);

// Names of the shipped programs, sorted.
std::vector<std::string> pipeline_names();

}  // namespace perfmodel
