// The parts of the L2's probe.
#pragma once

#include "calibrate/device/bench.hpp"

namespace perfmodel {

void report_l2_latency(Bench& bench);    // by footprint; near and far lines; DRAM
void report_l2_bandwidth(Bench& bench);  // by footprint, of reads, bulk copies and writes
void report_l2_ports(Bench& bench);      // by how many SMs read, and which

}  // namespace perfmodel
