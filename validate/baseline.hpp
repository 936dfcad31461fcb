// The plain calibrated roofline that a prediction has to beat: t0 + max(F / (e P), B / (b W)), where F counts
// multiply-adds as two, B the bytes that must move at least, P and W are the datasheet's peaks, and the three constants
// t0, e and b are fitted on the very rows it is judged on.
#pragma once

#include <span>
#include <vector>

#include "arch/machine.hpp"
#include "support/units.hpp"
#include "workloads/block.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// What a roofline knows of an operator: its times at the datasheet's peaks.
struct RooflineTerm {
  Seconds compute;
  Seconds memory;
};

// One term for an operator. A GEMM, attention and mask-writing RNG move each operand and result once.
RooflineTerm roofline_term(const Machine& machine, const Work& work);

// One term an operator of the block; the roofline of a block is their sum.
std::vector<RooflineTerm> roofline_terms(const Machine& machine, const Block& block);

struct RooflineRow {
  std::vector<RooflineTerm> terms;
  Seconds measured;
};

struct FittedRoofline {
  Seconds start;             // t0
  double compute_share = 1;  // e
  double memory_share = 1;   // b

  [[nodiscard]] Seconds time(std::span<const RooflineTerm> terms) const;
};

// Minimises the mean absolute relative error over the rows; deterministic, no worse than any of its starting points.
FittedRoofline fit_roofline(std::span<const RooflineRow> rows);

}  // namespace perfmodel
