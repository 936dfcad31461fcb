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

std::vector<PipelineOfKind> shipped_others() {
  return {
      {PipelineKind::gemm, Family::cublas, {"wgmma"}, "gemm_wgmma_cooperative"},
      {PipelineKind::gemm, Family::cublas, {"tcgen05"}, "gemm_tcgen05_2cta"},
      {PipelineKind::gemm, Family::cublas, {"mma"}, "gemm_cp_async"},
      {PipelineKind::gemm, Family::triton, {"wgmma"}, "gemm_triton_wgmma"},
      {PipelineKind::mask, {}, {"mma", "wgmma", "tcgen05"}, "philox_mask"},
  };
}

}  // namespace

bool PipelineUse::stands_for(const Attention& attention, std::string_view generation) const {
  return attention.impl.family == family && attention.pass == pass && lists(tensor, generation) &&
         (!causal || *causal == attention.causal) && (head_dim.empty() || lists(head_dim, attention.head_dim));
}

std::vector<PipelineUse> read_pipeline_uses(const YamlNode& root) {
  Diagnostics faults;
  YamlMap map(root, "the table of programs", faults);
  std::vector<PipelineUse> uses;
  for (const YamlNode& item : map.list("programs")) uses.push_back(read_use(item, faults));
  map.finish();
  faults.throw_if_errors();
  return uses;
}

PipelineLibrary::PipelineLibrary() : others_(shipped_others()) {}

PipelineLibrary::PipelineLibrary(std::vector<PipelineUse> uses, std::vector<PipelineOfKind> others)
    : others_(std::move(others)), uses_(std::move(uses)) {}

const PipelineFile* PipelineLibrary::find(const Attention& attention, std::string_view generation, bool adopted_only) {
  const std::lock_guard lock(mutex_);
  if (!uses_) uses_ = read_pipeline_uses(load_yaml_file(data_path("workloads/families/attention.yaml")));
  const auto use = std::ranges::find_if(*uses_, [&](const PipelineUse& each) {
    return (each.adopted || !adopted_only) && each.stands_for(attention, generation);
  });
  return use == uses_->end() ? nullptr : get(use->program);
}

const PipelineFile* PipelineLibrary::find(PipelineKind kind, std::optional<Family> family, std::string_view tensor,
                                          bool adopted_only) {
  const std::lock_guard lock(mutex_);
  for (const PipelineOfKind& other : others_) {
    if (other.kind != kind || (other.family && other.family != family)) continue;
    if (std::ranges::find(other.tensor, tensor) == other.tensor.end() || (adopted_only && !other.adopted)) continue;
    return get(other.file);
  }
  return nullptr;
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
