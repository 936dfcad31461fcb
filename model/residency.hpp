// How many CTAs of a kernel fit on one SM, and why no more.
#pragma once

#include <string>

#include "arch/machine.hpp"
#include "model/program.hpp"

namespace perfmodel {

struct Residency {
  int ctas = 0;         // on one SM; 0 if not even one fits
  std::string refusal;  // why not one fits: what the CTA needs and what the SM has; empty otherwise
};

// Registers are allocated a warp at a time and banked by sub-partition; shared memory rounds up and carries the
// system's reserve; warp, thread and CTA slots count as well.
Residency residency(const Machine& machine, const Program& program);

}  // namespace perfmodel
