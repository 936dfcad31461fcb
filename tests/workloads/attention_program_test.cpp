// Attention programs: the shipped ones against what was profiled, and every fault in the user's words.
#include "workloads/attention_program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

std::vector<AttentionProgram> shipped(Family family) {
  std::vector<AttentionProgram> programs = load_attention_programs();
  std::erase_if(programs, [&](const AttentionProgram& program) { return program.family != family; });
  return programs;
}

std::string fault_in(const std::string& text) {
  return test::error_of([&] { (void)attention_programs_from_text(text, "p.yaml"); });
}

// A program without faults but for what a test puts after it.
const std::string program = "family: cudnn\nprograms:\n  - {pass: fwd, tensor: [wgmma], code: c";

TEST_CASE("every shipped program has tiles, a code name and generations, and one program answers for each") {
  const std::vector<AttentionProgram> programs = load_attention_programs();
  std::set<std::tuple<Family, Pass, std::string>> seen;
  std::set<Family> families;
  for (const AttentionProgram& one : programs) {
    CAPTURE(one.code);
    CHECK_FALSE(one.code.empty());
    CHECK_FALSE(one.tiles.empty());
    CHECK(one.threads % 32 == 0);
    CHECK(one.threads * one.registers * one.ctas_per_sm <= 65536);
    for (const std::string& generation : one.tensor) {
      CHECK_MESSAGE(seen.emplace(one.family, one.pass, generation).second, generation);
    }
    families.insert(one.family);
  }
  CHECK(families.size() == 8);
}

TEST_CASE("cuDNN on Hopper, as profiled: 384 threads of 168 registers, 128x128 forward, 64 queries x 128 keys backward") {
  const std::vector<AttentionProgram> programs = shipped(Family::cudnn);
  const AttentionProgram& forward = programs.at(0);
  CHECK(forward.pass == Pass::fwd);
  CHECK(forward.tensor == std::vector<std::string>{"wgmma"});
  CHECK(forward.code == "cudnn_fwd");
  CHECK(forward.persistent);
  CHECK(forward.threads == 384);
  CHECK(forward.registers == 168);
  CHECK(forward.ctas_per_sm == 1);
  CHECK(forward.longest_first);
  REQUIRE(forward.tiles.size() == 1);
  CHECK(forward.tiles[0].cta_m == 128);
  CHECK(forward.tiles[0].cta_n == 128);
  CHECK_FALSE(forward.tiles[0].dropout);
  CHECK(forward.split.slots_per_sm == 0.0);
  REQUIRE(forward.helpers.size() == 2);
  CHECK(forward.helpers[0].name == "memset");
  CHECK(forward.helpers[0].fixed == Seconds(0.75e-6));
  CHECK(forward.helpers[1].when == HelperWhen::dropout);
  CHECK(forward.asked == 0.47);
  CHECK(forward.dropout_asked == 0.63);
  CHECK(forward.dropout_counts.wide == 3.5);
  const AttentionProgram& backward = programs.at(1);
  CHECK(backward.pass == Pass::bwd);
  CHECK(backward.asked == 1.0);
  CHECK(backward.dropout_asked == 1.0);
  CHECK(backward.tiles.at(0).cta_m == 64);
  CHECK(backward.tiles.at(0).cta_n == 128);
  CHECK(backward.instructions == 23.6);
  CHECK(backward.counts.alu == 7.35);
  CHECK(backward.dropout_counts.all == 11.7);
  CHECK(backward.helpers.back().count == 2);
  CHECK(backward.helpers.back().when == HelperWhen::grouped);
  CHECK(backward.helpers.back().expanded_bytes == 2.0);
}

TEST_CASE("FlashAttention-2: the tile follows the head dimension and the dropout") {
  const std::vector<AttentionProgram> programs = shipped(Family::flash2);
  const AttentionProgram& forward = programs.at(0);
  struct Expected {
    std::int64_t head_dim_at_most;
    bool dropout;
    int cta_n;
    int split_n;
  };
  const std::vector<Expected> expected = {
      {64, false, 128, 256}, {64, true, 64, 0}, {1 << 20, false, 64, 128}, {1 << 20, true, 32, 0}};
  REQUIRE(forward.tiles.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    const AttentionTile& tile = forward.tiles[i];
    CHECK(tile.head_dim_at_most == expected[i].head_dim_at_most);
    CHECK(tile.dropout == expected[i].dropout);
    CHECK(tile.cta_m == 128);
    CHECK(tile.cta_n == expected[i].cta_n);
    CHECK(tile.split_m == (expected[i].split_n > 0 ? 64 : 0));
    CHECK(tile.split_n == expected[i].split_n);
  }
  CHECK(forward.threads == 128);
  CHECK(forward.ctas_per_sm == 2);
  CHECK(forward.alone == 1.6);
  CHECK(forward.mma_sync);
  CHECK(forward.split.slots_per_sm == 2.0);
  CHECK(forward.split.query_rows == 64);
  CHECK(forward.split.distinct_only);
  CHECK(forward.helpers.at(0).combine);
  CHECK(forward.helpers.at(0).when == HelperWhen::split);
}

