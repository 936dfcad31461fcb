// The calibration of the card at hand: every step, its results in a folder. What the command line calls; no CUDA here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "calibrate/campaign.hpp"
#include "calibrate/results_folder.hpp"
#include "calibrate/sass.hpp"
#include "support/units.hpp"

namespace perfmodel {

struct CalibrationJob {
  std::string folder;
  std::vector<std::string> only;  // names of steps; empty for all
  std::string command;            // as the user gave it
  std::string date;               // "2026-11-24"
  std::string disassembly;        // of this program; empty where no disassembler is at hand
  bool record = false;            // keep what the tracer and the counters gave, as JSON lines
};

// Name and expected duration of every step, in order.
std::vector<std::pair<std::string, Seconds>> calibration_steps();

// Expectations of every step that do not hold in the disassembly, by step; empty if all do.
std::vector<std::pair<std::string, std::vector<std::string>>> sass_faults(const std::string& disassembly);

// Runs the steps. True if all that ran are complete. Throws RuntimeError without a GPU, driver or CUPTI that can be
// used, saying which is missing and what to do.
bool calibrate(const CalibrationJob& job, CampaignView& view);

// Every counter of the chip at hand, or of the H100 and H200 where there is no GPU, with what it counts: "name: text".
std::vector<std::string> chip_metrics();

}  // namespace perfmodel
