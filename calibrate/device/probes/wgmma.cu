#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/timing.cuh"
#include "calibrate/device/probes/wgmma_operands.cuh"
#include "calibrate/device/wgmma.cuh"

namespace perfmodel {
namespace {

using wgmma::Type;

constexpr const char* theme = "wgmma";
constexpr int warpgroup_threads = 128;
constexpr int most_groups = 4;
constexpr int batch = 8;  // instructions that are committed together
constexpr int stream_turns = 32, lone_turns = 128;
constexpr std::uint32_t a_bytes = wgmma::rows * wgmma::row_bytes;

// Four warpgroups have 128 registers a thread.
template <int n>
constexpr int groups_that_fit = n > 192 ? 2 : most_groups;

template <int n>
constexpr std::uint32_t operand_bytes = groups_that_fit<n>* a_bytes + n* wgmma::row_bytes;

enum class Pace : std::uint8_t { stream, lone };

__device__ float unread;

template <Type type, int n, bool mixed>
class Multiplier {
 public:
  __device__ __forceinline__ Multiplier(std::uint32_t a, std::uint32_t b)
      : a_(wgmma::descriptor(a)), b_(wgmma::descriptor(b)) {
#pragma unroll
    for (int i = 0; i < n / 2; ++i) sums_[i] = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      a_values_[i] = random_operand<type>(4 * threadIdx.x + i);
      asm volatile("" : "+r"(a_values_[i]));  // else the loop would make them again
    }
  }

  // `count` of them in a row, all on the same sums.
  template <int count>
  __device__ __forceinline__ void multiply() {
    using Multiply = wgmma::Multiply<type, n>;
    wgmma::fence();
#pragma unroll
    for (int i = 0; i < count; ++i) {
      const int byte = i * wgmma::step_bytes % static_cast<int>(wgmma::row_bytes);
      if constexpr (mixed) {
        Multiply::mixed(sums_, a_values_, wgmma::advanced(b_, byte), 1);
      } else {
        Multiply::shared(sums_, wgmma::advanced(a_, byte), wgmma::advanced(b_, byte), 1);
      }
    }
    wgmma::commit();
  }

  __device__ __forceinline__ void finish() {
    wgmma::wait<0>();
    wgmma::hold(sums_);
  }

  [[nodiscard]] __device__ __forceinline__ float digest() const {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < n / 2; ++i) sum += sums_[i];
    return sum;
  }

 private:
  std::uint64_t a_, b_;
  std::uint32_t a_values_[4];
  float sums_[n / 2];
};

// Every SM runs one CTA of some warpgroups, which share their operands, so that these sit in uniform registers: a
// stream in which one batch is always on its way, or one instruction at a time. `clocks` of a CTA is what all turns
// took.
template <Type type, int n, bool mixed>
__global__ void __launch_bounds__(warpgroup_threads* groups_that_fit<n>, 1) wgmma_loop(Pace pace, long long* clocks) {
  extern __shared__ std::byte memory[];
  __shared__ CtaSpan span;
  const std::uint32_t operands = aligned_operands(shared_address(memory));
  fill_operands<type>(operands, operand_bytes<n>);
  if (threadIdx.x == 0) span.clear();
  Multiplier<type, n, mixed> multiplier(operands, operands + a_bytes);
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    __syncthreads();
    const long long start = clock64();
    if (pace == Pace::stream) {
#pragma unroll 1
      for (int i = 0; i < (pass == 0 ? 2 : stream_turns); ++i) {
        multiplier.template multiply<batch>();
        wgmma::wait<1>();
      }
      multiplier.finish();
    } else {
#pragma unroll 1
      for (int i = 0; i < (pass == 0 ? 2 : lone_turns); ++i) {
        multiplier.template multiply<1>();
        multiplier.finish();
      }
    }
    if (pass == 1) span.add(start, clock64());
  }
  const float digest = multiplier.digest();
  if (digest == 0.123F) unread = digest;
  __syncthreads();
  if (threadIdx.x == 0) clocks[blockIdx.x] = span.clocks();
}

template <Type type>
constexpr const char* type_name = type == Type::bf16   ? "bf16"
                                  : type == Type::e4m3 ? "e4m3"
                                                       : "tf32";

// At the datasheet's rate every type's instruction takes n / 2 clocks: what it lacks in depth it has in width.
std::string peak_note(int n, double interval) {
  return "n / 2 = " + std::to_string(n / 2) + " clk at the datasheet's rate, so " +
         std::to_string(static_cast<int>(50.0 * n / interval + 0.5)) + " % of it";
}

