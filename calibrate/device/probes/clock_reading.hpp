// Kernels that time themselves by the SM's clock: they leave one entry a CTA, 0 where it took no part and timed_out
// (negative) where a wait ran too long.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

struct RepeatOptions {
  int warmup = 1;
  int repeats = 9;
};

class ClockReading {
 public:
  ClockReading(Bench& bench, int entries);

  [[nodiscard]] long long* device() const { return entries_.data(); }

  // The entries of each repetition, cleared before each. Throws DeviceError.
  [[nodiscard]] std::vector<std::vector<long long>> entries(const Launch& launch, const RepeatOptions& options = {});

  // The median of the entries of each repetition [clk]; repetitions in which a wait ran out are left out.
  [[nodiscard]] std::vector<double> medians(const Launch& launch, const RepeatOptions& options = {});

 private:
  Bench& bench_;
  DeviceBuffer<long long> entries_;
};

// `numerator` over each: bytes and clocks give a rate.
std::vector<double> over(double numerator, const std::vector<double>& values);
std::vector<double> times(double factor, const std::vector<double>& values);

// What a finding is called, beside its value.
struct FindingName {
  std::string_view probe;
  std::string case_name;
  std::string quantity;
  std::string unit;
  std::string key;
  std::string note;
};

// Reports the summary of the values; without any, that a wait in the kernel ran out.
void report_values(Bench& bench, const FindingName& name, const std::vector<double>& values);

// "8 KiB", "24 MiB", "1 GiB".
std::string size_name(std::size_t bytes);

}  // namespace perfmodel
