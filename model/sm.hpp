// Everything resident on one SM at once, of one kernel or of several, sharing its pipes.
#pragma once

#include <array>
#include <span>

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "model/program.hpp"

namespace perfmodel {

// The conditions an SM works under: its clock and what the memory system grants it.
struct OperatingPoint {
  Hertz sm_clock;
  BytesPerSecond l2_bandwidth;    // of one SM
  BytesPerSecond dram_bandwidth;  // of one SM
  Seconds l2_latency;
  Seconds dram_latency;

  bool operator==(const OperatingPoint&) const = default;
};

// So many CTAs of one program.
struct Resident {
  const Program* program = nullptr;
  int ctas = 1;
};

struct ResidentRate {
  Cycles item;  // from one finished work item of a CTA to the next; items of other CTAs finish in between
  Demand busy;  // of one item
  Limiter limiter = Limiter::tensor;
};

// An iteration of one of `ctas` CTAs of a kind that share an SM.
Cycles segment_time(const Segment& segment, int ctas);

inline constexpr int max_residents = 4;

struct SmRates {
  std::array<ResidentRate, max_residents> residents{};
  int count = 0;
  std::array<double, resource_count> utilisation{};  // of each resource, by all residents together
};

// Rates of all residents, at most max_residents. Where every one has a pipeline program and the fidelity is not `bound`,
// they are simulated beside each other. Else in closed form: an iteration takes the longest of the most loaded resource
// (shared with the other residents), its own dependent steps, and what a CTA cannot hide of its other work.
SmRates sm_rates(const Machine& machine, const OperatingPoint& point, std::span<const Resident> residents,
                 Fidelity fidelity);

}  // namespace perfmodel
