#include <algorithm>
#include <array>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/l2.hpp"
#include "calibrate/device/probes/mbarrier.cuh"
#include "calibrate/device/probes/timing.cuh"
#include "calibrate/latency_modes.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
constexpr std::size_t line = 128;
constexpr int chase_steps = 4096;
constexpr std::size_t l1_footprint = 256 * kib;  // up to it loads may hit the L1, beyond they go past it

constexpr int rounds = 3;  // touches of every line by an SM
constexpr int sampled_lines = 512;
constexpr unsigned lines_mask = 65536 - 1;  // 8 MiB
constexpr std::size_t one_cta = 116 * kib;  // dynamic shared memory that leaves no room for a second CTA

__device__ unsigned unread;

// Every line names the next one of a cycle through all of them.
__global__ void chase_link(char* base, unsigned long long lines, unsigned long long multiplier,
                           unsigned long long increment) {
  const unsigned long long step = gridDim.x * blockDim.x;
  for (unsigned long long i = blockIdx.x * blockDim.x + threadIdx.x; i < lines; i += step) {
    char* next = base + line * ((multiplier * i + increment) % lines);
    *reinterpret_cast<char**>(base + line * i) = next;
  }
}

template <bool through_l1>
__device__ __forceinline__ void follow(unsigned long long& address) {
  if constexpr (through_l1) {
    asm volatile("ld.global.u64 %0, [%0];" : "+l"(address)::"memory");
  } else {
    asm volatile("ld.global.cg.u64 %0, [%0];" : "+l"(address)::"memory");
  }
}

// One thread; `out` gets the clocks and the nanoseconds of chase_steps links.
template <bool through_l1>
__global__ void __launch_bounds__(32, 1) chase_links(const char* base, int warm, long long* out) {
  auto address = reinterpret_cast<unsigned long long>(base);
#pragma unroll 1
  for (int i = 0; i < warm; ++i) follow<through_l1>(address);
  const unsigned long long start_time = global_nanoseconds();
  const long long start = clock64();
#pragma unroll 8
  for (int i = 0; i < chase_steps; ++i) follow<through_l1>(address);
  if (address == 0x9e3779b97f4a7c15ULL) unread = 1;
  out[0] = clock64() - start;
  out[1] = static_cast<long long>(global_nanoseconds() - start_time);
}

