// The driver's management library, loaded when first used: clocks, power and temperature of the card, read only.
#pragma once

#include <memory>
#include <string>

#include "calibrate/device/cuda.hpp"
#include "calibrate/finding.hpp"

namespace perfmodel {

class Nvml {
 public:
  // The card by its PCI address, "0000:17:00.0". Throws DeviceError if the library is missing or refuses.
  explicit Nvml(const std::string& pci_address);
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml();

  // Clocks, power of the moment and temperature. A figure that this card does not give is 0.
  [[nodiscard]] CardState state() const;

  [[nodiscard]] std::string driver_version() const;  // "580.159.03"
  [[nodiscard]] Watts power_limit() const;           // 0 if the card does not say
  [[nodiscard]] Hertz maximum_sm_clock() const;      // likewise
  [[nodiscard]] Hertz maximum_memory_clock() const;  // likewise
  [[nodiscard]] std::string ecc() const;             // "on", "off" or "unknown"

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace perfmodel
