// The fitted overlay arch/fitted/<machine>.yaml: values that a fit found, what they were fitted on, and the errors
// left over. Only the fit writes it; every constant in it has the source `fitted`.
//
//     machine: h100-sxm
//     fit: {date: 2026-11-22, command: perfmodel fit --arch h100-sxm, tables: {gemm.csv: 1f3a…}}
//     constants:
//       dram.read: 0.912
//       pipes.alu.rate: 63.8 /clk
//     residuals:
//       - {operator: gemm, regime: cold, limiter: tensor, n: 120, q05: -0.06, q50: 0.001, q95: 0.07}
#pragma once

#include <string>
#include <vector>

#include "arch/machine.hpp"
#include "support/diagnostic.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

// Puts the overlay over the machine and fills machine.calibration. Faults (a key that is no constant of the machine,
// a value outside its plausible range, an overlay of another machine) are recorded.
void apply_overlay(Machine& machine, const YamlNode& root, const std::string& file, Diagnostics& diagnostics);

// The text of an overlay: the machine's present values of the constants of those keys, with machine.calibration.
// Values carry six significant digits. Every key must be known (a std::logic_error otherwise).
std::string format_overlay(const Machine& machine, const std::vector<std::string>& keys);

}  // namespace perfmodel
