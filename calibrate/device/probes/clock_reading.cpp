#include "calibrate/device/probes/clock_reading.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace perfmodel {

ClockReading::ClockReading(Bench& bench, int entries) : bench_(bench), entries_(static_cast<std::size_t>(entries)) {}

std::vector<std::vector<long long>> ClockReading::entries(const Launch& launch, const RepeatOptions& options) {
  std::vector<std::vector<long long>> result;
  for (int i = 0; i < options.warmup + options.repeats; ++i) {
    const cudaStream_t stream = bench_.stream().get();
    PERFMODEL_CUDA(cudaMemsetAsync(entries_.data(), 0, entries_.size() * sizeof(long long), stream));
    launch(stream);
    PERFMODEL_CUDA(cudaGetLastError());
    bench_.stream().wait();
    if (i >= options.warmup) result.push_back(entries_.download());
  }
  return result;
}

std::vector<double> ClockReading::medians(const Launch& launch, const RepeatOptions& options) {
  std::vector<double> result;
  for (const std::vector<long long>& repetition : entries(launch, options)) {
    std::vector<double> clocks;
    for (const long long entry : repetition) {
      if (entry != 0) clocks.push_back(static_cast<double>(entry));
    }
    if (!clocks.empty() && *std::min_element(clocks.begin(), clocks.end()) > 0) {
      result.push_back(summarise(clocks).median);
    }
  }
  return result;
}

std::vector<double> over(double numerator, const std::vector<double>& values) {
  std::vector<double> result;
  for (const double value : values) result.push_back(numerator / value);
  return result;
}

std::vector<double> times(double factor, const std::vector<double>& values) {
  std::vector<double> result;
  for (const double value : values) result.push_back(factor * value);
  return result;
}

void report_values(Bench& bench, const FindingName& name, const std::vector<double>& values) {
  Finding finding = bench.finding(std::string(name.probe), name.case_name, name.quantity, name.unit);
  finding.value = summarise(values);
  finding.key = name.key;
  finding.note = name.note;
  if (values.empty()) finding.note = "no value: a wait in the kernel ran out; " + name.note;
  bench.report(std::move(finding));
}

std::string size_name(std::size_t bytes) {
  if (bytes >= std::size_t{1} << 30U && bytes % (std::size_t{1} << 30U) == 0)
    return fmt::format("{} GiB", bytes >> 30U);
  if (bytes >= std::size_t{1} << 20U && bytes % (std::size_t{1} << 20U) == 0)
    return fmt::format("{} MiB", bytes >> 20U);
  return fmt::format("{} KiB", bytes >> 10U);
}

}  // namespace perfmodel
