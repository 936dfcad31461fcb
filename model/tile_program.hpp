// GEMMs written tile by tile, as Triton compiles them for wgmma: a CTA an output tile, all warps alike. They ask for
// operands some stages ahead, start the tensor cores and wait for them in turn.
#pragma once

#include "arch/machine.hpp"
#include "model/gemm.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// What the compiler makes of a tile where the row does not say.
struct CompiledTile {
  int registers = 0;  // of a thread, 255 at most
  int spills = 0;     // registers a thread keeps in local memory
  Bytes smem;         // of a CTA
};

// Accumulators, addresses of the operands where the threads load them, and what the loop needs besides.
CompiledTile compiled_tile(const Gemm& gemm, const GemmConfig& config);

// Whether the compiler has the warps wait for each product before they go on: spilled accumulators, and wide tiles of
// two warpgroups, by the machine code of 144 own compilations (Triton 3.6).
bool waits_for_products(const GemmConfig& config);

// An iteration of the main loop, and what surrounds it.
struct TileIteration {
  Demand busy;
  Cycles interval;  // its dependent course: the loads' latency over the buffers in flight, or what its warps do in turn
  Cycles around;    // of a tile, outside of the loop
  double l2_share = 1;  // of the operands' bytes that the L2 has to give, requests that the network merges counted once
  Bytes local;          // through the L2 for spilled registers
  Bytes again;          // of the whole product, read from DRAM once more
};

TileIteration tile_iteration(const Machine& machine, const Gemm& gemm, const GemmConfig& config);

}  // namespace perfmodel
