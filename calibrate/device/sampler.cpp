#include "calibrate/device/sampler.hpp"

#include <algorithm>
#include <chrono>

namespace perfmodel {

CardSampler::CardSampler(const Nvml& nvml)
    : nvml_(nvml), thread_([this](const std::stop_token& stopped) { sample(stopped); }) {}

void CardSampler::sample(const std::stop_token& stopped) {
  while (!stopped.stop_requested()) {
    states_.push_back(nvml_.state());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

CardSampler::Mean CardSampler::stop() {
  thread_.request_stop();
  thread_.join();
  Mean mean;
  for (const CardState& state : states_) {
    mean.card.sm_clock += state.sm_clock;
    mean.card.memory_clock += state.memory_clock;
    mean.card.power += state.power;
    mean.card.temperature += state.temperature;
  }
  const double count = std::max(1.0, static_cast<double>(states_.size()));
  mean.card.sm_clock /= count;
  mean.card.memory_clock /= count;
  mean.card.power /= count;
  mean.card.temperature /= count;
  mean.samples = static_cast<int>(states_.size());
  return mean;
}

}  // namespace perfmodel
