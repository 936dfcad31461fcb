// Clock and power under steady load, by operator and by what the operands hold.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/cold_runs.hpp"
#include "calibrate/device/experiments/experiments.hpp"
#include "calibrate/device/experiments/streams.hpp"
#include "calibrate/device/kernels/library.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"
#include "calibrate/gemm_cells.hpp"

namespace perfmodel {
namespace {

constexpr Seconds half_window(0.65);  // of warm-up, and as long measured
constexpr Seconds rest(1.0);          // before the idle power is read
constexpr int idle_readings = 20;

struct Load {
  std::string label;
  Cells inputs;
  std::function<Launch()> make;  // the launch keeps what it works on
};

template <class Job, class... Arguments>
std::function<Launch()> keeping(Arguments... arguments) {
  return [=]() -> Launch {
    auto job = std::make_shared<Job>(arguments...);
    return [job, launch = job->launch()](cudaStream_t stream) { launch(stream); };
  };
}

const char* data_name(OperandData data) {
  constexpr std::array<const char*, 3> names{"random", "zeros", "sparse90"};
  return names[static_cast<std::size_t>(data)];
}

Load gemm(std::int64_t m, std::int64_t n, std::int64_t k, GemmType type, OperandData data) {
  const char* const dtype = type == GemmType::bf16 ? "bf16" : "fp8";
  return {.label = fmt::format("GEMM {}x{}x{} {} {}", m, n, k, dtype, data_name(data)),
          .inputs = {{"op", "gemm"},
                     {"m", fmt::format("{}", m)},
                     {"n", fmt::format("{}", n)},
                     {"k", fmt::format("{}", k)},
                     {"dtype", dtype},
                     {"impl", "cublas"},
                     {"data", data_name(data)}},
          .make = keeping<CublasGemm>(m, n, k, type, data)};
}

Load attention(double dropout, OperandData data) {
  const LibraryAttention job{.batch = 2,
                             .heads = 16,
                             .kv_heads = 16,
                             .sequence = 8192,
                             .head_dim = 128,
                             .causal = false,
                             .backward = false,
                             .dropout = dropout,
                             .data = data};
  return {.label = fmt::format("attention, dropout {}, {}", dropout, data_name(data)),
          .inputs = {{"op", "attention"},
                     {"dtype", "bf16"},
                     {"impl", "cudnn"},
                     {"data", data_name(data)},
                     {"batch", "2"},
                     {"heads", "16"},
                     {"kv_heads", "16"},
                     {"seq_q", "8192"},
                     {"seq_kv", "8192"},
                     {"head_dim", "128"},
                     {"causal", "0"},
                     {"dropout", fmt::format("{}", dropout)},
                     {"pass", "fwd"}},
          .make = keeping<CudnnAttention>(job)};
}

Load stream(const Bench& bench, StreamKind kind) {
  constexpr std::array<const char*, 3> names{"read", "write", "copy"};
  const char* const name = names[static_cast<std::size_t>(kind)];
  const std::size_t bytes = std::size_t{kind == StreamKind::copy ? 2U : 1U} << 30U;
  return {.label = fmt::format("{} of {} GiB", name, bytes >> 30U),
          .inputs = {{"op", name}, {"dtype", "fp32"}, {"data", "random"}, {"bytes", fmt::format("{}", bytes)}},
          .make = [&bench, kind, bytes]() -> Launch {
            auto job = std::make_shared<MemoryStream>(bench, kind, bytes);
            return [job, launch = job->launch()](cudaStream_t on) { launch(on); };
          }};
}

Load rng(const Bench& bench, int rounds, int bits) {
  const RngMask mask{
      .elements = std::int64_t{1} << 31U, .rounds = rounds, .bits = bits, .ctas = 8 * bench.sms(), .threads = 256};
  return {.label = fmt::format("RNG mask, {} rounds, {} bits", rounds, bits),
          .inputs = {{"op", "rng"},
                     {"elements", fmt::format("{}", mask.elements)},
                     {"rounds", fmt::format("{}", rounds)},
                     {"bits", fmt::format("{}", bits)},
                     {"ctas", fmt::format("{}", mask.ctas)},
                     {"threads", fmt::format("{}", mask.threads)}},
          .make = [mask]() -> Launch {
            auto words = std::make_shared<DeviceBuffer<std::uint32_t>>(static_cast<std::size_t>(mask.elements / 32));
            return [words, launch = rng_mask_launch(mask, words->data())](cudaStream_t on) { launch(on); };
          }};
}

std::vector<Load> loads(const Bench& bench) {
  std::vector<Load> all;
  for (const GemmType type : {GemmType::bf16, GemmType::fp8}) {
    for (const OperandData data : {OperandData::random, OperandData::zeros, OperandData::sparse90}) {
      all.push_back(gemm(8192, 8192, 8192, type, data));
      all.push_back(gemm(4096, 4096, 4096, type, data));
      all.push_back(gemm(16, 28672, 8192, type, data));
    }
  }
  for (const OperandData data : {OperandData::random, OperandData::zeros}) all.push_back(attention(0, data));
  all.push_back(attention(0.1, OperandData::random));
  for (const StreamKind kind : {StreamKind::copy, StreamKind::read, StreamKind::write}) {
    all.push_back(stream(bench, kind));
  }
  all.push_back(rng(bench, 10, 8));
  all.push_back(rng(bench, 3, 32));
  return all;
}

Watts idle_power(Bench& bench) {
  bench.progress("idle");
  bench.pause(rest);
  Watts sum(0);
  for (int i = 0; i < idle_readings; ++i) {
    bench.pause(Seconds(5e-3));
    sum += bench.card().power;
  }
  return sum / static_cast<double>(idle_readings);
}

}  // namespace

void measure_power(Bench& bench, TableSink& rows) {
  const std::string idle = decimal(idle_power(bench).si(), 1);
  for (const Load& load : loads(bench)) {
    Cells cells = load.inputs;
    cells.insert(cells.end(), {{"timer", "events"}, {"regime", "sustained"}});
    if (rows.has(cells)) continue;
    bench.progress(load.label);
    const Launch launch = load.make();
    const Bench::Steady steady = bench.run_steady(launch, half_window);
    append(cells, library_gemm_cells(cells, KernelTrace(bench.stream()).trace(launch)));
    cells.insert(cells.end(), {{"idle_w", idle},
                               {"temp_c", decimal(steady.card.temperature, 0)},
                               {"samples", fmt::format("{}", steady.samples)},
                               {"sm_mhz", decimal(steady.card.sm_clock.si() * 1e-6, 1)},
                               {"power_w", decimal(steady.card.power.si(), 1)},
                               {"measured_us", decimal(steady.time.si() * 1e6, 3)}});
    rows.add(cells);
  }
}

}  // namespace perfmodel
