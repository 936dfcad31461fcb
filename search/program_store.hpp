// Programs read, edited by moves and checked, kept by their content: a search asks for few structures with many
// settings.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "search/candidate.hpp"
#include "search/content.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {

// A program, or why there is none.
struct StoredProgram {
  std::shared_ptr<const PipelineFile> file;
  std::vector<std::string> parameters;  // that may be set
  std::string refusal;
};

// Safe to use from several threads.
class ProgramStore {
 public:
  explicit ProgramStore(std::size_t most) : most_(most) {}

  // Never null.
  std::shared_ptr<const StoredProgram> get(const ProgramCandidate& candidate);

 private:
  struct Entry {
    ContentKey key;
    std::shared_ptr<const StoredProgram> program;
  };
  struct Hash {
    std::size_t operator()(const ContentKey& key) const { return key.low; }
  };

  std::size_t most_;
  std::mutex mutex_;
  std::list<Entry> used_;  // the latest first
  std::unordered_map<ContentKey, std::list<Entry>::iterator, Hash> at_;
};

}  // namespace perfmodel
