// The readers: rows of a table and bytes of YAML a second.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "support/table.hpp"
#include "support/yaml.hpp"

namespace {

using namespace perfmodel;

std::string gemm_table(int rows) {
  std::string text =
      "op,m,n,k,dtype,out_dtype,impl,cta_m,cta_n,cta_k,stages,cluster,split_k,ctas,threads,registers,"
      "smem,timer,regime,sm_mhz\n";
  for (int i = 0; i < rows; ++i) {
    text += fmt::format("gemm,{},4096,4096,bf16,bf16,cublas,64,64,64,13,2,1,128,384,168,229772,cupti,cold,1980\n", i);
  }
  return text;
}

// Includes a copy of the text, as reading a file does. items_per_second: rows.
void load_table(benchmark::State& state) {
  const int rows = 100'000;
  const std::string text = gemm_table(rows);
  for (auto _ : state) benchmark::DoNotOptimize(Table::load_text(text, "bench.csv"));
  state.SetItemsProcessed(state.iterations() * rows);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(load_table)->Unit(benchmark::kMillisecond);

// items_per_second: integer cells.
void read_integers(benchmark::State& state) {
  const Table table = Table::load_text(gemm_table(10'000), "bench.csv");
  Diagnostics faults;
  for (auto _ : state) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      for (std::size_t column = 7; column < 17; ++column) {
        benchmark::DoNotOptimize(table.integer(row, column, faults, IntegerRange::positive()));
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(table.rows()) * 10);
}
BENCHMARK(read_integers)->Unit(benchmark::kMicrosecond);

void load_yaml(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += fmt::format("key{}: {{value: 3.35 TB/s, source: datasheet, ref: 'abc'}}\n", i);
  for (auto _ : state) benchmark::DoNotOptimize(load_yaml_text(text, "bench.yaml"));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(load_yaml)->Unit(benchmark::kMicrosecond);

}  // namespace
