// What the machine code of the kernels of chain.cuh must hold, by their mangled names.
#pragma once

#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "calibrate/device/probes/chain.cuh"
#include "calibrate/sass.hpp"

namespace perfmodel {

template <class... Ops>
struct MixTag {};
template <class Op>
struct LatencyTag {};

// The arguments of a kernel template are mangled as those of a class template of the same namespace.
template <class Tag>
std::string mangled_arguments(std::string_view tag) {
  const std::string name = typeid(Tag).name();
  return name.substr(name.find(tag) + tag.size());
}

// Every class of a mix as often as its steps say.
template <class... Ops>
void expect_mix(std::vector<SassExpectation>& expectations) {
  const std::string kernel = "instruction_mix" + mangled_arguments<MixTag<Ops...>>("MixTag");
  (expectations.push_back({.kernel = kernel, .opcode = Ops::opcode, .at_least = mix_steps<Ops...>}), ...);
}

template <class Op>
void expect_latency(std::vector<SassExpectation>& expectations) {
  expectations.push_back({.kernel = "instruction_latency" + mangled_arguments<LatencyTag<Op>>("LatencyTag"),
                          .opcode = Op::opcode,
                          .at_least = latency_short + latency_long});
}

}  // namespace perfmodel
