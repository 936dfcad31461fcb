#include "workloads/pipeline_library.hpp"

#include <algorithm>
#include <utility>

#include "support/data_path.hpp"
#include "support/yaml_map.hpp"
#include "workloads/block_operator.hpp"

namespace perfmodel {

namespace {

constexpr IntegerRange head_dims{.min = 1, .max = 1024};

std::vector<std::string> read_generations(YamlMap& map) {
  static const std::vector<std::string> names{"mma", "wgmma", "tcgen05"};
  std::vector<std::string> generations;
  for (const YamlNode& item : map.list("tensor")) {
    if (const auto index = read_choice(item, "tensor", map.diagnostics(), names)) generations.push_back(names[*index]);
  }
  return generations;
}

PipelineUse read_use(const YamlNode& node, Diagnostics& faults) {
  YamlMap map(node, "a program's use", faults);
  PipelineUse use;
  use.program = map.string("program");
  map.node("family");
  use.family = read_enum<Family>(map, "family").value_or(Family::fa4);
  map.node("pass");
  use.pass = read_enum<Pass>(map, "pass").value_or(Pass::fwd);
  use.causal = map.optional_boolean("causal");
  use.tensor = read_generations(map);
  for (const YamlNode& item : map.optional_list("head_dim")) {
    if (const auto size = read_integer(item, "head_dim", faults, head_dims)) use.head_dim.push_back(*size);
  }
  use.adopted = map.optional_boolean("adopted").value_or(false);
  map.finish();
  return use;
}

template <class T, class Value>
bool lists(const std::vector<T>& list, const Value& value) {
  return std::ranges::find(list, value) != list.end();
}

PipelineOfKind read_use_of_kind(const YamlNode& node, PipelineKind kind, Diagnostics& faults) {
  YamlMap map(node, "a program's use", faults);
  PipelineOfKind use;
  use.kind = kind;
  use.program = map.string("program");
  if (kind == PipelineKind::gemm) {
    map.node("family");
    use.family = read_enum<Family>(map, "family");
  }
  use.tensor = read_generations(map);
  use.adopted = map.optional_boolean("adopted").value_or(false);
  map.finish();
  return use;
}

template <class Use, class Read>
std::vector<Use> read_table(const YamlNode& root, const Read& read) {
  Diagnostics faults;
  YamlMap map(root, "the table of programs", faults);
  std::vector<Use> uses;
  for (const YamlNode& item : map.list("programs")) uses.push_back(read(item, faults));
  map.finish();
  faults.throw_if_errors();
  return uses;
}

YamlNode shipped_table(PipelineKind kind) {
  switch (kind) {
    case PipelineKind::gemm: return load_yaml_file(data_path("workloads/families/gemm.yaml"));
    case PipelineKind::mask: return load_yaml_file(data_path("workloads/families/mask.yaml"));
    default: return load_yaml_file(data_path("workloads/families/attention.yaml"));
  }
}

}  // namespace

bool PipelineUse::stands_for(const Attention& attention, std::string_view generation) const {
  return attention.impl.family == family && attention.pass == pass && lists(tensor, generation) &&
         (!causal || *causal == attention.causal) && (head_dim.empty() || lists(head_dim, attention.head_dim));
}

std::vector<PipelineUse> read_pipeline_uses(const YamlNode& root) { return read_table<PipelineUse>(root, read_use); }

std::vector<PipelineOfKind> read_pipeline_uses(const YamlNode& root, PipelineKind kind) {
  return read_table<PipelineOfKind>(
      root, [&](const YamlNode& node, Diagnostics& faults) { return read_use_of_kind(node, kind, faults); });
}

PipelineLibrary::PipelineLibrary(std::vector<PipelineUse> uses, std::vector<PipelineOfKind> others)
    : uses_(std::move(uses)) {
  others_[PipelineKind::gemm];
  others_[PipelineKind::mask];
  for (PipelineOfKind& other : others) others_[other.kind].push_back(std::move(other));
}

const std::vector<PipelineOfKind>& PipelineLibrary::others(PipelineKind kind) {
  const auto known = others_.find(kind);
  if (known != others_.end()) return known->second;
  return others_[kind] = read_pipeline_uses(shipped_table(kind), kind);
}

const PipelineFile* PipelineLibrary::find(const Attention& attention, std::string_view generation, bool adopted_only) {
  const std::lock_guard lock(mutex_);
  if (!uses_) uses_ = read_pipeline_uses(shipped_table(PipelineKind::attention_forward));
  const auto use = std::ranges::find_if(*uses_, [&](const PipelineUse& each) {
    return (each.adopted || !adopted_only) && each.stands_for(attention, generation);
  });
  return use == uses_->end() ? nullptr : get(use->program);
}

const PipelineFile* PipelineLibrary::find(PipelineKind kind, std::optional<Family> family, std::string_view tensor,
                                          bool adopted_only) {
  const std::lock_guard lock(mutex_);
  const std::vector<PipelineOfKind>& known = others(kind);
  const auto use = std::ranges::find_if(known, [&](const PipelineOfKind& each) {
    return (!each.family || each.family == family) && lists(each.tensor, tensor) && (each.adopted || !adopted_only);
  });
  return use == known.end() ? nullptr : get(use->program);
}

const PipelineFile* PipelineLibrary::named(const std::string& file) {
  const std::lock_guard lock(mutex_);
  return get(file);
}

const PipelineFile* PipelineLibrary::get(const std::string& file) {
  const auto found = files_.find(file);
  if (found != files_.end()) return &found->second;
  return &files_.emplace(file, PipelineFile::load(file)).first->second;
}

}  // namespace perfmodel
