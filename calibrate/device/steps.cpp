#include "calibrate/device/steps.hpp"

#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/probes.hpp"

namespace perfmodel {
namespace {

using Expectations = std::vector<SassExpectation> (*)();

DeviceStep probe(const char* name, double seconds, void (*run)(Bench&), Expectations sass) {
  return {name, Seconds(seconds), "", run, sass, nullptr};
}

DeviceStep experiment(const char* name, double seconds, void (*run)(Bench&, TableSink&)) {
  return {name, Seconds(seconds), std::string(name) + ".csv", nullptr, nullptr, run};
}

}  // namespace

const std::vector<DeviceStep>& device_steps() {
  static const std::vector<DeviceStep> steps{
      probe("instructions", 6, probe_instructions, sass_expectations_instructions),
      probe("port_sharing", 5, probe_port_sharing, sass_expectations_port_sharing),
      probe("shared_memory", 5, probe_shared_memory, sass_expectations_shared_memory),
      probe("l2", 12, probe_l2, sass_expectations_l2),
      probe("dram", 10, probe_dram, sass_expectations_dram),
      probe("tma", 8, probe_tma, sass_expectations_tma),
      probe("cluster", 5, probe_cluster, sass_expectations_cluster),
      probe("wgmma", 10, probe_wgmma, sass_expectations_wgmma),
      probe("launch", 4, probe_launch, sass_expectations_launch),
      probe("residency", 8, probe_residency, sass_expectations_residency),
      probe("carveout", 6, probe_carveout, sass_expectations_carveout),
      probe("dispatch", 6, probe_dispatch, sass_expectations_dispatch),
      probe("arbitration", 20, probe_arbitration, sass_expectations_arbitration),
      probe("clock", 20, probe_clock, sass_expectations_clock),
      probe("energy", 60, probe_energy, sass_expectations_energy),
      experiment("gemm", 60, measure_gemm),
      experiment("attention", 30, measure_attention),
      experiment("attention_own", 15, measure_attention_own),
      experiment("rng", 10, measure_rng),
      experiment("power", 45, measure_power),
      experiment("overlap", 60, measure_overlap),
      experiment("rng_in_gemm", 15, measure_inside),
      experiment("chain", 45, measure_chain),
      experiment("counters", 60, measure_counters),
  };
  return steps;
}

}  // namespace perfmodel
