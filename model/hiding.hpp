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
};

struct HidingPlan {
  std::size_t mask = 0;
  std::vector<HiddenLaunch> launches{};  // empty: the mask is made in its turn
  std::string why_not{};                 // of a mask in its turn: what became of the best launches
};

// What becomes of a launch. The operator after the GEMM starts when both have ended.
struct Beside {
  Seconds library;      // the GEMM alone, by the library's kernel
  Seconds kernel;       // by the one that runs it
  Seconds mask;         // the launch's part of the mask alone, by the same grid
  Seconds both;         // until both have ended
  Seconds mask_end;     // until the mask has
  std::string apart{};  // why they never share an SM; "" where they do

  // What the mask adds to the GEMM.
  [[nodiscard]] Seconds added() const { return both - library; }
  // Of the time of each alone, one after the other.
  [[nodiscard]] double stretch() const { return both / (kernel + mask); }
};

// The conditions that plans are weighed under. `clock`: about the one that the block runs at; empty where every
// operator has its own.
struct HidingConditions {
  Regime regime = Regime::sustained;
  std::optional<Hertz> clock{};
  Fidelity fidelity = Fidelity::pipeline;
};

// An operator's time alone with that work in place of its own; zero for what cannot run.
Seconds time_alone(const Machine& machine, const Library& library, Operator op, Work work,
                   const HidingConditions& conditions);

Beside beside(const Machine& machine, const Library& library, const Block& block, const HiddenLaunch& launch,
              const HidingConditions& conditions);

// The mask alone with the chip to itself, by a full grid.
Seconds mask_in_turn(const Machine& machine, const Library& library, const Block& block, std::size_t mask,
                     const HidingConditions& conditions);

// What keeps the mask from being free, for people.
std::string hiding_obstacle(const std::vector<Beside>& launches);

}  // namespace perfmodel
