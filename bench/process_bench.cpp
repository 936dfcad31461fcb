// Whole processes, from exec to exit: wall time, and peak memory as a counter.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct Usage {
  bool ok = false;
  double peak_bytes = 0;
};

// Runs the binary, its output thrown away.
Usage run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), PERFMODEL_BINARY);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execv(PERFMODEL_BINARY, argv.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  const bool waited = child > 0 && wait4(child, &status, 0, &usage) == child;
  return {waited && WIFEXITED(status) && WEXITSTATUS(status) == 0, static_cast<double>(usage.ru_maxrss) * 1024};
}

void measure(benchmark::State& state, const std::vector<std::string>& arguments) {
  Usage usage;
  for (auto _ : state) {
    usage = run(arguments);
    if (!usage.ok) {
      state.SkipWithError("the process failed");
      break;
    }
  }
  state.counters["peak_memory"] = usage.peak_bytes;
}

void block_process(benchmark::State& state) { measure(state, {"predict", "llama2_block.yaml", "--arch", "h100-sxm"}); }
BENCHMARK(block_process)->Unit(benchmark::kMillisecond)->UseRealTime();

// Whole sweeps of 30 x 30 points: over the workload, with a change and without, and over the machine.
void sweep_process(benchmark::State& state, std::vector<std::string> more) {
  more.insert(more.begin(), {"whatif", "llama2_block.yaml", "--arch", "h100-sxm", "--csv"});
  measure(state, more);
  state.SetItemsProcessed(state.iterations() * 900);
}
BENCHMARK_CAPTURE(sweep_process, workload, {"--sweep", "seq=1024..30720+1024", "--sweep", "batch=1..30+1"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(sweep_process, workload_and_mode,
                  {"--set", "dropout_mode=sequential", "--sweep", "seq=1024..30720+1024", "--sweep", "batch=1..30+1"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(sweep_process, hidden,
                  {"--given", "dropout_mode=overlapped", "--sweep", "seq=1024..30720+1024", "--sweep",
                   "rng_rounds=1..30+1"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(sweep_process, machine,
                  {"--sweep", "machine.pipes.alu.rate=*1..*3.9+0.1", "--sweep", "machine.tensor.fp8=*1..*3.9+0.1"})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void version_process(benchmark::State& state) { measure(state, {"--version"}); }
BENCHMARK(version_process)->Unit(benchmark::kMillisecond)->UseRealTime();

// GEMMs of many shapes, in a file of its own that goes when the benchmark ends.
class TableFile {
 public:
  TableFile(int rows, bool tiled)
      : path_(std::filesystem::temp_directory_path() / fmt::format("perfmodel_bench_{}.csv", getpid())) {
    std::ofstream out(path_);
    out << (tiled ? "op,m,n,k,dtype,impl,cta_m,cta_n,cta_k,stages,cluster,split_k,ctas,threads,registers,regime\n"
                  : "op,m,n,k,dtype,impl,regime\n");
    for (int i = 0; i < rows; ++i) {
      const int m = 64 * (1 + i % 128);
      const int n = 128 * (1 + i / 128 % 64);
      const int k = 64 * (1 + i / 1024);
      out << (tiled ? fmt::format("gemm,{},{},{},bf16,cublas,128,256,64,4,2,1,132,384,168,cold\n", m, n, k)
                    : fmt::format("gemm,{},{},{},bf16,cublas,cold\n", m, n, k));
    }
  }
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;
  ~TableFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// items_per_second: rows.
void table_process(benchmark::State& state, int rows, bool tiled) {
  const TableFile table(rows, tiled);
  measure(state, {"predict", table.path(), "--arch", "h100-sxm", "--fidelity", "bound"});
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK_CAPTURE(table_process, tiled_gemms, 100'000, true)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(table_process, chosen_gemms, 1'000, false)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
