// The simulated SM: bounds and simulations of a FlashAttention-4-sized program.
#include <benchmark/benchmark.h>

#include "arch/load.hpp"
#include "model/sm_explain.hpp"
#include "workloads/pipeline_file.hpp"

namespace {

using namespace perfmodel;

SmCode code_of(const std::string& name, double iterations) {
  const Machine machine = load_machine("b200");
  const std::array<SequenceParameter, 2> shape{{{"full_iterations", iterations}, {"masked_iterations", 0}}};
  return price(machine, operating_point(machine, machine.clock.datasheet.value),
               PipelineFile::load(name).pipeline(shape));
}

void simulate(benchmark::State& state, const std::string& name) {
  const SmCode code = code_of(name, 64);
  Simulator simulator;
  const SmResident resident{&code, 1};
  for (auto _ : state) benchmark::DoNotOptimize(simulator.run({&resident, 1}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(simulate, fa4_forward_2cta, "fa4_forward_2cta")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(simulate, fa4_forward, "fa4_forward")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(simulate, fa4_backward, "fa4_backward")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(simulate, fa4_forward_two_threads, "fa4_forward_2cta")->Unit(benchmark::kMicrosecond)->Threads(2);

void bound_resource(benchmark::State& state) {
  const SmCode code = code_of("fa4_forward_2cta", 64);
  const int segment = main_segment(code);
  for (auto _ : state) benchmark::DoNotOptimize(resource_bound(code, segment, 1));
}
BENCHMARK(bound_resource);

void bound_both(benchmark::State& state) {
  const SmCode code = code_of("fa4_forward_2cta", 64);
  const int segment = main_segment(code);
  const SegmentGraph graph = segment_graph(code, segment);
  CycleSolver solver;
  for (auto _ : state) benchmark::DoNotOptimize(std::max(resource_bound(code, segment, 1), solver.ratio(graph)));
}
BENCHMARK(bound_both);

void price_program(benchmark::State& state) {
  const Machine machine = load_machine("b200");
  const Pipeline pipeline = PipelineFile::load("fa4_forward_2cta").pipeline();
  const OperatingPoint point = operating_point(machine, machine.clock.datasheet.value);
  for (auto _ : state) benchmark::DoNotOptimize(price(machine, point, pipeline));
}
BENCHMARK(price_program)->Unit(benchmark::kMicrosecond);

void evaluate_file(benchmark::State& state) {
  const PipelineFile file = PipelineFile::load("fa4_forward_2cta");
  for (auto _ : state) benchmark::DoNotOptimize(file.pipeline());
}
BENCHMARK(evaluate_file)->Unit(benchmark::kMicrosecond);

}  // namespace
