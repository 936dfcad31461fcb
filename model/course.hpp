// The way of an operator through the chip at one clock, kept for those who explain it: kernels, their items on the SMs,
// the segments of an item.
#pragma once

#include <vector>

#include "model/chip.hpp"
#include "model/estimate.hpp"
#include "model/kernel.hpp"
#include "model/predict.hpp"

namespace perfmodel {

struct CourseSegment {
  Segment segment;
  Cycles time;       // of an iteration of a CTA alone on its SM
  Resource busiest;  // the pipe it keeps busy longest
};

struct CourseKernel {
  Kernel kernel;
  int residency = 1;  // CTAs that fit on an SM
  int sharing = 1;    // CTAs that do share one
  double waves = 0;   // items over the CTAs that run at once
  std::vector<CourseSegment> segments;
  Cycles item;     // of a CTA that shares its SM as above
  Cycles busiest;  // of the SM that ends last, all its items
  Cycles even;     // the same if the items spread evenly over all SMs
  MemoryTime memory;
  Seconds launch;
  Seconds fill;
  Seconds time;
};

struct Course {
  Hertz clock;
  std::vector<CourseKernel> kernels;  // none if it cannot run
  int spills = 0;                     // registers of a thread in local memory, where the operator says so
};

// `regime` and `clock` are those of the estimate to be explained.
Course course_of(const Machine& machine, const Library& library, const Operator& op, const PredictOptions& options,
                 Regime regime, Hertz clock);

}  // namespace perfmodel
