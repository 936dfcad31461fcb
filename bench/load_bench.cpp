// What a process reads before it predicts: the machine, the library, a block.
#include <benchmark/benchmark.h>

#include "arch/load.hpp"
#include "workloads/block.hpp"
#include "workloads/library.hpp"

namespace {

using namespace perfmodel;

void load_h100(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_machine("h100-sxm"));
}
BENCHMARK(load_h100)->Unit(benchmark::kMicrosecond);

void load_library_files(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_library());
}
BENCHMARK(load_library_files)->Unit(benchmark::kMicrosecond);

void load_programs(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_attention_programs());
}
BENCHMARK(load_programs)->Unit(benchmark::kMicrosecond);

void load_block_file(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(BlockFile::load("llama2_block"));
}
BENCHMARK(load_block_file)->Unit(benchmark::kMicrosecond);

// Expressions evaluated, operators built; the file is read already.
void build_block(benchmark::State& state) {
  const BlockFile file = BlockFile::load("llama2_block");
  for (auto _ : state) benchmark::DoNotOptimize(file.block());
}
BENCHMARK(build_block)->Unit(benchmark::kMicrosecond);

}  // namespace
