// The shipped pipelines by the code family that they stand for, read when first asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/operator.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// Which program a family runs where.
struct PipelineUse {
  Family family = Family::fa4;
  Pass pass = Pass::fwd;
  std::optional<bool> causal;       // only with or only without the mask; both where empty
  std::vector<std::string> tensor;  // generations
  std::string file;
  bool adopted = false;  // stands in for the closed form unless asked otherwise
};

// The same for GEMMs and masks, which have neither pass nor causality.
struct PipelineOfKind {
  PipelineKind kind = PipelineKind::gemm;
  std::optional<Family> family;     // any where empty
  std::vector<std::string> tensor;  // generations
  std::string file;
  bool adopted = false;
};

// Safe to use from several threads.
class PipelineLibrary {
 public:
  PipelineLibrary();
  explicit PipelineLibrary(std::vector<PipelineUse> uses, std::vector<PipelineOfKind> others = {});

  // Null where no program stands for that. The pointer stays valid as long as this object. Throws InputError for a
  // faulty file.
  const PipelineFile* find(Family family, Pass pass, bool causal, std::string_view tensor, bool adopted_only = false);
  const PipelineFile* find(PipelineKind kind, std::optional<Family> family, std::string_view tensor,
                           bool adopted_only = false);

 private:
  const PipelineFile* get(const std::string& file);

  std::vector<PipelineUse> uses_;
  std::vector<PipelineOfKind> others_;
  std::mutex mutex_;
  std::map<std::string, PipelineFile, std::less<>> files_;
};

}  // namespace perfmodel
