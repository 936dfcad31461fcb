// What is known of the code that runs, loaded once: the menus of the GEMM libraries and the instruction sequences.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "workloads/attention_program.hpp"
#include "workloads/host_kernel.hpp"
#include "workloads/library_menu.hpp"
#include "workloads/pipeline_library.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

// Instructions of the dropout-mask kernel for a word of 32 decisions. Counting takes tens of microseconds, so counts
// are kept; safe to use from several threads.
class MaskWords {
 public:
  explicit MaskWords(Sequence sequence) : sequence_(std::move(sequence)) {}

  // By Philox rounds and random bits a decision. The reference stays valid as long as this object.
  const SequenceCounts& counts(int rounds, int bits);

 private:
  Sequence sequence_;
  std::mutex mutex_;
  std::map<std::pair<int, int>, SequenceCounts> kept_;
};

// The counts of a sequence without parameters to set, read when first asked for; safe to use from several threads.
class SequenceOnDemand {
 public:
  explicit SequenceOnDemand(std::string name) : name_(std::move(name)) {}

  // Throws InputError for a faulty file.
  const SequenceCounts& counts();

 private:
  std::string name_;
  std::once_flag once_;
  SequenceCounts counts_;
};

// The kernels that masks are hidden beside, read when first asked for; safe to use from several threads.
class HostKernels {
 public:
  // Throws InputError for a faulty file.
  const std::vector<HostKernel>& all();

 private:
  std::once_flag once_;
  std::vector<HostKernel> kernels_;
};

struct Library {
  LibraryMenu cublas_ampere;
  LibraryMenu cublas_hopper;
  LibraryMenu cublas_blackwell;
  std::vector<AttentionProgram> attention;
  std::shared_ptr<MaskWords> mask_words;
  // A decision that attention reads from a mask and applies.
  std::shared_ptr<SequenceOnDemand> mask_read = std::make_shared<SequenceOnDemand>("dropout_mask_read");
  std::shared_ptr<HostKernels> hosts = std::make_shared<HostKernels>();
  std::shared_ptr<PipelineLibrary> pipelines = std::make_shared<PipelineLibrary>();
};

// From the shipped files. Throws InputError.
Library load_library();

}  // namespace perfmodel
