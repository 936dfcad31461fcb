#include "support/suggest.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace perfmodel {
namespace {

TEST_CASE("edit distance") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "abc") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("heads", "haeds") == 1);
  CHECK(edit_distance("abcdef", "uvwxyz", 2) == 3);
}

TEST_CASE("the nearest name, if any is near") {
  const std::vector<std::string> names{"seq_q", "seq_kv", "head_dim", "heads", "bf16"};
  CHECK(nearest_name("seq_k", names) == "seq_q");
  CHECK(nearest_name("headdim", names) == "head_dim");
  CHECK(nearest_name("BF16", names) == "bf16");
  CHECK(nearest_name("bandwidth", names) == "");
  CHECK(nearest_name("m", names) == "");
  CHECK(nearest_name("", names) == "");
  CHECK(nearest_name(std::string(10000, 'a'), names) == "");
}

TEST_CASE("joined names") {
  CHECK(join_names(std::vector<std::string>{"a", "b"}) == "a, b");
  CHECK(join_names({}) == "");
}

}  // namespace
}  // namespace perfmodel
