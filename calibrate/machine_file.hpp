// The machine file that findings give: on the detected GPU's shipped file, every constant that a probe measured.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/finding.hpp"

namespace perfmodel {

// What the file says of where its constants come from.
struct MachineSource {
  std::string card;  // "NVIDIA H200", as the driver names it
  std::string base;  // shipped machine that it stands on, "h200"
  std::string date;  // "2026-11-24"
};

// The shipped machine of a device name of the driver: "NVIDIA H100 80GB HBM3" is h100-sxm. Nothing for a card that no
// shipped file describes.
std::optional<std::string> shipped_machine(std::string_view device_name);

// The YAML text. Of several findings with one key the last one that can be used counts. What cannot be (a key that the
// machine does not have, another unit, a value outside the plausible range, repetitions that disagree) is a comment.
// Throws InputError if there is no such base.
std::string machine_yaml(const std::vector<Finding>& findings, const MachineSource& source);

}  // namespace perfmodel
