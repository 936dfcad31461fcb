// How attention is cut into items, counted by hand.
#include "model/attention_items.hpp"

#include <doctest/doctest.h>

namespace perfmodel {
namespace {

Attention causal(Pass pass, std::int64_t keys) {
  Attention attention;
  attention.batch = attention.heads = attention.kv_heads = 1;
  attention.seq_q = attention.seq_kv = keys;
  attention.head_dim = attention.head_dim_v = 128;
  attention.causal = true;
  attention.pass = pass;
  return attention;
}

// 512 keys in four items of 128, with four blocks of 128 queries: the diagonal one is masked, those before it unseen.
TEST_CASE("causal backward: CTAs of their own skip the blocks before their diagonal") {
  const AttentionItems items = attention_items(causal(Pass::bwd, 512), 128, 128, false);
  CHECK(items.head == std::vector<ItemTiles>{{3, 1}, {2, 1}, {1, 1}, {0, 1}});
}

TEST_CASE("causal backward: two CTAs that share instructions both begin where the first one has to") {
  const AttentionItems items = attention_items(causal(Pass::bwd, 512), 128, 128, false, 2);
  CHECK(items.head == std::vector<ItemTiles>{{2, 2}, {2, 2}, {0, 2}, {0, 2}});
}

TEST_CASE("causal forward: two CTAs that share instructions both go on for as long as the second one has to") {
  const Attention attention = causal(Pass::fwd, 512);
  CHECK(attention_items(attention, 128, 128, false).head == std::vector<ItemTiles>{{0, 1}, {1, 1}, {2, 1}, {3, 1}});
  CHECK(attention_items(attention, 128, 128, false, 2).head == std::vector<ItemTiles>{{0, 2}, {0, 2}, {2, 2}, {2, 2}});
}

TEST_CASE("without a mask a pair does what each CTA does") {
  Attention attention = causal(Pass::bwd, 512);
  attention.causal = false;
  CHECK(attention_items(attention, 128, 128, false, 2).head == attention_items(attention, 128, 128, false).head);
}

}  // namespace
}  // namespace perfmodel
