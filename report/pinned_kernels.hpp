// The kernels that the GEMM libraries choose on a machine, chosen once for each shape and then held: in sensitivities,
// so that a constant moves the time of a kernel and not the choice, and in sweeps, so that the menu is searched once.
#pragma once

#include <unordered_map>
#include <vector>

#include "report/subject.hpp"

namespace perfmodel {

class PinnedKernels {
 public:
  // Both must outlive this.
  PinnedKernels(const Machine& machine, const Library& library) : machine_(machine), library_(library) {}

  // The subject with the kernel of every GEMM given.
  Subject pin(Subject subject);

 private:
  struct Choice {
    Gemm asked;
    Gemm chosen;
  };

  void pin(Operator& op);

  const Machine& machine_;
  const Library& library_;
  std::unordered_multimap<std::size_t, Choice> choices_;  // by a hash of the shape
};

}  // namespace perfmodel
