// The calibration as a list of steps, probes first and then experiments, and the run through them: what is done already
// is skipped, what fails is reported and the rest goes on. Knows no GPU; the steps do.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/finding.hpp"
#include "support/units.hpp"

namespace perfmodel {

class ResultsFolder;

// What shows how far the run is, and may end it.
class CampaignView {
 public:
  virtual ~CampaignView() = default;
  // A step begins, number `index` of `count`; `left` is what the remaining ones are expected to take.
  virtual void step(std::string_view name, std::size_t index, std::size_t count, Seconds left) = 0;
  virtual void progress(std::string_view what) = 0;
  virtual void done(std::string_view name, Seconds took, std::size_t results) = 0;
  virtual void skipped(std::string_view name, std::string_view reason) = 0;
  virtual void failed(std::string_view name, std::string_view reason) = 0;
  virtual void check_interrupt() = 0;  // may throw
};

// How a step ended.
enum class StepEnd {
  complete,  // not to be run again
  partial,   // what it has is kept; the next run does it anew
  fatal,     // the same, and no later step can run: the card's context is lost
};

struct StepResult {
  StepEnd end = StepEnd::complete;
  std::size_t results = 0;  // findings or rows
  std::string fault;        // why it is not complete
};

struct Step {
  std::string name;  // "instructions", "measure_gemm"
  Seconds expected;
  std::function<StepResult()> run;
};

// Runs the steps of which `only` holds the names, all if it is empty. True if every one that ran is complete.
bool run_campaign(const std::vector<Step>& steps, const std::vector<std::string>& only, ResultsFolder& folder,
                  CampaignView& view);

}  // namespace perfmodel
