#include "calibrate/device/cupti/counter_session.hpp"

#include <cupti_profiler_target.h>
#include <cupti_range_profiler.h>

namespace perfmodel {
namespace {

constexpr std::size_t most_kernels = 64;  // of one launch
constexpr int most_passes = 256;          // a bound, should CUPTI never say that it has enough

template <class Params>
Params params_of(std::size_t size) {
  Params params{};
  params.structSize = size;
  return params;
}
#define PERFMODEL_PARAMS(type) params_of<type>(type##_STRUCT_SIZE)

CUcontext current_context() {
  PERFMODEL_CUDA(cudaFree(nullptr));  // makes the context where nothing has yet
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  PERFMODEL_CUDA(cudaGetDriverEntryPointByVersion("cuCtxGetCurrent", &function, 12000, cudaEnableDefault, &found));
  CUcontext context = nullptr;
  if (function == nullptr || reinterpret_cast<CUresult (*)(CUcontext*)>(function)(&context) != CUDA_SUCCESS) {
    throw DeviceError("cuCtxGetCurrent: the driver gives no context; is it installed?");
  }
  return context;
}

}  // namespace

// The range profiler, on from construction to destruction.
class RangeProfiler {
 public:
  RangeProfiler() {
    auto enable = PERFMODEL_PARAMS(CUpti_RangeProfiler_Enable_Params);
    enable.ctx = current_context();
    PERFMODEL_CUPTI(cuptiRangeProfilerEnable(&enable));
    object_ = enable.pRangeProfilerObject;
  }
  RangeProfiler(const RangeProfiler&) = delete;
  RangeProfiler& operator=(const RangeProfiler&) = delete;
  ~RangeProfiler() {
    if (started_) static_cast<void>(stop_unchecked());
    auto disable = PERFMODEL_PARAMS(CUpti_RangeProfiler_Disable_Params);
    disable.pRangeProfilerObject = object_;
    static_cast<void>(cuptiRangeProfilerDisable(&disable));
  }

  void make_counter_data(std::vector<const char*>& names) {
    auto size = PERFMODEL_PARAMS(CUpti_RangeProfiler_GetCounterDataSize_Params);
    size.pRangeProfilerObject = object_;
    size.pMetricNames = names.data();
    size.numMetrics = names.size();
    size.maxNumOfRanges = most_kernels;
    size.maxNumRangeTreeNodes = most_kernels;
    PERFMODEL_CUPTI(cuptiRangeProfilerGetCounterDataSize(&size));
    data_.assign(size.counterDataSize, 0);
    auto init = PERFMODEL_PARAMS(CUpti_RangeProfiler_CounterDataImage_Initialize_Params);
    init.pRangeProfilerObject = object_;
    init.counterDataSize = data_.size();
    init.pCounterData = data_.data();
    PERFMODEL_CUPTI(cuptiRangeProfilerCounterDataImageInitialize(&init));
  }

  void configure(const std::vector<std::uint8_t>& config, CUpti_ProfilerReplayMode replay) {
    auto set = PERFMODEL_PARAMS(CUpti_RangeProfiler_SetConfig_Params);
    set.pRangeProfilerObject = object_;
    set.configSize = config.size();
    set.pConfig = config.data();
    set.counterDataImageSize = data_.size();
    set.pCounterDataImage = data_.data();
    set.range = CUPTI_AutoRange;
    set.replayMode = replay;
    set.maxRangesPerPass = most_kernels;
    set.numNestingLevels = 1;
    set.minNestingLevel = 1;
    PERFMODEL_CUPTI(cuptiRangeProfilerSetConfig(&set));
  }

  void start() {
    auto start = PERFMODEL_PARAMS(CUpti_RangeProfiler_Start_Params);
    start.pRangeProfilerObject = object_;
    PERFMODEL_CUPTI(cuptiRangeProfilerStart(&start));
    started_ = true;
  }

  // True when every pass has run.
  bool stop() {
    CUpti_RangeProfiler_Stop_Params result{};
    PERFMODEL_CUPTI(stop_unchecked(&result));
    return result.isAllPassSubmitted != 0;
  }

