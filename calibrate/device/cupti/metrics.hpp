// What counters a chip has, and the images that say which of them to collect: CUPTI's profiler host interface, which
// needs no GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "calibrate/device/cupti/cupti.hpp"

struct CUpti_Profiler_Host_Object;

namespace perfmodel {

// Finds the libraries that CUPTI loads itself, libnvperf_host.so and libnvperf_target.so, where the loader would not:
// beside the program and in the CUDA folders. Harmless if they are found already.
void load_performance_libraries();

// Once a process, before counters of the device are asked for. Throws DeviceError.
void initialise_profiler();

// "GH100", for the current CUDA device. Throws DeviceError.
std::string chip_name();

class MetricHost {
 public:
  // Throws DeviceError for a chip that this CUPTI does not know.
  explicit MetricHost(std::string chip);
  MetricHost(const MetricHost&) = delete;
  MetricHost& operator=(const MetricHost&) = delete;
  ~MetricHost();

  // Base metrics, "sm__inst_executed_pipe_xu"; rollups such as ".sum" are added to them.
  [[nodiscard]] std::vector<std::string> base_metrics() const;
  // "# of warp instructions executed by xu pipe"
  [[nodiscard]] std::string description(const std::string& metric) const;
  // What the device is told to collect; once per object. Throws DeviceError for a name that the chip does not have.
  [[nodiscard]] std::vector<std::uint8_t> config_image(std::span<const char* const> metrics);
  // How often a kernel has to run for it.
  [[nodiscard]] static std::size_t passes(std::vector<std::uint8_t>& config_image);
  // Values of one range of what was collected, in the order of the metrics.
  [[nodiscard]] std::vector<double> values(std::span<const std::uint8_t> counter_data, std::size_t range,
                                           std::span<const char* const> metrics) const;

 private:
  std::string chip_;
  CUpti_Profiler_Host_Object* host_ = nullptr;
};

}  // namespace perfmodel
