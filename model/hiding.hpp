// Where the numbers of a dropout mask are drawn: in their turn, or beside GEMMs that do not wait for the mask. Chosen
// are the GEMMs, the kernels that run them, and the grids of the mask kernel, each launch resident before its GEMM
// starts.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/predict.hpp"

namespace perfmodel {

// A launch of the mask kernel beside a GEMM.
struct HiddenLaunch {
  std::size_t mask = 0;   // the mask's operator in the block
  std::size_t host = 0;   // the GEMM
  bool previous = false;  // that of the layer before, which the block stands for too
  Gemm gemm;              // by the kernel that runs it
  std::string kernel;     // that kernel's name; "" for the library's own
  Rng rng;                // its part of the mask, and its grid
  double stretch = 1;     // time of the two over the sum of each alone
  double slowdown = 1;    // time of the two over the library's GEMM alone
};

struct HidingPlan {
  std::size_t mask = 0;
  std::vector<HiddenLaunch> launches{};  // empty: the mask is made in its turn
  std::string why{};                     // what keeps it from being free, for people
};

struct HidingChoice {
  HidingPlan plan;
  std::optional<Conflict> conflict;  // what was asked for cannot be
};

// For the hidden mask at that place of the block. `clock` is about the one that the block runs at; empty where every
// operator has its own. GEMMs in `taken` have a mask beside them already.
HidingChoice choose_hiding(const Machine& machine, const Library& library, const Block& block, std::size_t mask,
                           Regime regime, std::optional<Hertz> clock, const std::vector<std::size_t>& taken,
                           const PredictOptions& options);

}  // namespace perfmodel
