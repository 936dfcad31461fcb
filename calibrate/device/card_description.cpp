#include "calibrate/device/card_description.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

#include "calibrate/device/cupti/cupti.hpp"
#include "calibrate/device/nvml.hpp"
#include "support/format.hpp"

namespace perfmodel {
namespace {

constexpr int hopper = 9;

// "13.0" of 13000.
std::string cuda_version(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

// A version that a library states through a function without arguments, if it is loaded or can be.
std::string library_version(const char* library, const char* function, int major_unit, int minor_unit) {
  void* handle = ::dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return "not used";
  const auto version = reinterpret_cast<std::size_t (*)()>(::dlsym(handle, function));
  if (version == nullptr) return "unknown";
  const int number = static_cast<int>(version());
  return fmt::format("{}.{}.{}", number / major_unit, number % major_unit / minor_unit, number % minor_unit);
}

cudaDeviceProp properties_of_current() {
  int device = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  cudaDeviceProp properties{};
  PERFMODEL_CUDA(cudaGetDeviceProperties(&properties, device));
  return properties;
}

std::string pci_address() {
  int device = 0;
  PERFMODEL_CUDA(cudaGetDevice(&device));
  std::array<char, 32> text{};
  PERFMODEL_CUDA(cudaDeviceGetPCIBusId(text.data(), static_cast<int>(text.size()), device));
  return text.data();
}

}  // namespace

void require_card() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
    throw DeviceError(
        "no NVIDIA driver is loaded: this command measures a GPU; run it on a machine with an H100 or H200");
  }
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && devices == 0)) {
    throw DeviceError(
        "the driver sees no GPU: run it on a machine with an H100 or H200, and look at CUDA_VISIBLE_DEVICES");
  }
  check_cuda(status, "cudaGetDeviceCount");
  const cudaDeviceProp properties = properties_of_current();
  if (properties.major != hopper) {
    throw DeviceError(fmt::format("{} has compute capability {}.{}: the probes are of Hopper, 9.0", properties.name,
                                  properties.major, properties.minor));
  }
  static_cast<void>(cupti_version());
}

CardDescription describe_card() {
  const cudaDeviceProp properties = properties_of_current();
  const Nvml nvml(pci_address());
  const CardState now = nvml.state();
  int driver = 0;
  int runtime = 0;
  PERFMODEL_CUDA(cudaDriverGetVersion(&driver));
  PERFMODEL_CUDA(cudaRuntimeGetVersion(&runtime));
  CardDescription card{properties.name, {}};
  const auto line = [&](const char* what, std::string value) { card.lines.emplace_back(what, std::move(value)); };
  line("GPU", properties.name);
  line("compute capability", fmt::format("{}.{}", properties.major, properties.minor));
  line("SMs", fmt::format("{}", properties.multiProcessorCount));
  line("memory", format_bytes(Bytes(static_cast<double>(properties.totalGlobalMem))));
  line("L2", format_bytes(Bytes(properties.l2CacheSize)));
  line("ECC", nvml.ecc());
  line("power limit", format_power(nvml.power_limit()));
  line("highest SM clock", format_clock(nvml.maximum_sm_clock()));
  line("highest memory clock", format_clock(nvml.maximum_memory_clock()));
  line("SM clock, power and temperature when this page was written",
       fmt::format("{}, {}, {:.0f} C", format_clock(now.sm_clock), format_power(now.power), now.temperature));
  line("driver", fmt::format("{}, CUDA {}", nvml.driver_version(), cuda_version(driver)));
  line("CUDA runtime", cuda_version(runtime));
  line("CUPTI", fmt::format("interface {}", cupti_version()));
  line("cuBLASLt", library_version("libcublasLt.so.13", "cublasLtGetVersion", 10000, 100));
  line("cuDNN", library_version("libcudnn.so.9", "cudnnGetVersion", 10000, 100));
  return card;
}

}  // namespace perfmodel
