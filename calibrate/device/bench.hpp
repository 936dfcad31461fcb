// The bench that every probe and experiment works on: the card and its state, a stream, a way to time a launch, and
// the place where findings go.
//
//     void probe_shuffle(Bench& bench) {
//       if (!bench.wanted("shuffle")) return;
//       Finding finding = bench.finding("shuffle", "bfly", "latency", "clk");
//       finding.value = summarise(cycles);
//       bench.report(std::move(finding));
//     }
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/device/cuda.hpp"
#include "calibrate/finding.hpp"

namespace perfmodel {

using Launch = std::function<void(cudaStream_t)>;

struct TimeOptions {
  int warmup = 2;
  int repeats = 10;
  bool flush_l2 = false;       // a fill of 256 MiB before each repetition
  Seconds pause = Seconds(0);  // idle before each repetition, so that the clock recovers
};

// What runs while the bench works, for a progress bar and for resuming.
class BenchListener {
 public:
  virtual ~BenchListener() = default;
  virtual bool wanted(std::string_view probe) = 0;  // false for one that is done or not asked for
  virtual void report(const Finding& finding) = 0;
  virtual void progress(std::string_view what) = 0;  // what is being measured now
  // Whether the disassembly of the kernels that are being measured was looked through.
  [[nodiscard]] virtual SassCheck sass() const { return SassCheck::unchecked; }
  // Called between repetitions; may throw to end the run.
  virtual void check_interrupt() {}
  // JSON lines for a recording, "kernels.jsonl", where one was asked for.
  virtual void record(std::string_view /*file*/, std::string_view /*lines*/) {}
};

class Bench {
 public:
  // Takes the current CUDA device. Throws DeviceError.
  explicit Bench(BenchListener& listener);
  ~Bench();

  [[nodiscard]] const cudaDeviceProp& properties() const { return properties_; }
  [[nodiscard]] int sms() const { return properties_.multiProcessorCount; }
  [[nodiscard]] const Stream& stream() const { return stream_; }

  [[nodiscard]] bool wanted(std::string_view probe);

  // Times by events around each repetition [seconds]; includes about 2 us of launch. Throws DeviceError.
  [[nodiscard]] std::vector<double> time(const Launch& launch, const TimeOptions& options = {});

  // Times by CUPTI: the sum of what the launch's kernels and memsets took, each repetition [seconds], launches and
  // gaps left out. Throws DeviceError, also if the launch ran nothing.
  [[nodiscard]] std::vector<double> time_kernels(const Launch& launch, const TimeOptions& options = {});

  // Clock, power and temperature as the driver reports them now.
  [[nodiscard]] CardState card() const;
  // Runs `launch` back to back for at least this long, then as long again with clock, power and temperature sampled
  // every 5 ms and averaged. Returns the mean time of one launch [seconds] in `time`.
  struct Steady {
    Seconds time;
    CardState card;
    int samples = 0;
  };
  [[nodiscard]] Steady run_steady(const Launch& launch, Seconds duration);
  // The same with a warm-up of another length.
  [[nodiscard]] Steady run_steady(const Launch& launch, Seconds warmup, Seconds duration);

  // Overwrites the L2 with 256 MiB of zeros, on the bench's stream.
  void flush_l2();
  // Host sleep, with the card idle.
  void pause(Seconds time) const;

  // A finding with the card's state filled in; value, key and note are the caller's.
  [[nodiscard]] Finding finding(std::string probe, std::string case_name, std::string quantity, std::string unit);
  // Checks the spread, looks up the SASS check of the probe's kernels, and hands it on.
  void report(Finding finding);
  // Keeps JSON lines, such as kernel_records_json() gives, for replay without a GPU; only if the user asked for it.
  void record(std::string_view file, std::string_view lines) { listener_.record(file, lines); }
  // What is being measured now; also where an interrupt ends the run.
  void progress(std::string_view what);

 private:
  void prepare(const TimeOptions& options);

  BenchListener& listener_;
  cudaDeviceProp properties_{};
  Stream stream_;
  DeviceMemory flush_;
  std::unique_ptr<class Nvml> nvml_;
};

}  // namespace perfmodel
