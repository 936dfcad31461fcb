#include "workloads/library.hpp"

#include <array>

namespace perfmodel {

const SequenceCounts& MaskWords::counts(const Rng& rng) {
  const std::scoped_lock lock(mutex_);
  auto key = std::tuple(rng.generator, rng.rounds, rng.bits, rng.packed);
  auto at = kept_.find(key);
  if (at == kept_.end()) {
    const std::string file = generator_sequence(rng);
    auto sequence = sequences_.find(file);
    if (sequence == sequences_.end()) {
      sequence = sequences_.emplace(file, Sequence::load(file)).first;
    }
    at = kept_.emplace(std::move(key), mask_word_counts(sequence->second, rng.rounds, rng.bits, rng.packed)).first;
  }
  return at->second;
}

TileSteps TileCode::steps(const TileLoop& loop) {
  const std::scoped_lock lock(mutex_);
  auto at = kept_.find(loop);
  if (at == kept_.end()) {
    const std::array<SequenceParameter, 4> body{{{"tma", loop.tma ? 1.0 : 0.0},
                                                 {"products", static_cast<double>(loop.products)},
                                                 {"copies", static_cast<double>(loop.copies)},
                                                 {"warps", static_cast<double>(loop.warps)}}};
    const auto rest = [&](double accumulators) {
      const std::array<SequenceParameter, 2> given{{{"tma", loop.tma ? 1.0 : 0.0}, {"accumulators", accumulators}}};
      return tile_.counts(given).total();
    };
    at = kept_
             .emplace(loop, TileSteps{.iteration = loop_.counts(body).total(),
                                      .tile = rest(loop.accumulators),
                                      .element = rest(2) - rest(1)})
             .first;
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
  return {.cublas_ampere = load_library_menu("cublas-ampere"),
          .cublas_hopper = load_library_menu("cublas-hopper"),
          .cublas_blackwell = load_library_menu("cublas-blackwell"),
          .attention = load_attention_programs(),
          .tile_code = std::make_shared<TileCode>()};
}

}  // namespace perfmodel
