#include "workloads/library.hpp"

namespace perfmodel {

const SequenceCounts& MaskWords::counts(int rounds, int bits) {
  const std::scoped_lock lock(mutex_);
  const auto key = std::pair(rounds, bits);
  auto at = kept_.find(key);
  if (at == kept_.end()) {
    at = kept_.emplace(key, mask_word_counts(sequence_, rounds, bits)).first;
  }
  return at->second;
}

const SequenceCounts& SequenceOnDemand::counts() {
  std::call_once(once_, [this] { counts_ = Sequence::load(name_).counts(); });
  return counts_;
}

const std::vector<HostKernel>& HostKernels::all() {
  std::call_once(once_, [this] { kernels_ = load_host_kernels(); });
  return kernels_;
}

Library load_library() {
  return {load_library_menu("cublas-ampere"), load_library_menu("cublas-hopper"), load_library_menu("cublas-blackwell"), load_attention_programs(),
          std::make_shared<MaskWords>(Sequence::load("dropout_mask"))};
}

}  // namespace perfmodel