__device__ __forceinline__ long long timed_load(const char* address, std::uint32_t slot) {
  const long long start = clock64();
  unsigned value;
  asm volatile("ld.global.cg.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  // The store cannot issue before the load is there, nor the clock be read before the store.
  asm volatile("st.volatile.shared.u32 [%0], %1;" ::"r"(slot), "r"(value) : "memory");
  return clock64() - start;
}

// The SM `chosen` alone, one thread: the clocks that each load of each line takes, round by round; then what the clock
// and the store take, and the clocks and nanoseconds of it all.
__global__ void __launch_bounds__(32, 1)
    line_latencies(const char* base, unsigned chosen, unsigned* arrived, long long* out) {
  extern __shared__ long long latencies[];
  __shared__ std::uint32_t last_value;
  const std::uint32_t slot = shared_address(&last_value);
  meet(arrived, gridDim.x);
  if (sm_index() != chosen) return;
  const unsigned long long start_time = global_nanoseconds();
  const long long start = clock64();
  for (int i = 0; i < rounds * sampled_lines; ++i) {
    const unsigned place = (static_cast<unsigned>(i % sampled_lines) + threadIdx.x) * 40503U & lines_mask;
    latencies[i] = timed_load(base + line * place, slot);
  }
  const long long before = clock64();
  asm volatile("st.volatile.shared.u32 [%0], %1;" ::"r"(slot), "r"(chosen) : "memory");
  const long long empty = clock64() - before;
  const long long clocks = clock64() - start;
  const auto nanoseconds = static_cast<long long>(global_nanoseconds() - start_time);
  for (int i = 0; i < rounds * sampled_lines; ++i) out[i] = latencies[i];
  out[rounds * sampled_lines] = empty;
  out[rounds * sampled_lines + 1] = clocks;
  out[rounds * sampled_lines + 2] = nanoseconds;
}

void link(char* base, std::size_t footprint, cudaStream_t stream) {
  const unsigned long long lines = footprint / line;
  // A congruential generator of full period: the multiplier less one is a multiple of 4 and 3, the increment of
  // neither.
  chase_link<<<1024, 256, 0, stream>>>(base, lines, 12 * (lines / 19) + 1, 6 * (lines / 17) + 5);
  PERFMODEL_CUDA(cudaGetLastError());
}

struct ChaseTimes {
  std::vector<double> clocks, seconds;  // of one link
};

// `before` runs ahead of every repetition.
ChaseTimes chase(Bench& bench, const char* base, bool through_l1, int warm, const Launch& before) {
  ClockReading reading(bench, 2);
  const auto repetitions = reading.entries([&](cudaStream_t stream) {
    before(stream);
    if (through_l1) {
      chase_links<true><<<1, 1, 0, stream>>>(base, warm, reading.device());
    } else {
      chase_links<false><<<1, 1, 0, stream>>>(base, warm, reading.device());
    }
  });
  ChaseTimes result;
  for (const auto& entries : repetitions) {
    result.clocks.push_back(static_cast<double>(entries[0]) / chase_steps);
    result.seconds.push_back(1e-9 * static_cast<double>(entries[1]) / chase_steps);
  }
  return result;
}

void report_sweep(Bench& bench, char* base) {
  for (const std::size_t footprint :
       {64 * kib, 128 * kib, 192 * kib, 256 * kib, 512 * kib, mib, 2 * mib, 4 * mib, 8 * mib, 16 * mib, 24 * mib,
        32 * mib, 48 * mib, 64 * mib, 96 * mib, 128 * mib, 256 * mib, 512 * mib, gib}) {
    const std::string name = "chase " + size_name(footprint);
    bench.progress("L2 " + name);
    link(base, footprint, bench.stream().get());
    const bool through_l1 = footprint <= l1_footprint;
    const int warm = through_l1 ? static_cast<int>(2 * footprint / line) : 64;
    const ChaseTimes chased =
        chase(bench, base, through_l1, warm, [&](cudaStream_t stream) { read_through(base, footprint, stream); });
    const std::string note = through_l1 ? "through the L1" : "past the L1; what fits lies in the L2";
    report_values(bench, {"l2", name, "latency", "clk", "", note}, chased.clocks);
    report_values(bench, {"l2", name, "latency of time", "ns", "", note}, times(1e9, chased.seconds));
  }
}

// Lines that are not in the L2, which holds clean lines of other data.
void report_dram(Bench& bench, char* base) {
  bench.progress("DRAM latency");
  constexpr std::size_t footprint = 256 * mib;
  link(base, footprint, bench.stream().get());
  const ChaseTimes chased = chase(
      bench, base, false, 64, [&](cudaStream_t stream) { read_through(base + gib - footprint, footprint, stream); });
  report_values(bench, {"l2", "DRAM", "latency", "clk", "", "cold lines over 256 MiB"}, chased.clocks);
  report_values(bench, {"l2", "DRAM", "latency of time", "ns", "dram.latency", "cold lines over 256 MiB"},
                times(1e9, chased.seconds));
}

// What one SM sees: each line's latency [clk] at its first and at its last touch.
struct LinesOfSm {
  std::array<std::vector<double>, 2> latencies;
  std::array<LatencyModes, 2> modes;
  double nanoseconds_per_clock = 0;
};

LinesOfSm lines_of(Bench& bench, ClockReading& reading, const char* base, DeviceBuffer<unsigned>& arrived, int sm) {
  const auto entries = reading.entries(
      [&](cudaStream_t stream) {
        read_through(base, line * (lines_mask + 1), stream);
        PERFMODEL_CUDA(cudaMemsetAsync(arrived.data(), 0, sizeof(unsigned), stream));
        line_latencies<<<bench.sms(), 1, one_cta, stream>>>(base, static_cast<unsigned>(sm), arrived.data(),
                                                            reading.device());
      },
      {.warmup = 0, .repeats = 1});
  const std::vector<long long>& out = entries.front();
  LinesOfSm result;
  const std::size_t end = std::size_t{rounds} * sampled_lines;
  if (out[end + 2] <= 0) return result;
  for (std::size_t touch = 0; touch < 2; ++touch) {
    const std::size_t first = touch == 0 ? 0 : end - sampled_lines;
    for (std::size_t i = first; i < first + sampled_lines; ++i) {
      result.latencies[touch].push_back(static_cast<double>(out[i] - out[end]));
    }
    result.modes[touch] = latency_modes(result.latencies[touch]);
  }
  result.nanoseconds_per_clock = static_cast<double>(out[end + 2]) / static_cast<double>(out[end + 1]);
  return result;
}

using Pass = std::vector<LinesOfSm>;  // all SMs, one after the other

// The median of each pass over the SMs that see two modes, for SMs lie at different distances; `note` says how far they
// differ.
template <class Value>
std::vector<double> medians_of(const std::vector<Pass>& passes, std::size_t touch, const Value& value,
                               std::string& note) {
  std::vector<double> medians, all;
  for (const Pass& sms : passes) {
    std::vector<double> values;
    for (const LinesOfSm& sm : sms) {
      if (sm.modes[touch].apart) values.push_back(value(sm));
    }
    if (values.empty()) continue;
    all.insert(all.end(), values.begin(), values.end());
    medians.push_back(summarise(values).median);
  }
  if (all.empty()) return medians;
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  note += "; SMs from " + std::to_string(*least) + " to " + std::to_string(*most);
  return medians;
}

std::ptrdiff_t apart(const Pass& sms, std::size_t touch) {
  return std::count_if(sms.begin(), sms.end(), [&](const LinesOfSm& sm) { return sm.modes[touch].apart; });
}

void report_touch(Bench& bench, const std::vector<Pass>& passes, std::size_t touch, bool keyed) {
  const std::string name = touch == 0 ? "lines first touched by an SM" : "lines touched again by an SM";
  const Pass& first = passes.front();
  const std::string modes =
      "two modes on " + std::to_string(apart(first, touch)) + " of " + std::to_string(first.size()) + " SMs";
  const auto report = [&](const char* quantity, const char* unit, const char* key, const auto& value) {
    std::string note = modes;
    const std::vector<double> values = medians_of(passes, touch, value, note);
    report_values(bench, {"l2", name, quantity, unit, keyed ? key : "", note}, values);
  };
  const auto nanoseconds = [](const LinesOfSm& sm, double clocks) { return clocks * sm.nanoseconds_per_clock; };
  report("near latency", "clk", "", [&](const LinesOfSm& sm) { return sm.modes[touch].near; });
  report("far latency", "clk", "", [&](const LinesOfSm& sm) { return sm.modes[touch].far; });
  report("near latency of time", "ns", "l2.near_latency",
         [&](const LinesOfSm& sm) { return nanoseconds(sm, sm.modes[touch].near); });
  report("far latency of time", "ns", "l2.far_latency",
         [&](const LinesOfSm& sm) { return nanoseconds(sm, sm.modes[touch].far); });
  report("near share", "", "", [&](const LinesOfSm& sm) { return sm.modes[touch].near_share; });
}

// How many SMs find the same lines near as the first SM does.
void report_sides(Bench& bench, const Pass& sms, std::size_t touch) {
  int same = 0, opposite = 0;
  for (const LinesOfSm& sm : sms) {
    const double alike =
        agreement(sms.front().latencies[touch], sms.front().modes[touch], sm.latencies[touch], sm.modes[touch]);
    same += alike > 0.8 ? 1 : 0;
    opposite += alike < 0.2 ? 1 : 0;
  }
  report_values(bench,
                {"l2", "sides", "SMs on the first one's", "", "",
                 std::to_string(opposite) + " SMs find the opposite lines near, " +
                     std::to_string(static_cast<int>(sms.size()) - same - opposite) + " neither"},
                {static_cast<double>(same)});
}

void report_lines(Bench& bench, char* base) {
  bench.progress("L2 near and far lines");
  fill_random(base, line * (lines_mask + 1), bench.stream().get());
  PERFMODEL_CUDA(cudaFuncSetAttribute(line_latencies, cudaFuncAttributeMaxDynamicSharedMemorySize, one_cta));
  DeviceBuffer<unsigned> arrived(1);
  ClockReading reading(bench, rounds * sampled_lines + 3);
  static_cast<void>(lines_of(bench, reading, base, arrived, 0));
  std::vector<Pass> passes(3);
  for (Pass& sms : passes) {
    for (int sm = 0; sm < bench.sms(); ++sm) {
      LinesOfSm seen = lines_of(bench, reading, base, arrived, sm);
      if (!seen.latencies[0].empty()) sms.push_back(std::move(seen));
    }
    if (sms.empty()) throw DeviceError("line_latencies: no SM left a reading");
  }
  // If the near side keeps copies of far lines, only the first touch tells the two apart.
  const std::size_t telling = apart(passes.front(), 1) * 2 > static_cast<std::ptrdiff_t>(bench.sms()) ? 1 : 0;
  report_touch(bench, passes, 0, telling == 0);
  report_touch(bench, passes, 1, telling == 1);
  report_sides(bench, passes.front(), telling);
}

}  // namespace

void report_l2_latency(Bench& bench) {
  const DeviceMemory memory(gib);
  auto* base = static_cast<char*>(memory.data());
  PERFMODEL_CUDA(cudaFuncSetAttribute(chase_links<true>, cudaFuncAttributePreferredSharedMemoryCarveout,
                                      cudaSharedmemCarveoutMaxL1));
  fill_random(base, gib, bench.stream().get());
  report_sweep(bench, base);
  report_dram(bench, base);
  report_lines(bench, base);
}

}  // namespace perfmodel
