// Where a dropout mask could be made: beside which GEMMs that do not wait for it, by which kernels of theirs, with
// which grids.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "model/hiding.hpp"

namespace perfmodel {

// Plans for the hidden mask at that place of the block, those that promise most first; the last makes it in its turn.
// GEMMs in `taken` have a mask beside them already.
std::vector<HidingPlan> hiding_plans(const Machine& machine, const Library& library, const Block& block,
                                     std::size_t mask, const std::vector<std::size_t>& taken,
                                     const HidingConditions& conditions);

// A grid and GEMMs that the block asks for by name, of which no CTA ever joins the other's.
std::optional<Conflict> grid_conflict(const Machine& machine, const Library& library, const Block& block,
                                      std::size_t mask, const HidingConditions& conditions);

}  // namespace perfmodel
