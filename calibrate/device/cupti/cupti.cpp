#include "calibrate/device/cupti/cupti.hpp"

#include <fmt/format.h>

#include <string_view>

namespace perfmodel {
namespace {

const char* remedy_of(CUptiResult status) {
  switch (status) {
    case CUPTI_ERROR_INSUFFICIENT_PRIVILEGES:
    case CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES:
      return "; the driver keeps counters for administrators: run as root, or load the nvidia module with "
             "NVreg_RestrictProfilingToAdminUsers=0";
    case CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED:
    case CUPTI_ERROR_HARDWARE_BUSY: return "; another profiler (ncu, nsys, dcgm) uses the card: end it";
    case CUPTI_ERROR_VIRTUALIZED_DEVICE_NOT_SUPPORTED:
    case CUPTI_ERROR_NOT_SUPPORTED: return "; this card, or the virtual machine around it, does not allow it";
    case CUPTI_ERROR_NOT_INITIALIZED:
    case CUPTI_ERROR_UNKNOWN: return "; is the driver as new as CUDA 13, and libnvperf_host.so beside libcupti.so?";
    case CUPTI_ERROR_INVALID_METRIC_NAME: return "; perfmodel calibrate --list-metrics has the metrics of this chip";
    default: return "";
  }
}

// PERFMODEL_CUPTI(cuptiFoo(&params)): the function's name is what helps.
std::string_view function_of(std::string_view call) { return call.substr(0, call.find('(')); }

}  // namespace

void check_cupti(CUptiResult status, const char* call) {
  if (status == CUPTI_SUCCESS) return;
  const char* name = nullptr;
  const char* message = nullptr;
  if (cuptiGetResultString(status, &name) != CUPTI_SUCCESS || name == nullptr) name = "unknown CUPTI error";
  if (cuptiGetErrorMessage(status, &message) != CUPTI_SUCCESS || message == nullptr) message = "";
  const std::string_view words = message == std::string_view(name) ? "" : message;
  throw DeviceError(
      fmt::format("{}: {}{}{}{}", function_of(call), name, words.empty() ? "" : ": ", words, remedy_of(status)));
}

unsigned cupti_version() {
  std::uint32_t version = 0;
  PERFMODEL_CUPTI(cuptiGetVersion(&version));
  return version;
}

}  // namespace perfmodel
