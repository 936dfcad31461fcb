#include "model/sm_code.hpp"

#include <algorithm>

#include "model/priced_program.hpp"

namespace perfmodel {

SmCode price(const Machine& machine, const OperatingPoint& point, const Pipeline& pipeline, OpNames names) {
  return *PricedProgram().price(machine, point, pipeline, names);
}

OperatingPoint operating_point(const Machine& machine, Hertz clock) {
  OperatingPoint point;
  point.sm_clock = clock;
  point.l2_bandwidth =
      std::min(machine.l2.port.value * clock, machine.l2.bandwidth.value / static_cast<double>(machine.sms.value));
  point.dram_bandwidth =
      machine.dram.read.value * machine.dram.bandwidth.value / static_cast<double>(machine.sms.value);
  point.l2_latency = machine.l2.near_latency.value;
  point.dram_latency = machine.dram.latency.value;
  return point;
}

}  // namespace perfmodel