TEST_CASE("what a program leaves out") {
  const AttentionProgram plain = attention_programs_from_text(program + ", tiles: [{cta_m: 64, cta_n: 32}]}\n", "p").at(0);
  CHECK(plain.family == Family::cudnn);
  CHECK(plain.threads == 128);
  CHECK(plain.registers == 255);
  CHECK(plain.ctas_per_sm == 1);
  CHECK(plain.alone == 1.0);
  CHECK_FALSE(plain.persistent);
  CHECK_FALSE(plain.longest_first);
  CHECK_FALSE(plain.pack_heads);
  CHECK_FALSE(plain.mma_sync);
  CHECK(plain.emulated == 0.0);
  CHECK(plain.mask_slots == 10.0);
  CHECK(plain.instructions == 7.0);
  CHECK(plain.dropout_instructions == 11.0);
  CHECK(plain.split.slots_per_sm == 0.0);
  CHECK(plain.helpers.empty());
  CHECK(plain.tiles.at(0).split_m == 0);
}

TEST_CASE("unknown names get the nearest and the whole list") {
  CHECK(fault_in("family: cudn\nprograms:\n  - {pass: fwd, tensor: [wgmma], code: c, tiles: [{cta_m: 64, cta_n: 32}]}\n") ==
        "p.yaml:1:9: error: unknown family 'cudn'\n"
        "  family: cudn\n"
        "          ^\n"
        "note: did you mean 'cudnn'?\n"
        "note: known families: triton, cudnn, flash2, flash3, fa4, avo, gluon, trtllm\n");
  CHECK(fault_in(program + ", threds: 128, tiles: [{cta_m: 64, cta_n: 32}]}\n") ==
        "p.yaml:3:43: error: unknown key 'threds' in a program\n"
        "    - {pass: fwd, tensor: [wgmma], code: c, threds: 128, tiles: [{cta_m: 6...\n"
        "                                            ^\n"
        "note: did you mean 'threads'?\n"
        "note: known keys: pass, tensor, code, persistent, threads, registers, ctas_per_sm, alone, order, "
        "pack_heads, dropout, mma_sync, emulated, mask_slots, asked, dropout_asked, instructions, dropout_instructions, counts, dropout_counts, mask_counts, tiles, split, helpers\n");
  CHECK(fault_in("family: cudnn\nprograms:\n  - {pass: fwd, tensor: [wgma], code: c, tiles: [{cta_m: 64, cta_n: 32}]}\n") ==
        "p.yaml:3:26: error: 'tensor': unknown value 'wgma'\n"
        "    - {pass: fwd, tensor: [wgma], code: c, tiles: [{cta_m: 64, cta_n: 32}]...\n"
        "                           ^\n"
        "note: did you mean 'wgmma'?\n"
        "note: known values: mma, wgmma, tcgen05\n");
}

TEST_CASE("tiles are needed, at least one") {
  CHECK(fault_in(program + "}\n") ==
        "p.yaml:3:5: error: missing key 'tiles' in a program\n"
        "    - {pass: fwd, tensor: [wgmma], code: c}\n"
        "      ^\n");
  CHECK(fault_in(program + ", tiles: []}\n") ==
        "p.yaml:3:50: error: 'tiles' is empty in a program\n"
        "    - {pass: fwd, tensor: [wgmma], code: c, tiles: []}\n"
        "                                                   ^\n");
  CHECK(fault_in("family: cudnn\nprograms: []\n") ==
        "p.yaml:2:11: error: 'programs' is empty in the program file\n"
        "  programs: []\n"
        "            ^\n");
  CHECK(fault_in("family: cudnn\nprograms:\n  - {pass: fwd, tensor: [], code: c, tiles: [{cta_m: 64, cta_n: 32}]}\n") ==
        "p.yaml:3:25: error: 'tensor' is empty in a program\n"
        "    - {pass: fwd, tensor: [], code: c, tiles: [{cta_m: 64, cta_n: 32}]}\n"
        "                          ^\n");
}

