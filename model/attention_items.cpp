#include "model/attention_items.hpp"

#include <algorithm>
#include <cmath>

namespace perfmodel {

namespace {

double ceil_div(double a, double b) { return std::ceil(a / b); }

ItemTiles forward_tiles(const Attention& attention, int cta_m, int cta_n, double i, int cluster) {
  const double keys = ceil_div(static_cast<double>(attention.seq_kv), cta_n);
  if (!attention.causal) return {keys, 0};
  const auto rows = static_cast<double>(attention.seq_q);
  const double offset = static_cast<double>(attention.seq_kv) - rows;
  const double first = std::floor(i / cluster) * cluster;
  const double last = std::min((first + cluster) * cta_m, rows) - 1 + offset;
  const double seen = std::clamp(std::floor(last / cta_n) + 1, 1.0, keys);
  const double full = std::clamp(std::floor((first * cta_m + offset + 1) / cta_n), 0.0, seen);
  return {full, seen - full};
}

ItemTiles backward_tiles(const Attention& attention, int cta_m, int cta_n, double j, int cluster) {
  const double queries = ceil_div(static_cast<double>(attention.seq_q), cta_m);
  if (!attention.causal) return {queries, 0};
  const double offset = static_cast<double>(attention.seq_kv) - static_cast<double>(attention.seq_q);
  const double first = std::floor(j / cluster) * cluster;
  const double hidden = std::floor(std::max(0.0, first * cta_n - offset) / cta_m);
  const double seen = std::max(1.0, queries - hidden);
  const double masked = std::min(seen, ceil_div(static_cast<double>(cluster) * cta_n, cta_m));
  return {seen - masked, masked};
}

}  // namespace

AttentionItems attention_items(const Attention& attention, int cta_m, int cta_n, bool longest_first, int cluster) {
  AttentionItems items;
  items.repeats = static_cast<double>(attention.batch) * static_cast<double>(attention.heads);
  const bool forward = attention.pass == Pass::fwd;
  const double count = forward ? ceil_div(static_cast<double>(attention.seq_q), cta_m)
                               : ceil_div(static_cast<double>(attention.seq_kv), cta_n);
  for (double i = 0; i < count; ++i) {
    items.head.push_back(forward ? forward_tiles(attention, cta_m, cta_n, i, cluster)
                                 : backward_tiles(attention, cta_m, cta_n, i, cluster));
  }
  if (attention.causal && forward && longest_first) std::reverse(items.head.begin(), items.head.end());
  return items;
}

HeadItems head_items(const Attention& attention, int cta_m, int cta_n, bool longest_first, int cluster) {
  HeadItems all;
  all.items = attention_items(attention, cta_m, cta_n, longest_first, cluster);
  ItemTiles& mean = all.mean;
  for (const ItemTiles& tiles : all.items.head) {
    mean.full += tiles.full;
    mean.masked += tiles.masked;
    all.longest = std::max(all.longest, tiles.all());
  }
  const auto count = static_cast<double>(all.items.head.size());
  mean.full = std::max(1.0, std::round(mean.full / count));
  mean.masked = std::round(mean.masked / count);
  return all;
}

}  // namespace perfmodel
