#include <algorithm>
#include <array>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/dram_stream.cuh"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/timing.cuh"
#include "calibrate/dram_ramp.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
constexpr std::size_t half = 2 * gib;        // what is read lies in one half, what is written in the other
constexpr std::size_t evicting = 256 * mib;  // read or filled ahead of a cold stream
constexpr Seconds steady_time(0.08);
constexpr int steady_runs = 3;

__device__ std::uint32_t unread;

template <int reads, int writes>
__global__ void __launch_bounds__(dram_threads, dram_ctas)
    dram_mix(const uint4* source, uint4* destination, std::size_t apart, std::size_t vectors) {
  const std::uint32_t digest = dram_stream<reads, writes>(source, destination, apart, vectors);
  if (digest == 0x9e3779b9U) unread = digest;
}

// The card's time at the start and at the end of every CTA.
__global__ void __launch_bounds__(dram_threads, dram_ctas)
    dram_cold_read(const uint4* source, std::size_t vectors, long long* times) {
  __shared__ CtaSpan span;
  if (threadIdx.x == 0) span.clear();
  __syncthreads();
  const auto start = static_cast<long long>(global_nanoseconds());
  const std::uint32_t digest = dram_stream<1, 0>(source, nullptr, 0, vectors);
  if (digest == 0x9e3779b9U) unread = digest;
  span.add(start, static_cast<long long>(global_nanoseconds()));
  __syncthreads();
  if (threadIdx.x == 0) {
    times[2 * blockIdx.x] = static_cast<long long>(span.first);
    times[2 * blockIdx.x + 1] = static_cast<long long>(span.last);
  }
}

// The shortest step that the card's timer makes.
__global__ void timer_step(long long* nanoseconds) {
  unsigned long long shortest = ~0ULL, last = global_nanoseconds();
  const long long start = clock64();
  while (clock64() - start < 200'000) {
    const unsigned long long now = global_nanoseconds();
    if (now != last) shortest = min(shortest, now - last);
    last = now;
  }
  *nanoseconds = static_cast<long long>(shortest);
}

// What the datasheet says, as bytes a second. Attributes give the rate of the memory's clock, which the H200 does not
// use up; 0 where the driver does not tell.
double datasheet_bandwidth(const Bench& bench) {
  if (std::string(bench.properties().name).find("H200") != std::string::npos) return 4.8e12;
  int device = 0, kilohertz = 0, bits = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  PERFMODEL_CUDA(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrMemoryClockRate, device));
  PERFMODEL_CUDA(cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, device));
  return 2e3 * kilohertz * bits / 8;
}

template <int reads, int writes>
std::vector<double> steady_rates(Bench& bench, const DeviceMemory& memory, CardState& card) {
  auto* source = static_cast<uint4*>(memory.data());
  uint4* destination = source + half / sizeof(uint4);
  // Two streams share a half; one stream of pure reads or writes takes it whole.
  const bool shared = std::max(reads, writes) > 1;
  const std::size_t vectors = half / sizeof(uint4) / (shared ? 2 : 1);
  std::vector<double> rates;
  for (int i = 0; i < steady_runs; ++i) {
    const Bench::Steady steady = bench.run_steady(
        [&](cudaStream_t stream) {
          dram_mix<reads, writes>
              <<<dram_ctas * bench.sms(), dram_threads, 0, stream>>>(source, destination, vectors, vectors);
        },
        steady_time);
    rates.push_back(static_cast<double>((reads + writes) * vectors * sizeof(uint4)) / steady.time.si());
    card = steady.card;
  }
  return rates;
}