TEST_CASE("the faults of a file, all in one run") {
  CHECK(fault_in("description: [no]\n"
                 "family: cudnn\n"
                 "version: 9\n"
                 "programs:\n"
                 "  - pass: forward\n"
                 "    tensor: wgmma\n"
                 "    threads: 16\n"
                 "    registers: 256\n"
                 "    ctas_per_sm: 3\n"
                 "    alone: 0\n"
                 "    emulated: 1.5\n"
                 "    mask_slots: -1\n"
                 "    order: shortest\n"
                 "    persistent: yes\n"
                 "    tiles:\n"
                 "      - {cta_m: 0, cta_n: 2048}\n"
                 "      - {cta_m: 64, split_m: 64}\n"
                 "    split: {tiles_above: -1}\n"
                 "    helpers:\n"
                 "      - {name: a, fixed: 1, when: never, count: 4}\n"
                 "      - {name: b, fixed: 1 MB, count: 4}\n"
                 "  - bwd\n") ==
        "p.yaml:1:14: error: 'description': expected text, not a list\n"
        "  description: [no]\n"
        "               ^\n"
        "p.yaml:5:11: error: 'pass': unknown value 'forward'\n"
        "    - pass: forward\n"
        "            ^\n"
        "note: known values: fwd, bwd\n"
        "p.yaml:6:13: error: 'tensor': expected a list, not a single value\n"
        "      tensor: wgmma\n"
        "              ^\n"
        "p.yaml:5:5: error: missing key 'code' in a program\n"
        "    - pass: forward\n"
        "      ^\n"
        "p.yaml:14:17: error: 'persistent': expected true or false, not 'yes'\n"
        "      persistent: yes\n"
        "                  ^\n"
        "p.yaml:7:14: error: 'threads': expected an integer from 32 to 1024, not '16'\n"
        "      threads: 16\n"
        "               ^\n"
        "p.yaml:8:16: error: 'registers': expected an integer from 1 to 255, not '256'\n"
        "      registers: 256\n"
        "                 ^\n"
        "p.yaml:9:18: error: 'ctas_per_sm': expected an integer from 1 to 2, not '3'\n"
        "      ctas_per_sm: 3\n"
        "                   ^\n"
        "p.yaml:10:12: error: 'alone': expected a number of at least 1 and at most 2, not '0'\n"
        "      alone: 0\n"
        "             ^\n"
        "p.yaml:13:12: error: 'order': unknown value 'shortest'\n"
        "      order: shortest\n"
        "             ^\n"
        "note: known values: natural, longest_first\n"
        "p.yaml:11:15: error: 'emulated': expected a number of at least 0 and at most 1, not '1.5'\n"
        "      emulated: 1.5\n"
        "                ^\n"
        "p.yaml:12:17: error: 'mask_slots': expected a number of at least 0, not '-1'\n"
        "      mask_slots: -1\n"
        "                  ^\n"
        "p.yaml:16:17: error: 'cta_m': expected an integer from 16 to 1024, not '0'\n"
        "        - {cta_m: 0, cta_n: 2048}\n"
        "                  ^\n"
        "p.yaml:16:27: error: 'cta_n': expected an integer from 16 to 1024, not '2048'\n"
        "        - {cta_m: 0, cta_n: 2048}\n"
        "                            ^\n"
        "p.yaml:17:9: error: missing key 'cta_n' in a tile\n"
        "        - {cta_m: 64, split_m: 64}\n"
        "          ^\n"
        "p.yaml:17:30: error: 'split_m' and 'split_n' go together\n"
        "        - {cta_m: 64, split_m: 64}\n"
        "                               ^\n"
        "p.yaml:18:12: error: missing key 'slots_per_sm' in 'split'\n"
        "      split: {tiles_above: -1}\n"
        "             ^\n"
        "p.yaml:18:26: error: 'tiles_above': expected an integer of at least 0, not '-1'\n"
        "      split: {tiles_above: -1}\n"
        "                           ^\n"
        "p.yaml:20:35: error: 'when': unknown value 'never'\n"
        "        - {name: a, fixed: 1, when: never, count: 4}\n"
        "                                    ^\n"
        "note: known values: always, dropout, grouped, split, served\n"
        "p.yaml:20:26: error: 'fixed': unit missing after '1', write it in s\n"
        "        - {name: a, fixed: 1, when: never, count: 4}\n"
        "                           ^\n"
        "p.yaml:21:28: error: 'fixed': '1 MB' is in B, expected s\n"
        "        - {name: b, fixed: 1 MB, count: 4}\n"
        "                             ^\n"
        "p.yaml:19:5: error: 8 helper kernels are launched, 7 are the most that can be\n"
        "      helpers:\n"
        "      ^\n"
        "p.yaml:22:5: error: expected a map for a program, not a single value\n"
        "    - bwd\n"
        "      ^\n"
        "p.yaml:3:1: error: unknown key 'version' in the program file\n"
        "  version: 9\n"
        "  ^\n"
        "note: known keys: description, family, programs\n");
}

}  // namespace
}  // namespace perfmodel
