// What the L2 holds between the operators of a sequence.
#pragma once

#include <list>
#include <vector>

#include "support/units.hpp"
#include "workloads/block.hpp"

namespace perfmodel {

// The tensors used last, up to the capacity. A tensor larger than what is left stays in part, and one that alone
// exceeds the cache washes everything out.
class L2Content {
 public:
  explicit L2Content(Bytes capacity) : capacity_(capacity) {}

  // Share of those bytes that is in the cache.
  [[nodiscard]] double resident(const std::vector<TensorUse>& tensors) const;

  void use(const BlockOperator& op);
  void use(const TensorUse& tensor);

 private:
  Bytes capacity_;
  std::list<TensorUse> kept_;  // last used first
};

}  // namespace perfmodel
