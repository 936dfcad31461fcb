// The oracle: candidates a second, by kind and fidelity, scored alone and through JSON lines.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "arch/load.hpp"
#include "search/json_rows.hpp"
#include "search/oracle.hpp"
#include "search/oracle_stream.hpp"
#include "workloads/library.hpp"

namespace {

using namespace perfmodel;

const std::string gemm_row = R"({"op":"gemm","m":4096,"n":4096,"k":4096,"dtype":"bf16","impl":"triton"})";
const std::string attention_row =
    R"({"op":"attention","batch":1,"heads":16,"seq_q":32768,"head_dim":128,"dtype":"bf16","impl":"avo"})";

// No two alike, so that the cache holds none of them.
KernelColumns kernel(int i) {
  KernelColumns columns;
  columns.set(*find_kernel_column("cta_m"), 64 << i % 3);
  columns.set(*find_kernel_column("cta_n"), 64 << i / 3 % 3);
  columns.set(*find_kernel_column("stages"), 2 + i / 9 % 4);
  columns.set(*find_kernel_column("registers"), 32 + i / 36 % 200);
  columns.set(*find_kernel_column("ctas"), 1 + i / 7200);
  return columns;
}

ProgramCandidate program(int i) { return {"avo_forward", {}, {{"emulated", 1e-6 * i}, {"kv_slots", 2.0 + i % 2}}}; }

template <class Make>
void score(benchmark::State& state, const char* machine, const std::string& row, Fidelity fidelity, const Make& make) {
  Oracle oracle(load_machine(machine), load_library());
  const Suite suite("", operators_from_json(row));
  ScoreOptions options;
  options.fidelity = fidelity;
  int i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(oracle.score(suite, make(i++ % 400'000), options));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(score, kernel_bound, "h100-sxm", gemm_row, Fidelity::bound, kernel);
BENCHMARK_CAPTURE(score, kernel_pipeline, "h100-sxm", gemm_row, Fidelity::pipeline, kernel);
BENCHMARK_CAPTURE(score, program_bound, "b200", attention_row, Fidelity::bound, program)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(score, program_pipeline, "b200", attention_row, Fidelity::pipeline, program)
    ->Unit(benchmark::kMicrosecond);

// Whole streams, JSON read and written, by so many threads beside the reader and the writer.
void json_lines(benchmark::State& state, const char* machine, const std::string& definition,
                const std::function<std::string(int)>& values) {
  const StreamOptions options{.threads = static_cast<unsigned>(state.range(0))};
  constexpr int lines = 20'000;
  std::string input = definition + "\n";
  for (int i = 0; i < lines; ++i) input += fmt::format("{{\"id\":{},\"values\":[{}]}}\n", i, values(i));
  Oracle oracle(load_machine(machine), load_library(), {.cache_bytes = 0});
  for (auto _ : state) {
    std::string_view rest = input;
    const ReadSome read = [&](std::span<char> buffer) {
      const std::size_t size = std::min(buffer.size(), rest.size());
      std::copy_n(rest.data(), size, buffer.data());
      rest.remove_prefix(size);
      return size;
    };
    answer_lines(
        oracle, read, [](std::string_view text) { benchmark::DoNotOptimize(text.data()); }, options);
  }
  state.SetItemsProcessed(state.iterations() * lines);
}
void one_and_two_threads(benchmark::internal::Benchmark* bench) {
  bench->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(json_lines, kernel_bound, "h100-sxm",
                  R"({"define":"g","configurations":[)" + gemm_row +
                      R"(],"columns":["cta_m","stages"],"fidelity":"bound"})",
                  [](int i) { return fmt::format("{},{}", 64 << i % 3, 2 + i % 4); })
    ->Apply(one_and_two_threads);

// Every candidate another.
std::string program_definition(const char* fidelity) {
  return R"({"define":"a","configurations":[)" + attention_row +
         R"(],"candidate":{"program":"avo_forward"},"columns":["emulated","kv_slots"],"fidelity":")" + fidelity + "\"}";
}
std::string program_values(int i) { return fmt::format("{},{}", 1e-5 * i, 2 + i % 2); }
BENCHMARK_CAPTURE(json_lines, program_bound, "b200", program_definition("bound"), program_values)
    ->Apply(one_and_two_threads);
BENCHMARK_CAPTURE(json_lines, program_pipeline, "b200", program_definition("pipeline"), program_values)
    ->Apply(one_and_two_threads);

}  // namespace
