#include "calibrate/device/experiments/cold_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "calibrate/device/cupti/kernel_trace.hpp"
#include "calibrate/device/experiments/clock_meter.hpp"

namespace perfmodel {
namespace {

constexpr Seconds pause_before(20e-3);
// Tensor work lowers the clock by 8 % within microseconds, which belongs to the measurement; the power cap takes more.
constexpr double clock_tolerance = 0.88;

bool is_meter(const KernelRecord& record) { return record.name.find(ClockMeter::kernel_name) != std::string::npos; }

void measure(Bench& bench, KernelTrace& trace, const ClockMeter& meter, const ColdRun& run, ColdTimes& times) {
  bench.pause(pause_before);
  bench.flush_l2();
  std::vector<KernelRecord> records = trace.trace([&](cudaStream_t stream) {
    run.launch(stream);
    meter.launch(stream);
  });
  std::erase_if(records, is_meter);
  if (records.empty()) throw DeviceError("cuptiActivityFlushAll: no kernel was seen to run: " + run.label);
  times.seconds.push_back(busy_of(records).si());
  times.longest.push_back(longest_of(records).duration().si());
  times.records = std::move(records);
  const Hertz clock = meter.read();
  times.clock = times.clock.si() == 0 ? clock : std::min(times.clock, clock);
}

}  // namespace

std::vector<ColdTimes> run_cold(Bench& bench, const std::vector<ColdRun>& runs, int repetitions) {
  std::vector<ColdTimes> times(runs.size());
  std::vector<std::size_t> order(runs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const ClockMeter meter;
  meter.launch(bench.stream().get());
  for (const ColdRun& run : runs) run.launch(bench.stream().get());
  bench.stream().wait();
  PERFMODEL_CUDA(cudaGetLastError());
  KernelTrace trace(bench.stream());
  std::mt19937_64 random(1);
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    bench.progress(fmt::format("{} launches, repetition {} of {}", runs.size(), repetition + 1, repetitions));
    std::ranges::shuffle(order, random);
    for (const std::size_t i : order) measure(bench, trace, meter, runs[i], times[i]);
  }
  return times;
}

Hertz top_clock(const std::vector<ColdTimes>& times) {
  Hertz top(0);
  for (const ColdTimes& one : times) top = std::max(top, one.clock);
  return top;
}

std::string cold_fault(const ColdTimes& times, Hertz top_clock) {
  const Summary summary = summarise(times.seconds);
  if (!summary.steady()) return fmt::format("repetitions differ by {:.0f} %", 100 * summary.spread);
  if (times.clock.si() < clock_tolerance * top_clock.si()) {
    return fmt::format("the clock fell to {:.0f} MHz", times.clock.si() * 1e-6);
  }
  return "";
}

const KernelRecord& main_kernel(const ColdTimes& times) { return longest_of(times.records); }

Cells cold_cells(const ColdTimes& times) {
  const auto [least, most] = std::ranges::minmax(times.seconds);
  const double total = summarise(times.seconds).median;
  const double longest = summarise(times.longest).median;
  return {{"sm_mhz", decimal(times.clock.si() * 1e-6, 0)},
          {"min_us", decimal(least * 1e6, 3)},
          {"max_us", decimal(most * 1e6, 3)},
          {"kernels", fmt::format("{}", times.records.size())},
          {"main_us", decimal(longest * 1e6, 3)},
          {"other_us", decimal(std::max(0.0, total - longest) * 1e6, 3)},
          {"measured_us", decimal(total * 1e6, 3)}};
}

std::string decimal(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }

}  // namespace perfmodel
