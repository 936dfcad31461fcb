// Hardware counters of launches, by CUPTI's range profiler: every kernel of the launch is a range of its own, and the
// launch is repeated until all counters have been collected.
//
//     CounterSession session(bench.stream(), {"sm__cycles_elapsed.max", "dram__bytes_read.sum"});
//     const CounterRecord record = session.count("copy", launch);
//
// Collecting serialises kernels. Do not keep a KernelTrace alive meanwhile: the two disturb each other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "calibrate/counter_record.hpp"
#include "calibrate/device/bench.hpp"
#include "calibrate/device/cupti/metrics.hpp"

namespace perfmodel {

class CounterSession {
 public:
  // Throws DeviceError for a metric that the chip does not have, and where counters may not be read.
  CounterSession(const Stream& stream, std::vector<std::string> metrics);
  CounterSession(const CounterSession&) = delete;
  CounterSession& operator=(const CounterSession&) = delete;
  ~CounterSession();

  // Counters of the launch, its kernels added up; it is called once a pass and must do the same work every time.
  // `before_pass` runs ahead of each pass, outside of what is counted: to flush the L2 or to pause.
  [[nodiscard]] CounterRecord count(const std::string& label, const Launch& launch,
                                    const std::function<void()>& before_pass = {});
  // The same, a record a kernel.
  [[nodiscard]] std::vector<CounterRecord> count_kernels(const std::string& label, const Launch& launch,
                                                         const std::function<void()>& before_pass = {});

  // How often a launch runs for all counters.
  [[nodiscard]] std::size_t passes() const { return passes_; }

 private:
  std::vector<CounterRecord> collect(const std::string& label, const Launch& launch,
                                     const std::function<void()>& before_pass, bool kernel_replay);

  const Stream& stream_;
  std::vector<std::string> metrics_;
  std::vector<const char*> names_;  // into metrics_
  MetricHost host_;
  std::vector<std::uint8_t> config_;
  std::size_t passes_ = 0;
  std::unique_ptr<class RangeProfiler> profiler_;  // from the first count on: turning it on takes most of a second
  bool kernel_replay_ = false;  // CUPTI repeats the kernels itself, where it does not let the caller do it
};

}  // namespace perfmodel
