#include "workloads/block_graph.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

const std::string head =
    "parameters: {n: 64}\n"
    "tensors: {a: n, b: n, c: n, mask: n}\n"
    "operators:\n";

Block from(const std::string& operators) { return BlockFile::from_text(head + operators, "b.yaml").block(); }

std::string fault(const std::string& operators) {
  return test::error_of([&] { from(operators); });
}

std::vector<std::string> names(const Block& block) {
  std::vector<std::string> all;
  for (const BlockOperator& op : block.operators) all.push_back(op.op.name);
  return all;
}

TEST_CASE("operators of one stream stay in file order") {
  const Block block = from(
      "  - {name: one, op: membound, reads: [b], writes: [a]}\n"
      "  - {name: two, op: membound, reads: [a], writes: [b]}\n");
  CHECK(names(block) == std::vector<std::string>{"one", "two"});
  const auto waits = waits_of(block.operators);
  CHECK(waits[0].empty());  // b comes from the repetition before
  REQUIRE(waits[1].size() == 2);
  CHECK(waits[1][1].tensor == "a");
}

TEST_CASE("a stream waits for what another writes, even if it stands later in the file") {
  const Block block = from(
      "  - {name: one, op: membound, reads: [a], writes: [b]}\n"
      "  - {name: two, op: membound, stream: 1, reads: [c], writes: [a]}\n");
  CHECK(names(block) == std::vector<std::string>{"two", "one"});
  const auto waits = waits_of(block.operators);
  CHECK(waits_for(waits, 1, 0));
  CHECK_FALSE(waits_for(waits, 0, 1));
}

TEST_CASE("streams that wait for each other, with both places") {
  CHECK(fault("  - {name: one, op: membound, reads: [c], writes: [a]}\n"
              "  - {name: two, op: membound, stream: 1, reads: [a], writes: [b]}\n"
              "  - {name: three, op: membound, stream: 1, reads: [b], writes: [c]}\n") ==
        "b.yaml:4:12: error: a circle of operators that wait for each other: 'one' reads 'c', which 'three' writes\n"
        "    - {name: one, op: membound, reads: [c], writes: [a]}\n"
        "             ^\n"
        "b.yaml:6:12: note: 'three' comes after 'two' in stream 1\n"
        "    - {name: three, op: membound, stream: 1, reads: [b], writes: [c]}\n"
        "             ^\n"
        "b.yaml:5:12: note: 'two' reads 'a', which 'one' writes\n"
        "    - {name: two, op: membound, stream: 1, reads: [a], writes: [b]}\n"
        "             ^\n");
}

const std::string layer =
    "  - {name: qkv, op: gemm, m: 8, n: 8, k: 8, writes: [a]}\n"
    "  - {name: attention, op: membound, reads: [a, mask], writes: [b]}\n"
    "  - {name: proj, op: gemm, m: 8, n: 8, k: 8, reads: [b], writes: [c]}\n";

std::string mask_under(const std::string& under, int stream = 1) {
  return "  - {name: draw, under: " + under + ", op: rng, stream: " + std::to_string(stream) +
         ", elements: 64, rounds: 7, bits: 8, writes: [mask]}\n" + layer;
}

TEST_CASE("a mask may be made under GEMMs that do not wait for it") {
  const Block block = from(mask_under("[qkv, previous.proj]"));
  const BlockOperator& draw = block.operators[0];
  CHECK(draw.op.name == "draw");
  CHECK(draw.hidden);
  REQUIRE(draw.under.size() == 2);
  CHECK(draw.under[0].name == "qkv");
  CHECK_FALSE(draw.under[0].previous);
  CHECK(draw.under[1].name == "proj");
  CHECK(draw.under[1].previous);
  CHECK(from(mask_under("auto")).operators[0].hidden);
  CHECK(from(mask_under("auto")).operators[0].under.empty());
  CHECK_FALSE(from(mask_under("auto", 0)).operators[0].hidden);  // in its turn, on the GEMMs' own stream
}

TEST_CASE("a mask under a GEMM that waits for it, with both places") {
  CHECK(fault(mask_under("[qkv, proj]")) ==
        "b.yaml:4:31: error: 'under': 'proj' waits for 'draw' and cannot run beside it\n"
        "    - {name: draw, under: [qkv, proj], op: rng, stream: 1, elements: 64, r...\n"
        "                                ^\n"
        "b.yaml:7:12: note: 'proj' is here\n"
        "    - {name: proj, op: gemm, m: 8, n: 8, k: 8, reads: [b], writes: [c]}\n"
        "             ^\n"
        "note: write previous.proj for the one of the layer before\n");
}

TEST_CASE("a mask under what is no GEMM, or not there, or in its own stream") {
  CHECK(fault(mask_under("[attention]"))
            .starts_with("b.yaml:4:26: error: 'under': 'attention' is no GEMM, and a mask is made beside GEMMs\n"));
  CHECK(fault(mask_under("[qkw]")) ==
        "b.yaml:4:26: error: 'under': there is no operator 'qkw' here\n"
        "    - {name: draw, under: [qkw], op: rng, stream: 1, elements: 64, rounds:...\n"
        "                           ^\n"
        "note: did you mean 'qkv'?\n"
        "note: GEMMs: qkv, proj\n");
  CHECK(fault("  - {name: own, op: gemm, m: 8, n: 8, k: 8, stream: 1}\n" + mask_under("[own]"))
            .starts_with("b.yaml:5:26: error: 'under': 'own' is in the stream of 'draw', which runs its operators one "
                         "after the other\n"));
  CHECK(fault(mask_under("everything"))
            .starts_with("b.yaml:4:25: error: 'under': expected auto or a list of GEMMs, such as [qkv, "
                         "previous.ffn_up]\n"));
  CHECK(fault("  - {name: own, op: gemm, m: 8, n: 8, k: 8, under: auto}\n") ==
        "b.yaml:4:45: error: 'under': 'own' makes no mask\n"
        "    - {name: own, op: gemm, m: 8, n: 8, k: 8, under: auto}\n"
        "                                              ^\n");
}

}  // namespace
}  // namespace perfmodel
