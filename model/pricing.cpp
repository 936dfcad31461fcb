#include "model/pricing.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace perfmodel {

namespace {

// The resource that a pipe's slots are counted under; pipes that never limit anything modelled have none.
std::optional<Resource> resource_of(std::string_view pipe) {
  if (pipe == "fma" || pipe == "fma_heavy") {
    return Resource::fma;
  }
  if (pipe == "alu") {
    return Resource::alu;
  }
  if (pipe == "xu") {
    return Resource::xu;
  }
  if (pipe == "issue") {
    return Resource::issue;
  }
  if (pipe == "smem") {
    return Resource::smem;
  }
  return std::nullopt;
}

}  // namespace

PerCycle pipe_rate(const Machine& machine, Resource resource) {
  const auto found =
      std::ranges::find_if(machine.pipes, [&](const Pipe& pipe) { return resource_of(pipe.name) == resource; });
  return found->rate.value;
}

Demand price(const Machine& machine, std::span<const InstructionCount> instructions, double threads) {
  std::array<double, 32> slots{};
  for (const InstructionCount& entry : instructions) {
    if (const auto index = machine.find_instruction(entry.instruction)) {
      for (const Occupancy& use : machine.instructions[static_cast<std::size_t>(*index)].occupies) {
        slots[static_cast<std::size_t>(use.pipe)] += entry.count * use.slots.value;
      }
    }
  }
  Demand demand;
  for (std::size_t i = 0; i < machine.pipes.size() && i < slots.size(); ++i) {
    if (const auto resource = resource_of(machine.pipes[i].name)) {
      const Cycles busy = Cycles(slots[i] * threads / machine.pipes[i].rate.value.si());
      demand[*resource] = busy > demand[*resource] ? busy : demand[*resource];
    }
  }
  return demand;
}

Demand executed(const Machine& machine, std::span<const InstructionCount> instructions, double threads) {
  Demand demand;
  for (const InstructionCount& entry : instructions) {
    const auto index = machine.find_instruction(entry.instruction);
    if (!index) {
      continue;
    }
    bool found = false;
    for (const Occupancy& use : machine.instructions[static_cast<std::size_t>(*index)].occupies) {
      const Pipe& pipe = machine.pipes[static_cast<std::size_t>(use.pipe)];
      const auto resource = resource_of(pipe.name);
      const Cycles slot = Cycles(entry.count * threads / pipe.rate.value.si());
      if (resource == Resource::issue) {
        demand[Resource::issue] += use.slots.value * slot;
        continue;
      }
      if (resource && !found) {
        demand[*resource] += slot;
      }
      found = true;
    }
  }
  return demand;
}

double energy_weight(const Machine& machine, std::span<const InstructionCount> instructions) {
  double sum = 0;
  for (const InstructionCount& entry : instructions) {
    const auto index = machine.find_instruction(entry.instruction);
    const bool own = index && machine.instructions[static_cast<std::size_t>(*index)].energy.present();
    sum += entry.count *
           (own ? machine.instructions[static_cast<std::size_t>(*index)].energy.value / machine.power.instruction.value
                : 1.0);
  }
  return sum;
}

double energy_weight(const Machine& machine, const InstructionTally& executed) {
  const std::array<InstructionCount, 5> classes{{{"lop3", executed.alu},
                                                 {"ffma", executed.fma - executed.wide},
                                                 {"imad_wide", executed.wide},
                                                 {"exp2", executed.xu},
                                                 {"other", executed.all - executed.alu - executed.fma - executed.xu}}};
  return energy_weight(machine, classes);
}

}  // namespace perfmodel