// Bytes a second; with a key, the share of the datasheet's too.
template <int reads, int writes>
double report_mix(Bench& bench, const DeviceMemory& memory, const std::string& name, const std::string& key) {
  bench.progress("DRAM " + name);
  CardState card;
  const std::vector<double> rates = steady_rates<reads, writes>(bench, memory, card);
  Finding finding = bench.finding("dram", name, "bandwidth", "TB/s");
  finding.card = card;
  finding.value = summarise(times(1e-12, rates));
  finding.note = "steady, reads and writes together, random data";
  bench.report(finding);
  const double datasheet = datasheet_bandwidth(bench);
  if (datasheet > 0 && !key.empty()) {
    finding.quantity = "share of the datasheet's";
    finding.unit = "";
    finding.value = summarise(times(1 / datasheet, rates));
    finding.key = key;
    finding.note = "of " + std::to_string(datasheet * 1e-12) + " TB/s";
    bench.report(finding);
  }
  return summarise(rates).median;
}

enum class Before : std::uint8_t { clean, filled };  // what lies in the L2 before a cold stream

// Seconds of one cold stream, each repetition: from the first CTA's start to the last one's end.
std::vector<double> cold_times(Bench& bench, ClockReading& reading, const DeviceMemory& memory, std::size_t bytes,
                               Before before) {
  const auto* base = static_cast<const char*>(memory.data());
  const int ctas = dram_ctas * bench.sms();
  const auto repetitions = reading.entries(
      [&](cudaStream_t stream) {
        if (before == Before::filled) {
          bench.flush_l2();
        } else {
          read_through(base + half, evicting, stream);
        }
        dram_cold_read<<<ctas, dram_threads, 0, stream>>>(reinterpret_cast<const uint4*>(base), bytes / sizeof(uint4),
                                                          reading.device());
      },
      {.warmup = 1, .repeats = 11});
  std::vector<double> seconds;
  for (const auto& entries : repetitions) {
    long long first = entries[0], last = entries[1];
    for (std::size_t i = 0; i < entries.size(); i += 2) {
      first = std::min(first, entries[i]);
      last = std::max(last, entries[i + 1]);
    }
    seconds.push_back(1e-9 * static_cast<double>(last - first));
  }
  return seconds;
}

struct ColdStream {
  std::size_t bytes;
  std::vector<double> clean, filled;  // seconds
};

std::vector<ColdStream> report_cold(Bench& bench, const DeviceMemory& memory) {
  ClockReading reading(bench, 2 * dram_ctas * bench.sms());
  std::vector<ColdStream> streams;
  for (const std::size_t bytes : {64 * kib, 256 * kib, mib, 2 * mib, 4 * mib, 8 * mib, 12 * mib, 16 * mib, 24 * mib,
                                  32 * mib, 48 * mib, 64 * mib, 96 * mib, 128 * mib, 256 * mib, 512 * mib}) {
    const std::string name = "cold read " + size_name(bytes);
    bench.progress("DRAM " + name);
    ColdStream stream{bytes, cold_times(bench, reading, memory, bytes, Before::clean),
                      cold_times(bench, reading, memory, bytes, Before::filled)};
    report_values(bench, {"dram", name, "time", "us", "", "the L2 clean"}, times(1e6, stream.clean));
    report_values(bench, {"dram", name, "time after a fill", "us", "", "256 MiB filled before"},
                  times(1e6, stream.filled));
    streams.push_back(std::move(stream));
  }
  return streams;
}

void report_ramp(Bench& bench, const std::vector<ColdStream>& streams) {
  // One fit a repetition, so that their spread is known.
  std::vector<double> ramps, bytes, starts, rates;
  double error = 0;
  for (std::size_t i = 0; i < streams.front().clean.size(); ++i) {
    std::vector<StreamTime> seen;
    for (const ColdStream& stream : streams) {
      // The mean with the neighbours: the timer's step is coarse beside the shortest streams.
      const std::size_t count = stream.clean.size();
      const double sum = stream.clean[(i + count - 1) % count] + stream.clean[i] + stream.clean[(i + 1) % count];
      seen.push_back({Bytes(static_cast<double>(stream.bytes)), Seconds(sum / 3)});
    }
    const DramRamp fit = fit_ramp(seen);
    ramps.push_back(1e6 * fit.ramp.si());
    bytes.push_back(1e-6 * fit.ramp_bytes.si());
    starts.push_back(1e6 * fit.start.si());
    rates.push_back(1e-12 * fit.rate.si());
    error = std::max(error, fit.error);
  }
  const std::string note = "fitted to cold reads of 64 KiB to 512 MiB, largest r.m.s. error " + std::to_string(error);
  report_values(bench, {"dram", "ramp", "time lost", "us", "dram.ramp", note}, ramps);
  report_values(bench, {"dram", "ramp", "bytes of two thirds", "MB", "dram.ramp_bytes", note}, bytes);
  report_values(bench, {"dram", "ramp", "start", "us", "", "before the first bytes"}, starts);
  report_values(bench, {"dram", "ramp", "rate", "TB/s", "", "of the fit"}, rates);
}

