#include "calibrate/device/cupti/metrics.hpp"

#include <cupti_profiler_host.h>
#include <cupti_profiler_target.h>
#include <cupti_target.h>
#include <dlfcn.h>

#include <algorithm>

namespace perfmodel {
namespace {

// CUPTI takes the names as an array of pointers that it does not write through.
const char** unconst(std::span<const char* const> names) { return const_cast<const char**>(names.data()); }

template <class Params>
Params params_of(std::size_t size) {
  Params params{};
  params.structSize = size;
  return params;
}
#define PERFMODEL_PARAMS(type) params_of<type>(type##_STRUCT_SIZE)

}  // namespace

void load_performance_libraries() {
  for (const char* library : {"libnvperf_host.so", "libnvperf_target.so"}) {
    for (const char* folder : {"", "/usr/local/cuda/extras/CUPTI/lib64/", "/usr/local/cuda/lib64/"}) {
      // A name without folder is looked for along the run path of the program.
      if (::dlopen((std::string(folder) + library).c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) break;
    }
  }
}

void initialise_profiler() {
  static const bool once = [] {
    load_performance_libraries();
    auto init = PERFMODEL_PARAMS(CUpti_Profiler_Initialize_Params);
    PERFMODEL_CUPTI(cuptiProfilerInitialize(&init));
    return true;
  }();
  static_cast<void>(once);
}

std::string chip_name() {
  initialise_profiler();
  int device = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  auto chip = PERFMODEL_PARAMS(CUpti_Device_GetChipName_Params);
  chip.deviceIndex = static_cast<std::size_t>(device);
  PERFMODEL_CUPTI(cuptiDeviceGetChipName(&chip));
  return chip.pChipName;
}

MetricHost::MetricHost(std::string chip) : chip_(std::move(chip)) {
  load_performance_libraries();
  auto init = PERFMODEL_PARAMS(CUpti_Profiler_Host_Initialize_Params);
  init.profilerType = CUPTI_PROFILER_TYPE_RANGE_PROFILER;
  init.pChipName = chip_.c_str();
  PERFMODEL_CUPTI(cuptiProfilerHostInitialize(&init));
  host_ = init.pHostObject;
}

MetricHost::~MetricHost() {
  auto end = PERFMODEL_PARAMS(CUpti_Profiler_Host_Deinitialize_Params);
  end.pHostObject = host_;
  static_cast<void>(cuptiProfilerHostDeinitialize(&end));
}

std::vector<std::string> MetricHost::base_metrics() const {
  std::vector<std::string> names;
  for (const CUpti_MetricType type :
       {CUPTI_METRIC_TYPE_COUNTER, CUPTI_METRIC_TYPE_RATIO, CUPTI_METRIC_TYPE_THROUGHPUT}) {
    auto list = PERFMODEL_PARAMS(CUpti_Profiler_Host_GetBaseMetrics_Params);
    list.pHostObject = host_;
    list.metricType = type;
    PERFMODEL_CUPTI(cuptiProfilerHostGetBaseMetrics(&list));
    for (std::size_t i = 0; i < list.numMetrics; ++i) names.emplace_back(list.ppMetricNames[i]);
  }
  std::ranges::sort(names);
  return names;
}

std::string MetricHost::description(const std::string& metric) const {
  auto properties = PERFMODEL_PARAMS(CUpti_Profiler_Host_GetMetricProperties_Params);
  properties.pHostObject = host_;
  properties.pMetricName = metric.c_str();
  PERFMODEL_CUPTI(cuptiProfilerHostGetMetricProperties(&properties));
  return properties.pDescription == nullptr ? "" : properties.pDescription;
}

std::vector<std::uint8_t> MetricHost::config_image(std::span<const char* const> metrics) {
  auto add = PERFMODEL_PARAMS(CUpti_Profiler_Host_ConfigAddMetrics_Params);
  add.pHostObject = host_;
  add.ppMetricNames = unconst(metrics);
  add.numMetrics = metrics.size();
  PERFMODEL_CUPTI(cuptiProfilerHostConfigAddMetrics(&add));
  auto size = PERFMODEL_PARAMS(CUpti_Profiler_Host_GetConfigImageSize_Params);
  size.pHostObject = host_;
  PERFMODEL_CUPTI(cuptiProfilerHostGetConfigImageSize(&size));
  std::vector<std::uint8_t> image(size.configImageSize);
  auto get = PERFMODEL_PARAMS(CUpti_Profiler_Host_GetConfigImage_Params);
  get.pHostObject = host_;
  get.configImageSize = image.size();
  get.pConfigImage = image.data();
  PERFMODEL_CUPTI(cuptiProfilerHostGetConfigImage(&get));
  return image;
}

std::size_t MetricHost::passes(std::vector<std::uint8_t>& config_image) {
  auto passes = PERFMODEL_PARAMS(CUpti_Profiler_Host_GetNumOfPasses_Params);
  passes.configImageSize = config_image.size();
  passes.pConfigImage = config_image.data();
  PERFMODEL_CUPTI(cuptiProfilerHostGetNumOfPasses(&passes));
  return passes.numOfPasses;
}

std::vector<double> MetricHost::values(std::span<const std::uint8_t> counter_data, std::size_t range,
                                       std::span<const char* const> metrics) const {
  std::vector<double> values(metrics.size());
  auto evaluate = PERFMODEL_PARAMS(CUpti_Profiler_Host_EvaluateToGpuValues_Params);
  evaluate.pHostObject = host_;
  evaluate.pCounterDataImage = counter_data.data();
  evaluate.counterDataImageSize = counter_data.size();
  evaluate.rangeIndex = range;
  evaluate.ppMetricNames = unconst(metrics);
  evaluate.numMetrics = metrics.size();
  evaluate.pMetricValues = values.data();
  PERFMODEL_CUPTI(cuptiProfilerHostEvaluateToGpuValues(&evaluate));
  return values;
}

}  // namespace perfmodel
