#include "report/pinned_kernels.hpp"

#include <utility>

namespace perfmodel {
namespace {

std::size_t hash_of(const Gemm& gemm) {
  std::size_t hash = 0;
  for (const std::int64_t size : {gemm.m, gemm.n, gemm.k, static_cast<std::int64_t>(gemm.dtype)}) {
    hash = hash * 0x9e3779b97f4a7c15U + static_cast<std::size_t>(size);
    hash ^= hash >> 29U;
  }
  return hash;
}

}  // namespace

Subject PinnedKernels::pin(Subject subject) {
  if (auto* op = std::get_if<Operator>(&subject)) {
    pin(*op);
  } else {
    for (BlockOperator& item : std::get<Block>(subject).operators) pin(item.op);
  }
  return subject;
}

void PinnedKernels::pin(Operator& op) {
  auto* gemm = std::get_if<Gemm>(&op.work);
  if (gemm == nullptr) return;
  const std::size_t hash = hash_of(*gemm);
  const auto [first, last] = choices_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (at->second.asked == *gemm) {
      *gemm = at->second.chosen;
      return;
    }
  }
  const Gemm asked = *gemm;
  choose_kernels(machine_, library_, op);
  choices_.emplace(hash, Choice{asked, *gemm});
}

}  // namespace perfmodel