// Bytes that a stream after a fill makes the L2 write back, from the time that it takes longer.
void report_dirty(Bench& bench, const std::vector<ColdStream>& streams, double copy_rate) {
  const double capacity = bench.properties().l2CacheSize;
  std::vector<double> slopes, shares;
  for (std::size_t i = 0; i < streams.front().filled.size(); ++i) {
    double allocated = 0, written = 0, plateau = 0;
    int plateaus = 0;
    for (const ColdStream& stream : streams) {
      const double extra = copy_rate * (stream.filled[i] - summarise(stream.clean).median);
      const auto bytes = static_cast<double>(stream.bytes);
      if (bytes >= 8e6 && bytes <= 0.35 * capacity) {
        allocated += bytes;
        written += extra;
      }
      if (bytes >= 2 * capacity && bytes <= 6 * capacity) {
        plateau += extra;
        ++plateaus;
      }
    }
    slopes.push_back(written / allocated);
    shares.push_back(plateau / plateaus / capacity);
  }
  const std::string note =
      "extra time after a fill at the rate of a copy; L2 of " + size_name(bench.properties().l2CacheSize);
  report_values(bench, {"dram", "dirty lines after a fill", "written back a byte read", "", "l2.dirty", note}, slopes);
  report_values(bench, {"dram", "dirty lines after a fill", "share of the L2", "", "l2.dirty_capacity", note}, shares);
}

void report_timer(Bench& bench) {
  ClockReading reading(bench, 1);
  report_values(bench, {"dram", "global timer", "step", "ns", "", "the shortest that is seen"},
                reading.medians([&](cudaStream_t stream) { timer_step<<<1, 1, 0, stream>>>(reading.device()); },
                                {.warmup = 1, .repeats = 3}));
}

}  // namespace

void probe_dram(Bench& bench) {
  if (!bench.wanted("dram")) return;
  const DeviceMemory memory(2 * half);
  fill_random(memory.data(), memory.bytes(), bench.stream().get());
  report_timer(bench);
  const std::vector<ColdStream> streams = report_cold(bench, memory);
  report_ramp(bench, streams);
  report_mix<1, 0>(bench, memory, "read", "dram.read");
  report_mix<0, 1>(bench, memory, "write", "dram.write");
  const double copy_rate = report_mix<1, 1>(bench, memory, "copy", "dram.copy");
  report_mix<2, 1>(bench, memory, "2 reads, 1 write", "");
  report_mix<1, 2>(bench, memory, "1 read, 2 writes", "");
  report_dirty(bench, streams, copy_rate);
}

std::vector<SassExpectation> sass_expectations_dram() {
  return {
      {"dram_mixILi1ELi0E", "LDG.E.128", dram_unroll},     {"dram_mixILi0ELi1E", "STG.E.128", dram_unroll},
      {"dram_mixILi1ELi1E", "LDG.E.128", dram_unroll},     {"dram_mixILi1ELi1E", "STG.E.128", dram_unroll},
      {"dram_mixILi2ELi1E", "LDG.E.128", 2 * dram_unroll}, {"dram_mixILi1ELi2E", "STG.E.128", 2 * dram_unroll},
      {"dram_cold_read", "LDG.E.128", dram_unroll},
  };
}

}  // namespace perfmodel
