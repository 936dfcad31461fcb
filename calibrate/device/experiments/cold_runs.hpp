// The cold protocol of the tables: each of several launches is repeated in an order shuffled among them, every
// repetition after a pause that lets the clock recover and a fill that empties the L2; times by CUPTI.
#pragma once

#include <string>
#include <vector>

#include "calibrate/device/bench.hpp"
#include "calibrate/kernel_record.hpp"
#include "calibrate/table_sink.hpp"

namespace perfmodel {

struct ColdRun {
  std::string label;
  Launch launch;
};

struct ColdTimes {
  std::vector<double> seconds;        // of a repetition: all its kernels and memsets added up
  std::vector<double> longest;        // of these, the longest kernel
  std::vector<KernelRecord> records;  // of the last repetition
  Hertz clock;                        // right after the work, the lowest of the repetitions
};

// One untimed run of each first.
std::vector<ColdTimes> run_cold(Bench& bench, const std::vector<ColdRun>& runs, int repetitions = 6);

// What speaks against a row: empty, or that the repetitions disagree, or that the card did not hold `top_clock`.
std::string cold_fault(const ColdTimes& times, Hertz top_clock);
// The highest clock among them: what the card runs at after a pause.
Hertz top_clock(const std::vector<ColdTimes>& times);

// The longest kernel of the last repetition.
const KernelRecord& main_kernel(const ColdTimes& times);

// sm_mhz, min_us, max_us, kernels, main_us, other_us, measured_us.
Cells cold_cells(const ColdTimes& times);

// A number with so many decimals, as the tables have it.
std::string decimal(double value, int decimals);

}  // namespace perfmodel
