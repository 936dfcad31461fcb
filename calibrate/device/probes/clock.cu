// The SM clock under tensor work, as an SM sees it itself: its cycle counter against the card's timer.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/timing.cuh"
#include "calibrate/device/wgmma.cuh"

namespace perfmodel {
namespace {

constexpr const char* theme = "clock";
constexpr int multiplying = 256;           // threads: two warpgroups
constexpr int threads = multiplying + 32;  // and a warp that samples
constexpr int columns = 256;
constexpr int burst = 4;              // multiply-adds of a warpgroup in a row: 128 bytes of the operands' rows
constexpr int multiply_clocks = 128;  // of the SM's tensor cores, m64n256k16
constexpr long long burst_clocks = 2LL * burst * multiply_clocks;
constexpr std::uint32_t a_bytes = wgmma::rows * wgmma::row_bytes;
constexpr std::uint32_t b_bytes = columns * wgmma::row_bytes;
constexpr std::uint32_t operand_bytes = 2 * a_bytes + b_bytes;
constexpr std::size_t shared_bytes = operand_bytes + 16;
constexpr long long wait_limit = 20'000'000;  // clocks, about 10 ms

struct ClockSample {
  unsigned long long nanoseconds;
  long long clocks;
  unsigned running;  // warps that still multiply
};

struct ClockLoad {
  unsigned long long lead_ns = 0;  // from the kernel's start to the first burst
  unsigned long long step_ns = 0;  // between samples
  int samples = 0;
  int bursts = 0;
  long long period = 0;  // clocks from one burst to the next; 0 for no rest
  bool random = false;   // what the operands hold; else zeros
};

__device__ std::uint32_t unread;

// Numbers from 1/8 to 2 of either sign, two to a word.
__device__ std::uint32_t random_pair(std::uint32_t index) {
  std::uint32_t bits = index * 2654435761U + 12345U;
  bits ^= bits >> 15U;
  bits *= 2246822519U;
  bits ^= bits >> 13U;
  return (bits & 0x81ff81ffU) + 0x3e003e00U;
}

__device__ __forceinline__ void multiply(const ClockLoad& load, std::uint32_t a, std::uint32_t b) {
  float d[columns / 2];
#pragma unroll
  for (int i = 0; i < columns / 2; ++i) d[i] = 0;
  const std::uint64_t first = wgmma::descriptor(a), second = wgmma::descriptor(b);
  const long long start = clock64();
#pragma unroll 1
  for (int i = 0; i < load.bursts; ++i) {
    // Every warp of the SM reads the same counter, so that the bursts coincide.
    while (clock64() - start < i * load.period) {
    }
    __syncwarp();
    wgmma::hold(d);
    wgmma::fence();
#pragma unroll
    for (int step = 0; step < burst; ++step) {
      wgmma::Multiply<wgmma::Type::bf16, columns>::shared(d, wgmma::advanced(first, step * wgmma::step_bytes),
                                                          wgmma::advanced(second, step * wgmma::step_bytes), 1);
    }
    wgmma::commit();
    wgmma::wait<0>();
    wgmma::hold(d);
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < columns / 2; ++i) sum += d[i];
  if (__float_as_uint(sum) == 0x9e3779b9U) unread = __float_as_uint(sum);
}

__device__ __forceinline__ void sample(const ClockLoad& load, unsigned long long start, const unsigned* running,
                                       ClockSample* samples) {
  const long long first = clock64();
  for (int i = 0; i < load.samples; ++i) {
    unsigned long long before = global_nanoseconds();
    while (before < start + i * load.step_ns && clock64() - first < wait_limit) before = global_nanoseconds();
    // At the moment when the timer steps on: its resolution drops out.
    unsigned long long now = before;
    long long clocks = clock64();
    while (now == before && clocks - first < wait_limit) {
      now = global_nanoseconds();
      clocks = clock64();
    }
    samples[i] = {now, clocks, *static_cast<const volatile unsigned*>(running)};
  }
}

__global__ void __launch_bounds__(threads, 1) clock_trace(ClockLoad load, ClockSample* samples) {
  extern __shared__ __align__(1024) char operands[];
  auto* running = reinterpret_cast<unsigned*>(operands + operand_bytes);
  auto* words = reinterpret_cast<std::uint32_t*>(operands);
  for (std::uint32_t i = threadIdx.x; i < operand_bytes / 4; i += threads) words[i] = load.random ? random_pair(i) : 0;
  if (threadIdx.x == 0) *running = multiplying / 32;
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const unsigned long long start = global_nanoseconds();
  if (threadIdx.x >= multiplying) {
    if (blockIdx.x == 0 && threadIdx.x == multiplying) sample(load, start, running, samples);
    return;
  }
  const long long first = clock64();
  while (global_nanoseconds() < start + load.lead_ns && clock64() - first < wait_limit) {
  }
  __syncwarp();
  const auto base = static_cast<std::uint32_t>(__cvta_generic_to_shared(operands));
  multiply(load, base + threadIdx.x / 128 * a_bytes, base + 2 * a_bytes);
  if (threadIdx.x % 32 == 0) atomicSub(running, 1U);
}

// The clock between two samples, in the middle of them, counted from the load step.
struct ClockPoint {
  double microseconds;
  double megahertz;
  bool loaded;
};
using ClockCurve = std::vector<ClockPoint>;

constexpr ClockLoad step_load{
    .lead_ns = 40'000, .step_ns = 5'000, .samples = 440, .bursts = 2000};  // about 1.1 ms of load, then rest
constexpr double settled_from = 400, settled_to = 1000;                    // us after the step
constexpr int traces = 11;

std::vector<double> between(const ClockCurve& curve, double from, double to) {
  std::vector<double> values;
  for (const ClockPoint& point : curve) {
    if (point.microseconds >= from && point.microseconds < to) values.push_back(point.megahertz);
  }
  return values;
}

// Each the mean of several neighbours: a single trace is coarse beside a ramp of 15 us.
std::vector<ClockCurve> smoothed(const std::vector<ClockCurve>& curves) {
  constexpr std::size_t neighbours = 5;
  std::vector<ClockCurve> means;
  for (std::size_t first = 0; first < curves.size(); ++first) {
    ClockCurve mean = curves[first];
    for (std::size_t k = 1; k < neighbours; ++k) {
      const ClockCurve& other = curves[(first + k) % curves.size()];
      for (std::size_t i = 0; i < mean.size(); ++i) {
        mean[i].microseconds += other[i].microseconds;
        mean[i].megahertz += other[i].megahertz;
        mean[i].loaded = mean[i].loaded || other[i].loaded;
      }
    }
    for (ClockPoint& point : mean) {
      point.microseconds /= neighbours;
      point.megahertz /= neighbours;
    }
    means.push_back(std::move(mean));
  }
  return means;
}

// What one curve says; times in us, -1 where a thing was not seen.
struct StepResponse {
  double before = 0, settled = 0, ramp = -1;
  double lowest = 0, lowest_at = -1;
  double dip_start = -1, dip_end = -1;  // where it crosses 1 % below the settled clock around the lowest
  double recovery = -1;                 // from the load's end to within 1 % of the clock before
};

void find_dip(const ClockCurve& curve, StepResponse& response) {
  std::size_t lowest = curve.size();
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const ClockPoint& point = curve[i];
    if (!point.loaded || point.microseconds < 0 || point.microseconds > settled_from) continue;
    if (lowest == curve.size() || point.megahertz < curve[lowest].megahertz) lowest = i;
  }
  if (lowest == curve.size()) return;
  response.lowest = curve[lowest].megahertz;
  const double edge = 0.99 * response.settled;
  if (response.lowest >= edge) return;
  response.lowest_at = curve[lowest].microseconds;
  std::size_t left = lowest, right = lowest;
  while (left > 0 && curve[left].megahertz < edge) --left;
  while (right + 1 < curve.size() && curve[right].megahertz < edge) ++right;
  response.dip_start = curve[left].microseconds;
  response.dip_end = curve[right].microseconds;
}

StepResponse response_of(const ClockCurve& curve) {
  StepResponse response;
  response.before = summarise(between(curve, -30, 0)).median;
  response.settled = summarise(between(curve, settled_from, settled_to)).median;
  const double low = response.settled + 0.1 * (response.before - response.settled);
  double end = -1;
  for (const ClockPoint& point : curve) {
    if (point.microseconds < 0) continue;
    if (response.ramp < 0 && point.megahertz <= low) response.ramp = point.microseconds;
    if (point.loaded) end = point.microseconds;
    if (!point.loaded && end >= 0 && response.recovery < 0 && point.megahertz >= 0.99 * response.before) {
      response.recovery = point.microseconds - end;
    }
  }
  find_dip(curve, response);
  return response;
}

class ClockProbe {
 public:
  explicit ClockProbe(Bench& bench) : bench_(bench), samples_(static_cast<std::size_t>(step_load.samples)) {
    PERFMODEL_CUDA(cudaFuncSetAttribute(clock_trace, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  }

  void report_step(const std::string& name, ClockLoad load) {
    bench_.progress("clock: load step, " + name);
    std::vector<ClockCurve> curves;
    for (int i = 0; i < traces; ++i) curves.push_back(trace(load));
    record(name, curves);
    report_curve(name, curves);
    report_response(name, curves);
  }

  // Back to back until the power has settled.
  void report_steady(const std::string& name, double duty, bool random) {
    bench_.progress("clock: steady, " + name);
    ClockLoad load{.step_ns = 20'000, .samples = 100, .bursts = 4000, .random = random};
    if (duty < 1) load.period = static_cast<long long>(burst_clocks / duty);
    const Bench::Steady steady = bench_.run_steady(launch(load), Seconds(0.45));
    const std::vector<ClockSample> seen = samples_.download();
    const ClockSample& last = seen[static_cast<std::size_t>(load.samples) - 1];
    const double clocks = static_cast<double>(last.clocks - seen[0].clocks);
    const double megahertz = 1e3 * clocks / static_cast<double>(last.nanoseconds - seen[0].nanoseconds);
    const double busy = static_cast<double>(burst_clocks) * load.bursts;
    const double reached = busy / (steady.time.si() * megahertz * 1e6);
    report({name, "steady clock", "MHz", "",
            "as an SM counts it; the driver says " + std::to_string(steady.card.sm_clock.si() * 1e-6) + " MHz"},
           {megahertz}, steady.card);
    report({name, "tensor duty", "", "", "share of the time, launches included, of the peak issue rate"}, {reached},
           steady.card);
    report({name, "steady power", "W", "", std::to_string(steady.samples) + " samples of 5 ms"},
           {steady.card.power.si()}, steady.card);
  }

 private:
  struct Name {
    std::string case_name, quantity, unit, key, note;
  };

  [[nodiscard]] Launch launch(const ClockLoad& load) const {
    return [=, this](cudaStream_t stream) {
      clock_trace<<<bench_.sms(), threads, shared_bytes, stream>>>(load, samples_.data());
      PERFMODEL_CUDA(cudaGetLastError());
    };
  }

  // After a pause in which the clock recovers.
  [[nodiscard]] ClockCurve trace(const ClockLoad& load) {
    bench_.pause(Seconds(0.02));
    launch(load)(bench_.stream().get());
    bench_.stream().wait();
    const std::vector<ClockSample> seen = samples_.download();
    const double step = static_cast<double>(load.lead_ns);
    ClockCurve curve;
    for (std::size_t i = 1; i < seen.size(); ++i) {
      const auto nanoseconds = static_cast<double>(seen[i].nanoseconds - seen[i - 1].nanoseconds);
      if (nanoseconds <= 0) throw DeviceError("globaltimer: stands still; restart the driver");
      const double middle = static_cast<double>(seen[i].nanoseconds - seen[0].nanoseconds) - nanoseconds / 2;
      curve.push_back({1e-3 * (middle - step),
                       1e3 * static_cast<double>(seen[i].clocks - seen[i - 1].clocks) / nanoseconds,
                       seen[i].running > 0});
    }
    return curve;
  }

  void record(const std::string& name, const std::vector<ClockCurve>& curves) {
    std::string lines;
    for (const ClockCurve& curve : curves) {
      lines += R"({"load": ")" + name + R"(", "us_mhz": [)";
      for (std::size_t i = 0; i < curve.size(); ++i) {
        char point[64];
        std::snprintf(point, sizeof(point), "%s[%.2f, %.1f]", i > 0 ? ", " : "", curve[i].microseconds,
                      curve[i].megahertz);
        lines += point;
      }
      lines += "]}\n";
    }
    bench_.record("clock.jsonl", lines);
  }

  void report(const Name& name, const std::vector<double>& values, const CardState& card) {
    Finding finding = bench_.finding(theme, name.case_name, name.quantity, name.unit);
    finding.card = card;
    finding.value = summarise(values);
    finding.key = values.empty() ? "" : name.key;
    finding.note = values.empty() ? "not seen; " + name.note : name.note;
    bench_.report(std::move(finding));
  }

  void report_curve(const std::string& name, const std::vector<ClockCurve>& curves) {
    const CardState card = bench_.card();
    for (const double at :
         {-20., 0.,   5.,   10.,  15.,  20.,  30.,  40.,   50.,   60.,   70.,   80.,   90.,   100.,
          120., 145., 170., 200., 300., 500., 800., 1000., 1200., 1300., 1400., 1500., 1700., 2000.}) {
      std::vector<double> values;
      for (const ClockCurve& curve : curves) {
        const std::vector<double> here = between(curve, at, at + 5.5);
        if (!here.empty()) values.push_back(here.front());
      }
      char when[32];
      std::snprintf(when, sizeof(when), ", at %.0f us", at);
      report({name + when, "clock", "MHz", "", "mean of 5 us, from the load step"}, values, card);
    }
  }

  void report_response(const std::string& name, const std::vector<ClockCurve>& single) {
    const std::vector<ClockCurve> curves = smoothed(single);
    const CardState card = bench_.card();
    const auto values = [&](double StepResponse::*member) {
      std::vector<double> all;
      for (const ClockCurve& curve : curves) {
        if (const double value = response_of(curve).*member; value > 0) all.push_back(value);
      }
      // What only a few repetitions show is none.
      return 2 * all.size() > curves.size() ? all : std::vector<double>();
    };
    const bool keyed = name == "random";
    const auto key = [&](const char* text) { return std::string(keyed ? text : ""); };
    report({name, "clock before", "MHz", "", "SMs awake, no tensor work"}, values(&StepResponse::before), card);
    report({name, "settled clock", "MHz", "", "400 to 1000 us after the load step"}, values(&StepResponse::settled),
           card);
    report({name, "ramp", "us", key("clock.ramp"), "until nine tenths of the way to the settled clock"},
           values(&StepResponse::ramp), card);
    report({name, "lowest clock", "MHz", "", "in the first 400 us"}, values(&StepResponse::lowest), card);
    report({name, "dip start", "us", key("clock.dip_start"), "1 % below the settled clock"},
           values(&StepResponse::dip_start), card);
    report({name, "dip bottom", "us", key("clock.dip_bottom"), ""}, values(&StepResponse::lowest_at), card);
    report({name, "dip end", "us", key("clock.dip_end"), ""}, values(&StepResponse::dip_end), card);
    report({name, "recovery", "us", "", "from the load's end to within 1 % of the clock before"},
           values(&StepResponse::recovery), card);
  }

  Bench& bench_;
  DeviceBuffer<ClockSample> samples_;
};

}  // namespace

void probe_clock(Bench& bench) {
  if (!bench.wanted(theme)) return;
  ClockProbe probe(bench);
  for (const bool random : {false, true}) {
    ClockLoad load = step_load;
    load.random = random;
    probe.report_step(random ? "random" : "zeros", load);
  }
  ClockLoad half = step_load;
  half.period = 2 * burst_clocks;
  half.bursts = step_load.bursts / 2;
  probe.report_step("zeros, half the time", half);
  for (const double duty : {0.25, 0.5, 0.75, 0.85, 1.0}) {
    probe.report_steady("zeros, " + std::to_string(std::lround(100 * duty)) + " % of the time", duty, false);
  }
  probe.report_steady("random, 50 % of the time", 0.5, true);
  probe.report_steady("random, 100 % of the time", 1, true);
}

std::vector<SassExpectation> sass_expectations_clock() {
  return {{.kernel = "clock_trace", .opcode = "HGMMA", .at_least = burst},
          {.kernel = "clock_trace", .opcode = "CS2R", .at_least = 2}};
}

}  // namespace perfmodel
