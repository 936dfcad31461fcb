// A product of two tiles by the warpgroups of one CTA on the tensor cores of one SM: how many wgmma instructions, and
// how long each keeps them. Rules of `perfmodel calibrate` (calibrate/FINDINGS.md).
#pragma once

#include "arch/machine.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct ProductShape {
  double rows = 0;
  double columns = 0;
  double depth = 0;
};

// How many warpgroups share the rows of a product, and how many its columns.
struct WarpgroupSplit {
  int rows = 1;
  int columns = 1;
};

// Warpgroups take rows first, a block of 64 each, then halves of the columns.
WarpgroupSplit rows_first(const Machine& machine, double rows, int warpgroups);

struct TileProduct {
  double instructions = 0;  // of the CTA
  int warpgroups = 1;
  Cycles interval;  // one keeps the tensor cores: its multiply-adds, or its operands at the shared memory's rate
  Bytes operands;   // that all of them read from shared memory

  [[nodiscard]] Cycles busy() const { return instructions * interval; }
};

// `first_in_registers`: the first operand comes from registers, not from shared memory.
TileProduct tile_product(const Machine& machine, Dtype dtype, const ProductShape& shape, const WarpgroupSplit& split,
                         bool first_in_registers);

// What an SM gets of the L2's bandwidth while all ask for it: spilled registers go out and come back at this rate.
BytesPerCycle l2_share_of_sm(const Machine& machine);

// The same where a warpgroup waits for each instruction before it starts the next; the others go on meanwhile.
Cycles one_by_one(const Machine& machine, const TileProduct& product);

}  // namespace perfmodel
