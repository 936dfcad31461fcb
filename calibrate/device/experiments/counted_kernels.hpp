// The kernels whose counters are read: the vendor's GEMMs and attention, our own, the mask kernel alone and inside a
// GEMM.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "calibrate/device/bench.hpp"
#include "calibrate/table_sink.hpp"

namespace perfmodel {

struct CountedKernel {
  std::string label;             // "gemm 4096x4096x4096 bf16 cublas"
  Cells inputs;                  // the operator's columns of the tables
  std::function<Launch()> make;  // allocates and fills the operands; the launch keeps them
  bool cold = false;             // counted with a flushed L2 too
};

std::vector<CountedKernel> counted_kernels(const Bench& bench);

}  // namespace perfmodel
