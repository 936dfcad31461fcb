#include "calibrate/campaign.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "calibrate/results_folder.hpp"

namespace perfmodel {
namespace {

bool asked_for(const Step& step, const std::vector<std::string>& only) {
  return only.empty() || std::ranges::find(only, step.name) != only.end();
}

Seconds expected_from(const std::vector<const Step*>& steps, std::size_t first) {
  Seconds left(0);
  for (std::size_t i = first; i < steps.size(); ++i) left += steps[i]->expected;
  return left;
}

// False if no later step can run.
bool run_step(const Step& step, ResultsFolder& folder, CampaignView& view, bool& complete) {
  const auto start = std::chrono::steady_clock::now();
  const StepResult result = step.run();
  const Seconds took(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  if (result.end == StepEnd::complete) {
    folder.finish(step.name, took);
    view.done(step.name, took, result.results);
    return true;
  }
  complete = false;
  view.failed(step.name, result.fault);
  return result.end != StepEnd::fatal;
}

}  // namespace

bool run_campaign(const std::vector<Step>& steps, const std::vector<std::string>& only, ResultsFolder& folder,
                  CampaignView& view) {
  std::vector<const Step*> wanted;
  for (const Step& step : steps) {
    if (!asked_for(step, only)) continue;
    if (folder.finished(step.name)) {
      view.skipped(step.name, "done before");
    } else {
      wanted.push_back(&step);
    }
  }
  bool complete = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    view.check_interrupt();
    view.step(wanted[i]->name, i, wanted.size(), expected_from(wanted, i));
    if (run_step(*wanted[i], folder, view, complete)) continue;
    for (std::size_t rest = i + 1; rest < wanted.size(); ++rest) {
      view.skipped(wanted[rest]->name, "the card's context is lost");
    }
    break;
  }
  return complete;
}

}  // namespace perfmodel
