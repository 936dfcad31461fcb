#include "workloads/pipeline_library.hpp"

#include <algorithm>
#include <utility>

namespace perfmodel {

namespace {

std::vector<PipelineUse> shipped() {
  return {
      {Family::fa4, Pass::fwd, false, {"tcgen05"}, "fa4_forward_2cta"},
      {Family::fa4, Pass::fwd, true, {"tcgen05"}, "fa4_forward"},
      {Family::fa4, Pass::bwd, {}, {"tcgen05"}, "fa4_backward"},
      {Family::avo, Pass::fwd, false, {"tcgen05"}, "avo_forward_2cta"},
      {Family::avo, Pass::fwd, true, {"tcgen05"}, "avo_forward"},
      {Family::flash2, Pass::fwd, {}, {"mma", "wgmma", "tcgen05"}, "flash2_forward"},
      {Family::flash3, Pass::fwd, {}, {"wgmma"}, "flash3_forward"},
      {Family::triton, Pass::fwd, {}, {"tcgen05"}, "triton_forward"},
  };
}

}  // namespace

PipelineLibrary::PipelineLibrary() : PipelineLibrary(shipped()) {}

PipelineLibrary::PipelineLibrary(std::vector<PipelineUse> uses) : uses_(std::move(uses)) {}

const PipelineFile* PipelineLibrary::find(Family family, Pass pass, bool causal, std::string_view tensor,
                                          bool adopted_only) {
  for (const PipelineUse& use : uses_) {
    if (use.family != family || use.pass != pass || std::ranges::find(use.tensor, tensor) == use.tensor.end()) continue;
    if (adopted_only && !use.adopted) continue;
    if (use.causal && *use.causal != causal) continue;
    const std::lock_guard lock(mutex_);
    const auto found = files_.find(use.file);
    if (found != files_.end()) return &found->second;
    return &files_.emplace(use.file, PipelineFile::load(use.file)).first->second;
  }
  return nullptr;
}

}  // namespace perfmodel
