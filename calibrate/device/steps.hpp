// Every step of the calibration, in the order in which they run: probes, then experiments.
#pragma once

#include <string>
#include <vector>

#include "calibrate/device/bench.hpp"
#include "calibrate/sass.hpp"
#include "calibrate/table_sink.hpp"

namespace perfmodel {

struct DeviceStep {
  std::string name;   // as --only takes it
  Seconds expected;   // on an H100
  std::string table;  // of an experiment, "gemm.csv"; empty for a probe
  void (*probe)(Bench&) = nullptr;
  std::vector<SassExpectation> (*sass)() = nullptr;
  void (*experiment)(Bench&, TableSink&) = nullptr;
};

const std::vector<DeviceStep>& device_steps();

}  // namespace perfmodel
