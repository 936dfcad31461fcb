#include "model/l2_content.hpp"

#include <algorithm>
#include <iterator>

namespace perfmodel {

double L2Content::resident(const std::vector<TensorUse>& tensors) const {
  Bytes all;
  Bytes held;
  for (const TensorUse& tensor : tensors) {
    all += tensor.bytes;
    for (const TensorUse& kept : kept_) {
      if (kept.name == tensor.name) {
        held += std::min(kept.bytes, tensor.bytes);
      }
    }
  }
  return all.si() > 0 ? held / all : 0.0;
}

void L2Content::use(const BlockOperator& op) {
  for (const auto* tensors : {&op.reads, &op.writes}) {
    for (const TensorUse& tensor : *tensors) {
      use(tensor);
    }
  }
}

void L2Content::use(const TensorUse& tensor) {
  kept_.remove_if([&](const TensorUse& kept) { return kept.name == tensor.name; });
  // A stream larger than the cache leaves only its end, and that is not what the next reader starts with.
  if (tensor.bytes <= capacity_) {
    kept_.push_front(tensor);
  }
  Bytes used;
  for (auto at = kept_.begin(); at != kept_.end();) {
    used += at->bytes;
    at = used > capacity_ ? kept_.erase(at) : std::next(at);
  }
  if (tensor.bytes > capacity_) {
    kept_.clear();
  }
}

}  // namespace perfmodel