  // The number of ranges.
  std::size_t decode() {
    auto decode = PERFMODEL_PARAMS(CUpti_RangeProfiler_DecodeData_Params);
    decode.pRangeProfilerObject = object_;
    PERFMODEL_CUPTI(cuptiRangeProfilerDecodeData(&decode));
    if (decode.numOfRangeDropped > 0) {
      throw DeviceError("cuptiRangeProfilerDecodeData: " + std::to_string(decode.numOfRangeDropped) +
                        " kernels more than fit, or a launch that does not do the same every time");
    }
    auto info = PERFMODEL_PARAMS(CUpti_RangeProfiler_GetCounterDataInfo_Params);
    info.pCounterDataImage = data_.data();
    info.counterDataImageSize = data_.size();
    PERFMODEL_CUPTI(cuptiRangeProfilerGetCounterDataInfo(&info));
    return info.numTotalRanges;
  }

  [[nodiscard]] const std::vector<std::uint8_t>& data() const { return data_; }

 private:
  CUptiResult stop_unchecked(CUpti_RangeProfiler_Stop_Params* result = nullptr) {
    auto stop = PERFMODEL_PARAMS(CUpti_RangeProfiler_Stop_Params);
    stop.pRangeProfilerObject = object_;
    started_ = false;
    const CUptiResult status = cuptiRangeProfilerStop(&stop);
    if (result != nullptr) *result = stop;
    return status;
  }

  CUpti_RangeProfiler_Object* object_ = nullptr;
  std::vector<std::uint8_t> data_;
  bool started_ = false;
};

CounterSession::CounterSession(const Stream& stream, std::vector<std::string> metrics)
    : stream_(stream), metrics_(std::move(metrics)), host_(chip_name()) {
  for (const std::string& metric : metrics_) names_.push_back(metric.c_str());
  config_ = host_.config_image(names_);
  passes_ = MetricHost::passes(config_);
}

CounterSession::~CounterSession() = default;

std::vector<CounterRecord> CounterSession::collect(const std::string& label, const Launch& launch,
                                                   const std::function<void()>& before_pass, bool kernel_replay) {
  if (!profiler_) profiler_ = std::make_unique<RangeProfiler>();
  RangeProfiler& profiler = *profiler_;
  profiler.make_counter_data(names_);
  profiler.configure(config_, kernel_replay ? CUPTI_KernelReplay : CUPTI_UserReplay);
  bool all = false;
  for (int pass = 0; !all; ++pass) {
    if (pass == most_passes) throw DeviceError("cuptiRangeProfilerStop: still not enough after 256 passes");
    if (before_pass) before_pass();
    PERFMODEL_CUDA(cudaDeviceSynchronize());
    profiler.start();
    launch(stream_.get());
    PERFMODEL_CUDA(cudaDeviceSynchronize());
    // Where CUPTI repeats the kernels, one call is all.
    all = profiler.stop() || kernel_replay;
  }
  std::vector<CounterRecord> records;
  const std::size_t kernels = profiler.decode();
  for (std::size_t kernel = 0; kernel < kernels; ++kernel) {
    CounterRecord& record = records.emplace_back(CounterRecord{label, 1, {}});
    const std::vector<double> values = host_.values(profiler.data(), kernel, names_);
    for (std::size_t i = 0; i < metrics_.size(); ++i) record.values[metrics_[i]] = values[i];
  }
  if (records.empty()) throw DeviceError("cuptiRangeProfilerDecodeData: no kernel was counted");
  return records;
}

std::vector<CounterRecord> CounterSession::count_kernels(const std::string& label, const Launch& launch,
                                                         const std::function<void()>& before_pass) {
  if (!kernel_replay_) {
    try {
      return collect(label, launch, before_pass, false);
    } catch (const DeviceError&) {
      profiler_.reset();  // it may stand in the middle of a pass
    }
  }
  try {
    std::vector<CounterRecord> records = collect(label, launch, before_pass, true);
    kernel_replay_ = true;
    return records;
  } catch (const DeviceError&) {
    profiler_.reset();
    throw;
  }
}

CounterRecord CounterSession::count(const std::string& label, const Launch& launch,
                                    const std::function<void()>& before_pass) {
  return total_of(count_kernels(label, launch, before_pass));
}

}  // namespace perfmodel
