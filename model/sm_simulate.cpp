#include "model/sm_simulate.hpp"

#include <algorithm>
#include <cmath>

#include "model/sm_machine_room.hpp"

namespace perfmodel {

struct Simulator::State : SmMachineRoom {};

Simulator::Simulator() : state_(std::make_unique<State>()) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;
Simulator& Simulator::operator=(Simulator&&) noexcept = default;

SimulationResult Simulator::run(std::span<const SmResident> residents, const SimulationOptions& options) {
  return state_->run(residents, options, nullptr);
}

SimulationResult Simulator::run(std::span<const SmResident> residents, const SimulationOptions& options,
                                std::vector<SmEvent>& events) {
  return state_->run(residents, options, &events);
}

}  // namespace perfmodel
