// What relieves a limiter: constants of the machine to multiply, and how to say so. For advice and explanations, which
// solve again with a lever pulled.
#pragma once

#include <string_view>
#include <vector>

#include "arch/machine.hpp"
#include "model/limiter.hpp"

namespace perfmodel {

struct Lever {
  Limiter limiter;
  double factor;
  std::vector<std::string_view> keys;  // those that the machine has are changed together
  std::string_view change;
};

// One for each limiter that a machine can relieve.
const std::vector<Lever>& levers();

// False if the machine has none of the keys.
bool pull(Machine& machine, const Lever& lever);

}  // namespace perfmodel
