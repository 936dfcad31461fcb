// Times what lies in a stream, so filled beforehand that the card never waits for the host.
#pragma once

#include <vector>

#include "calibrate/device/bench.hpp"

namespace perfmodel {

class LaunchQueue {
 public:
  explicit LaunchQueue(Bench& bench) : bench_(bench) {}

  // From the end of what went before to the end of `body` [seconds]. Throws DeviceError if the host cannot fill the
  // stream in time.
  [[nodiscard]] double stretch(const Launch& body);
  // What one more `launch` in a row of them takes [seconds], each repetition.
  [[nodiscard]] std::vector<double> period(const Launch& launch);
  // The same in a graph, a node after the other.
  [[nodiscard]] std::vector<double> graph_period(const Launch& launch);
  // What two events around a single launch measure [seconds], in a row of such launches, each repetition.
  [[nodiscard]] std::vector<double> between_events(const Launch& launch);

 private:
  // Holds the stream, queues `body`, and waits for it.
  void queue(const Launch& body, Event& start);

  Bench& bench_;
  long long gate_clocks_ = 1'000'000;
};

}  // namespace perfmodel