class WgmmaProbe {
 public:
  explicit WgmmaProbe(Bench& bench) : bench_(bench), reading_(bench, bench.sms()) {}

  template <Type type, int n, bool mixed>
  void measure() {
    const std::string name =
        std::string(type_name<type>) + " n=" + std::to_string(n) + (mixed ? " a in registers" : " a in shared memory");
    bench_.progress("wgmma: " + name);
    double alone = 0, best = 0;
    for (int groups = 1; groups <= groups_that_fit<n>; groups *= 2) {
      const std::vector<double> intervals =
          over_turns(clocks<type, n, mixed>(Pace::stream, groups), stream_turns * batch * groups);
      const double interval = summarise(intervals).median;
      if (groups == 1) alone = interval;
      if (groups == 1 || interval < best) best = interval;
      const std::string case_name = name + ", " + std::to_string(groups) + (groups > 1 ? " warpgroups" : " warpgroup");
      report_values(bench_, {theme, case_name, "interval", "clk", "", peak_note(n, interval)}, intervals);
    }
    const std::vector<double> lone = over_turns(clocks<type, n, mixed>(Pace::lone, 1), lone_turns);
    report_values(
        bench_, {theme, name, "lone", "clk", "", "issue, commit and wait for each; dependent on the one before"}, lone);
    if (type == Type::bf16 && !mixed) keep(n, alone, best, summarise(lone).median);
  }

  // What the machine file takes.
  void report_constants() {
    report_values(bench_,
                  {theme, "bf16 n=8 a in shared memory", "minimum interval", "clk", "tensor.minimum_interval",
                   "least of 1, 2 and 4 warpgroups"},
                  {minimum_interval_});
    report_values(bench_,
                  {theme, "bf16 a in shared memory", "latency", "clk", "tensor.latency",
                   "a lone instruction less the interval of a stream, n = 64 to 256"},
                  latencies_);
  }

 private:
  template <Type type, int n, bool mixed>
  std::vector<double> clocks(Pace pace, int groups) {
    const auto kernel = wgmma_loop<type, n, mixed>;
    constexpr int bytes = operand_bytes<n> + wgmma::period_bytes;
    PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    const auto ctas = static_cast<unsigned>(bench_.sms());
    const auto threads = static_cast<unsigned>(groups * warpgroup_threads);
    return reading_.medians(
        [&](cudaStream_t stream) { kernel<<<ctas, threads, bytes, stream>>>(pace, reading_.device()); },
        {.warmup = 1, .repeats = 5});
  }

  static std::vector<double> over_turns(std::vector<double> clocks, int turns) {
    for (double& value : clocks) value /= turns;
    return clocks;
  }

  void keep(int n, double alone, double best, double lone) {
    if (n == 8) minimum_interval_ = best;
    if (n >= 64) latencies_.push_back(lone - alone);
  }

  Bench& bench_;
  ClockReading reading_;
  double minimum_interval_ = 0;
  std::vector<double> latencies_;
};

using Columns = std::integer_sequence<int, 8, 16, 32, 64, 96, 128, 192, 256>;

template <Type type, int... columns>
void measure_type(WgmmaProbe& probe, std::integer_sequence<int, columns...>) {
  (probe.measure<type, columns, false>(), ...);
  (probe.measure<type, columns, true>(), ...);
}

template <Type type, int... columns>
void expect_type(std::vector<SassExpectation>& expectations, std::integer_sequence<int, columns...>) {
  const std::string opcode = type == Type::e4m3 ? "QGMMA.64x" : "HGMMA.64x";
  const auto expect = [&](int n) {
    const std::string depth = std::to_string(wgmma::depth<type>);
    const std::string kernel =
        "wgmma_loopILNS_5wgmma4TypeE" + std::to_string(static_cast<int>(type)) + "ELi" + std::to_string(n) + "E";
    expectations.push_back(
        {.kernel = kernel, .opcode = opcode + std::to_string(n) + "x" + depth, .at_least = batch + 1});
  };
  (expect(columns), ...);
}

}  // namespace

void probe_wgmma(Bench& bench) {
  if (!bench.wanted(theme)) return;
  WgmmaProbe probe(bench);
  measure_type<Type::bf16>(probe, Columns());
  measure_type<Type::e4m3>(probe, Columns());
  measure_type<Type::tf32>(probe, Columns());
  probe.report_constants();
}

std::vector<SassExpectation> sass_expectations_wgmma() {
  std::vector<SassExpectation> expectations;
  expect_type<Type::bf16>(expectations, Columns());
  expect_type<Type::e4m3>(expectations, Columns());
  expect_type<Type::tf32>(expectations, Columns());
  return expectations;
}

}  // namespace perfmodel
