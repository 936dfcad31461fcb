#include "workloads/pipeline_file.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "support/data_path.hpp"
#include "workloads/compiled_pipeline.hpp"
#include "workloads/pipeline_reader.hpp"

namespace perfmodel {

namespace {

constexpr std::array<ShapeWord, 10> attention_words{{{"head_dim", 128},
                                                     {"head_dim_v", 128},
                                                     {"element_bytes", 2},
                                                     {"output_bytes", 2},
                                                     {"full_iterations", 8},
                                                     {"masked_iterations", 2},
                                                     {"dropout", 0},
                                                     {"rounds", 7},
                                                     {"bits", 8},
                                                     {"causal", 1}}};
constexpr std::array<ShapeWord, 7> gemm_words{{{"k_iterations", 16},
                                               {"element_bytes", 2},
                                               {"output_bytes", 2},
                                               {"fixups", 0},
                                               {"words", 0},
                                               {"rounds", 7},
                                               {"bits", 8}}};
constexpr std::array<ShapeWord, 3> mask_words{{{"words", 1024}, {"rounds", 7}, {"bits", 8}}};

// The keys of every map called `does`.
void collect_work(const YamlNode& node, const std::function<void(const std::string&)>& take) {
  for (const YamlNode& item : node.items()) collect_work(item, take);
  for (const YamlEntry& entry : node.entries()) {
    if (entry.key == "does") {
      for (const YamlEntry& work : entry.value.entries()) take(work.key);
    } else {
      collect_work(entry.value, take);
    }
  }
}

}  // namespace

std::span<const ShapeWord> shape_words(PipelineKind kind) {
  switch (kind) {
    case PipelineKind::attention_forward:
    case PipelineKind::attention_backward: return attention_words;
    case PipelineKind::gemm: return gemm_words;
    case PipelineKind::mask: return mask_words;
  }
  return {};
}

PipelineFile::PipelineFile(YamlNode root) : root_(std::move(root)) {
  const std::vector<std::string> shipped = list_data_files("workloads/sequences", ".yaml");
  collect_work(root_, [&](const std::string& key) {
    if (!sequences_.contains(key) && std::ranges::find(shipped, key) != shipped.end()) {
      sequences_.emplace(key, Sequence::load(key));
    }
  });
  const Pipeline made = read();  // so that a faulty file is refused when it is read
  name_ = made.name;
  // What does not come out as the reader has it stays with the reader.
  EvaluatedPipeline by_formula;
  auto compiled = CompiledPipeline::compile(root_, sequences_, made);
  if (compiled && compiled->evaluate({}, by_formula) && by_formula.pipeline == made) {
    compiled_ = std::make_shared<const CompiledPipeline>(*std::move(compiled));
  }
}

PipelineFile PipelineFile::load(const std::string& name) {
  return PipelineFile(load_yaml_file(find_data_file(name, "workloads/pipelines", ".yaml").value_or(name)));
}

PipelineFile PipelineFile::from_text(std::string text, std::string_view name) {
  return PipelineFile(load_yaml_text(std::move(text), name));
}

Pipeline PipelineFile::pipeline(std::span<const SequenceParameter> given) const {
  EvaluatedPipeline made;
  pipeline(given, made);
  return std::move(made.pipeline);
}

void PipelineFile::pipeline(std::span<const SequenceParameter> given, EvaluatedPipeline& into) const {
  const bool evaluated = compiled_ != nullptr && compiled_->evaluate(given, into);
  keep(evaluated, into.values);
  if (evaluated) return;
  into.make_anew();
  into.pipeline = read(given);
}

PipelineTile PipelineFile::tile(std::span<const SequenceParameter> given, FormulaValues& values) const {
  const auto tile = compiled_ != nullptr ? compiled_->tile(given, values) : std::nullopt;
  keep(tile.has_value(), values);
  if (tile) return *tile;
  const Pipeline made = read(given);
  return {made.cta_m, made.cta_n, made.longest_first, made.cluster};
}

// Whose the values are now; nobody's after a failure.
void PipelineFile::keep(bool evaluated, FormulaValues& values) const {
  if (!evaluated) {
    values.of = nullptr;
  } else if (values.of != compiled_) {
    values.of = compiled_;
  }
}

Pipeline PipelineFile::read(std::span<const SequenceParameter> given) const {
  return PipelineReader(root_, sequences_, given).read();
}

std::vector<std::string> pipeline_names() { return list_data_files("workloads/pipelines", ".yaml"); }

}  // namespace perfmodel
