// What is known of the code that runs, loaded once: the menus of the GEMM libraries and the instruction sequences.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "workloads/attention_program.hpp"
#include "workloads/host_kernel.hpp"
#include "workloads/library_menu.hpp"
#include "workloads/pipeline_library.hpp"
#include "workloads/sequences.hpp"

namespace perfmodel {

// Instructions of a mask kernel for a word of 32 decisions, by generator. Counting takes tens of microseconds, so
// counts are kept, and so are the sequences, each read when first asked for; safe to use from several threads.
class MaskWords {
 public:
  // The reference stays valid as long as this object. Throws InputError for a generator without a file, which the
  // readers have refused before.
  const SequenceCounts& counts(const Rng& rng);

 private:
  std::mutex mutex_;
  std::map<std::string, Sequence> sequences_;
  std::map<std::tuple<std::string, int, int, bool>, SequenceCounts> kept_;
};

// What a warp of a Triton GEMM executes, by its own SASS.
struct TileLoop {
  bool tma = true;
  int products = 4;       // tensor instructions of a warp in an iteration
  int copies = 0;         // 16-byte copies of a thread in an iteration, without TMA
  int warps = 4;          // of the CTA
  int accumulators = 64;  // of a thread

  auto operator<=>(const TileLoop&) const = default;
};

struct TileSteps {
  double iteration = 0;  // instructions of the main loop's body
  double tile = 0;       // outside of the main loop
  double element = 0;    // and of a thread for each output element, out of these
};

// Counted as MaskWords does.
class TileCode {
 public:
  TileCode() : loop_(Sequence::load("triton_gemm_loop")), tile_(Sequence::load("triton_gemm_tile")) {}
  TileSteps steps(const TileLoop& loop);

 private:
  Sequence loop_;
  Sequence tile_;
  std::mutex mutex_;
  std::map<TileLoop, TileSteps> kept_;
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
  std::shared_ptr<MaskWords> mask_words = std::make_shared<MaskWords>();
  // A decision that attention reads from a mask and applies.
  std::shared_ptr<SequenceOnDemand> mask_read = std::make_shared<SequenceOnDemand>("dropout_mask_read");
  std::shared_ptr<HostKernels> hosts = std::make_shared<HostKernels>();
  std::shared_ptr<TileCode> tile_code;
  std::shared_ptr<PipelineLibrary> pipelines = std::make_shared<PipelineLibrary>();
};

// From the shipped files. Throws InputError.
Library load_library();

}  // namespace perfmodel
