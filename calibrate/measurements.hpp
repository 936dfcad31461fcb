// Measured tables as the fit reads them: operators with what was measured of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/units.hpp"
#include "workloads/block.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct Measurement {
  Operator op;
  std::optional<Block> block;  // what a block row stands for
  std::optional<Seconds> time;
  std::optional<Hertz> clock;  // mean SM clock while it ran; only of steady rows
  std::optional<Watts> power;  // mean board power of a steady row with enough samples
  std::string family;          // shape family: rows of one family are left out of a fit together
  std::string table;           // file name without folder
};

// Every row of a table. The columns measured_us, sm_mhz, power_w and samples are the measurements. Throws InputError.
std::vector<Measurement> load_measurements(const std::string& path);

}  // namespace perfmodel
