// How an attention operator is cut into items, one a CTA at a time, and how long the loops of each are.
#pragma once

#include <vector>

#include "workloads/operator.hpp"

namespace perfmodel {

// Tiles of an item: those where every score counts, and those on the causal diagonal.
struct ItemTiles {
  double full = 0;
  double masked = 0;

  [[nodiscard]] double all() const { return full + masked; }
  bool operator==(const ItemTiles&) const = default;
};

struct AttentionItems {
  std::vector<ItemTiles> head;  // of one head, in dispatch order
  double repeats = 1;           // heads of all sequences
};

// What a plan asks of all items of a head.
struct HeadItems {
  AttentionItems items;
  ItemTiles mean;      // whole tiles, at least one
  double longest = 0;  // tiles
};

// Forward: an item is cta_m queries that go over blocks of cta_n keys. Backward: cta_n keys that go over blocks of
// cta_m queries. `longest_first` reverses the order of causal forward items. The CTAs
// of a cluster share their instructions and so go over the tiles that any of them needs.
AttentionItems attention_items(const Attention& attention, int cta_m, int cta_n, bool longest_first, int cluster = 1);
HeadItems head_items(const Attention& attention, int cta_m, int cta_n, bool longest_first, int cluster);

}  // namespace perfmodel
