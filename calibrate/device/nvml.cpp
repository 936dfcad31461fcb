#include "calibrate/device/nvml.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

namespace perfmodel {
namespace {

// The few declarations of nvml.h that are used here; its binary interface is fixed.
using Status = int;
using Device = void*;
constexpr Status success = 0;
constexpr int sm_clock_domain = 1;
constexpr int memory_clock_domain = 2;
constexpr int gpu_temperature = 0;
constexpr unsigned field_power_instant = 186;  // NVML_FI_DEV_POWER_INSTANT; the plain reading is a mean over a second

struct FieldValue {
  unsigned field = 0;
  unsigned scope = 0;
  long long timestamp = 0;
  long long latency = 0;
  int type = 0;
  Status status = 0;
  union {
    double real;
    unsigned integer;
    unsigned long long wide;
  } value{};
};

template <class Function>
void load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr)
    throw DeviceError(fmt::format("dlsym: libnvidia-ml.so.1 has no {}; update the driver", name));
}

}  // namespace

struct Nvml::Library {
  void* handle = nullptr;
  Device device = nullptr;
  Status (*init)() = nullptr;
  Status (*shutdown)() = nullptr;
  const char* (*error)(Status) = nullptr;
  Status (*by_pci)(const char*, Device*) = nullptr;
  Status (*clock)(Device, int, unsigned*) = nullptr;
  Status (*maximum_clock)(Device, int, unsigned*) = nullptr;
  Status (*power)(Device, unsigned*) = nullptr;
  Status (*limit)(Device, unsigned*) = nullptr;
  Status (*temperature)(Device, int, unsigned*) = nullptr;
  Status (*ecc)(Device, int*, int*) = nullptr;
  Status (*fields)(Device, int, FieldValue*) = nullptr;
  Status (*driver)(char*, unsigned) = nullptr;

  void open();
  void check(Status status, const char* call) const {
    if (status != success) throw DeviceError(fmt::format("{}: {}", call, error(status)));
  }
  [[nodiscard]] Hertz megahertz(Status (*read)(Device, int, unsigned*), int domain) const {
    unsigned value = 0;
    return read(device, domain, &value) == success ? Hertz(1e6 * value) : Hertz(0);
  }
  [[nodiscard]] Watts power_now() const;
};

void Nvml::Library::open() {
  handle = ::dlopen("libnvidia-ml.so.1", RTLD_NOW);
  if (handle == nullptr) {
    throw DeviceError(fmt::format("dlopen: {}; it comes with the NVIDIA driver: install it", ::dlerror()));
  }
  load(handle, "nvmlInit_v2", init);
  load(handle, "nvmlShutdown", shutdown);
  load(handle, "nvmlErrorString", error);
  load(handle, "nvmlDeviceGetHandleByPciBusId_v2", by_pci);
  load(handle, "nvmlDeviceGetClockInfo", clock);
  load(handle, "nvmlDeviceGetMaxClockInfo", maximum_clock);
  load(handle, "nvmlDeviceGetPowerUsage", power);
  load(handle, "nvmlDeviceGetEnforcedPowerLimit", limit);
  load(handle, "nvmlDeviceGetTemperature", temperature);
  load(handle, "nvmlDeviceGetEccMode", ecc);
  load(handle, "nvmlDeviceGetFieldValues", fields);
  load(handle, "nvmlSystemGetDriverVersion", driver);
}

Watts Nvml::Library::power_now() const {
  FieldValue field;
  field.field = field_power_instant;
  if (fields(device, 1, &field) == success && field.status == success && field.value.integer > 0) {
    return Watts(1e-3 * field.value.integer);
  }
  unsigned milliwatts = 0;
  return power(device, &milliwatts) == success ? Watts(1e-3 * milliwatts) : Watts(0);
}

Nvml::Nvml(const std::string& pci_address) : library_(std::make_unique<Library>()) {
  library_->open();
  library_->check(library_->init(), "nvmlInit_v2");
  library_->check(library_->by_pci(pci_address.c_str(), &library_->device), "nvmlDeviceGetHandleByPciBusId_v2");
}

// The library stays loaded: other code of the process may use it too.
Nvml::~Nvml() { static_cast<void>(library_->shutdown()); }

CardState Nvml::state() const {
  CardState state;
  state.sm_clock = library_->megahertz(library_->clock, sm_clock_domain);
  state.memory_clock = library_->megahertz(library_->clock, memory_clock_domain);
  state.power = library_->power_now();
  unsigned degrees = 0;
  if (library_->temperature(library_->device, gpu_temperature, &degrees) == success) state.temperature = degrees;
  return state;
}

std::string Nvml::driver_version() const {
  std::array<char, 96> text{};
  library_->check(library_->driver(text.data(), text.size()), "nvmlSystemGetDriverVersion");
  return text.data();
}

Watts Nvml::power_limit() const {
  unsigned milliwatts = 0;
  return library_->limit(library_->device, &milliwatts) == success ? Watts(1e-3 * milliwatts) : Watts(0);
}

Hertz Nvml::maximum_sm_clock() const { return library_->megahertz(library_->maximum_clock, sm_clock_domain); }

Hertz Nvml::maximum_memory_clock() const { return library_->megahertz(library_->maximum_clock, memory_clock_domain); }

std::string Nvml::ecc() const {
  int current = 0;
  int pending = 0;
  if (library_->ecc(library_->device, &current, &pending) != success) return "unknown";
  return current != 0 ? "on" : "off";
}

}  // namespace perfmodel
