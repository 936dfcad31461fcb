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
      probe("instructions", 1, probe_instructions, sass_expectations_instructions),
      probe("port_sharing", 1, probe_port_sharing, sass_expectations_port_sharing),
      probe("shared_memory", 1, probe_shared_memory, sass_expectations_shared_memory),
      probe("l2", 2, probe_l2, sass_expectations_l2),
      probe("dram", 4, probe_dram, sass_expectations_dram),
      probe("tma", 1, probe_tma, sass_expectations_tma),
      probe("cluster", 1, probe_cluster, sass_expectations_cluster),
      probe("wgmma", 1, probe_wgmma, sass_expectations_wgmma),
      probe("launch", 3, probe_launch, sass_expectations_launch),
      probe("residency", 2, probe_residency, sass_expectations_residency),
      probe("carveout", 1, probe_carveout, sass_expectations_carveout),
      probe("dispatch", 1, probe_dispatch, sass_expectations_dispatch),
      probe("arbitration", 2, probe_arbitration, sass_expectations_arbitration),
      probe("clock", 9, probe_clock, sass_expectations_clock),
      probe("energy", 40, probe_energy, sass_expectations_energy),
      experiment("gemm", 50, measure_gemm),
      experiment("attention", 15, measure_attention),
      experiment("attention_own", 8, measure_attention_own),
      experiment("rng", 7, measure_rng),
      experiment("power", 37, measure_power),
      experiment("overlap", 28, measure_overlap),
      experiment("rng_in_gemm", 17, measure_inside),
      experiment("chain", 50, measure_chain),
      experiment("counters", 15, measure_counters),
  };
  return steps;
}

}  // namespace perfmodel
