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

PipelineLibrary::PipelineLibrary() : PipelineLibrary(shipped(), shipped_others()) {}

PipelineLibrary::PipelineLibrary(std::vector<PipelineUse> uses, std::vector<PipelineOfKind> others)
    : uses_(std::move(uses)), others_(std::move(others)) {}

const PipelineFile* PipelineLibrary::find(Family family, Pass pass, bool causal, std::string_view tensor,
                                          bool adopted_only) {
  for (const PipelineUse& use : uses_) {
    if (use.family != family || use.pass != pass || std::ranges::find(use.tensor, tensor) == use.tensor.end()) continue;
    if (adopted_only && !use.adopted) continue;
    if (use.causal && *use.causal != causal) continue;
    return get(use.file);
  }
  return nullptr;
}

const PipelineFile* PipelineLibrary::find(PipelineKind kind, std::optional<Family> family, std::string_view tensor,
                                          bool adopted_only) {
  for (const PipelineOfKind& other : others_) {
    if (other.kind != kind || (other.family && other.family != family)) continue;
    if (std::ranges::find(other.tensor, tensor) == other.tensor.end() || (adopted_only && !other.adopted)) continue;
    return get(other.file);
  }
  return nullptr;
}

const PipelineFile* PipelineLibrary::get(const std::string& file) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(file);
  if (found != files_.end()) return &found->second;
  return &files_.emplace(file, PipelineFile::load(file)).first->second;
}

}  // namespace perfmodel
