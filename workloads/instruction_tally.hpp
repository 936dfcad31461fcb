// Instructions of a code by where they execute, counted on hardware: for each score, output element or loop iteration.
#pragma once

#include "support/yaml_map.hpp"

namespace perfmodel {

// Of a thread, or of a warp, as the context says. `all` has those of every pipe.
struct InstructionTally {
  double alu = 0;
  double fma = 0;
  double xu = 0;
  double all = 0;
  double wide = 0;  // of those of `fma`, the products of 64 bits

  friend constexpr InstructionTally operator*(double factor, const InstructionTally& tally) {
    return {factor * tally.alu, factor * tally.fma, factor * tally.xu, factor * tally.all, factor * tally.wide};
  }
  friend constexpr InstructionTally operator+(const InstructionTally& a, const InstructionTally& b) {
    return {a.alu + b.alu, a.fma + b.fma, a.xu + b.xu, a.all + b.all, a.wide + b.wide};
  }
};

// The map `key` of a file, {alu: 2.3, fma: 4.4, xu: 1, all: 9.4, wide: 0}; a pipe left out has none. All zero without
// the key.
InstructionTally read_tally(YamlMap& map, const char* key);

}  // namespace perfmodel
