// Attention forward written tile by tile, as Triton compiles it for wgmma: a CTA a tile of queries, all warps alike.
// They ask for keys and values some tiles ahead, multiply, do the softmax and multiply again.
#pragma once

#include <optional>

#include "arch/machine.hpp"
#include "model/kernel.hpp"
#include "model/lower.hpp"
#include "model/tile_program.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct AttentionTileConfig {
  int cta_m = 128;
  int cta_n = 64;
  int stages = 3;
  int warps = 8;
  int head_dim = 128;
  bool causal = false;
};

// What a thread holds of a tile. Rows stay in one warpgroup: with more warpgroups than blocks of 64 rows all of them
// make the same scores and share out the output's columns.
struct AttentionThread {
  double scores = 0;
  double output = 0;
  double rows = 1;    // pairs of them
  double copies = 1;  // warpgroups with the same rows
};
AttentionThread attention_thread(const AttentionTileConfig& config);

// What the compiler makes of a tile where the row does not say: output, scores, probabilities and what goes on around
// them. Counted in 278 kernels that Triton 3.6 and its ptxas built for sm_90.
CompiledTile compiled_attention(const AttentionTileConfig& config, Dtype dtype);

// Whether output, scores and probabilities of a thread are too many for its registers: then its warps wait for each
// tensor instruction. So in all of those kernels.
bool waits_for_products(const AttentionTileConfig& config);

struct TileAttention {
  AttentionTileConfig config;
  CompiledTile compiled;
};

// As the operator says, else as usual.
TileAttention tile_attention(const Attention& attention, const AttentionTileConfig& usual);

// A tile of keys of one CTA, cycles of its SM.
struct KeyTile {
  Cycles tensor;    // both products
  Cycles port;      // exponentials and what they do not hide, the rescaling, the mask
  Cycles alone;     // of a CTA that has the SM to itself
  double lost = 0;  // share of `port` while the tensor cores work for other CTAs
};

// `latency`: until a load's data are there.
KeyTile key_tile(const Machine& machine, const Attention& attention, const TileAttention& tile, Cycles latency,
                 bool masked);

Kernel tile_attention_kernel(const Machine& machine, const Attention& attention, const TileAttention& tile,
                             const LowerOptions& options);

}  // namespace perfmodel
