// The shipped pipelines by the code family that they stand for (workloads/families/*.yaml), read when first asked for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/yaml.hpp"
#include "workloads/operator.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// Which program a family runs where.
struct PipelineUse {
  Family family = Family::fa4;
  Pass pass = Pass::fwd;
  std::optional<bool> causal;          // only with or only without the mask; both where empty
  std::vector<std::string> tensor;     // generations
  std::vector<std::int64_t> head_dim;  // of queries and keys; any where empty
  std::string program;
  bool adopted = false;  // stands in for the closed form unless asked otherwise

  [[nodiscard]] bool stands_for(const Attention& attention, std::string_view generation) const;
};

// The same for GEMMs and masks, which have neither pass nor causality.
struct PipelineOfKind {
  PipelineKind kind = PipelineKind::gemm;
  std::optional<Family> family;     // any where empty
  std::vector<std::string> tensor;  // generations
  std::string program;
  bool adopted = false;
};

// Throw InputError with every fault found.
std::vector<PipelineUse> read_pipeline_uses(const YamlNode& root);
std::vector<PipelineOfKind> read_pipeline_uses(const YamlNode& root, PipelineKind kind);

// Safe to use from several threads.
class PipelineLibrary {
 public:
  // Reads each table of workloads/families/ when first asked for one of its kind.
  PipelineLibrary() = default;
  explicit PipelineLibrary(std::vector<PipelineUse> uses, std::vector<PipelineOfKind> others = {});

  // Null where no program stands for that on those tensor cores. The pointer stays valid as long as this object. Throws
  // InputError for a faulty file.
  const PipelineFile* find(const Attention& attention, std::string_view generation, bool adopted_only = false);
  const PipelineFile* find(PipelineKind kind, std::optional<Family> family, std::string_view tensor,
                           bool adopted_only = false);
  // By its name, whatever it stands for. Throws InputError where there is none.
  const PipelineFile* named(const std::string& file);

 private:
  const PipelineFile* get(const std::string& file);  // with the lock held

  const std::vector<PipelineOfKind>& others(PipelineKind kind);

  std::mutex mutex_;
  std::map<PipelineKind, std::vector<PipelineOfKind>> others_;
  std::optional<std::vector<PipelineUse>> uses_;
  std::map<std::string, PipelineFile, std::less<>> files_;
};

}  // namespace perfmodel
