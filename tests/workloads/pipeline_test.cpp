// The pipeline language: reading, faults with their places, and the checker against programs that cheat.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/input_error.hpp"
#include "workloads/pipeline_check.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {
namespace {

std::string shipped(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(PERFMODEL_ROOT_DIR "/workloads/pipelines/" + name + ".yaml").rdbuf();
  return text.str();
}

// Every occurrence; the text has to be there.
std::string edited(std::string text, const std::string& from, const std::string& to) {
  REQUIRE_MESSAGE(text.find(from) != std::string::npos, from);
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// What the checker finds; faults of form among it.
std::string faults_of(const std::string& text) {
  Diagnostics faults;
  try {
    check_pipeline(PipelineFile::from_text(text, "program.yaml"), faults);
  } catch (const InputError& error) {
    faults.append(error.diagnostics());
  }
  return faults.format();
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("every shipped program passes") {
  CHECK(pipeline_names().size() >= 12);
  for (const std::string& name : pipeline_names()) {
    CAPTURE(name);
    CHECK(faults_of(shipped(name)) == "");
  }
}

TEST_CASE("FlashAttention-4: tile, holdings, demand") {
  const std::vector<SequenceParameter> shape{{"full_iterations", 8}, {"masked_iterations", 0}};
  const Pipeline pipeline = PipelineFile::load("fa4_forward_2cta").pipeline(shape);
  CHECK(pipeline.cta_m == 256);
  CHECK(pipeline.cta_n == 128);
  CHECK(pipeline.cluster == 2);
  CHECK(pipeline.warps() == 16);
  CHECK(pipeline.registers() == 2048 * 32);
  CHECK(pipeline.columns() == 512);
  CHECK(pipeline.demand[Duty::exp] == 8.0 * 256 * 128);
  CHECK(pipeline.demand[Duty::qk] == 8.0 * 256 * 128 * 128);
  // Q, and half of every K and V block.
  CHECK(pipeline.demand[Duty::load] == 2.0 * (256 * 128 + 8 * 128 * 128));
  CHECK(covers(pipeline));
}

TEST_CASE("cheating programs are refused, each for its own reason") {
  const std::string honest = shipped("fa4_forward");
  SUBCASE("softmax dropped") {
    const std::string text = edited(honest, "softmax_max: {count: scores", "softmax_max: {count: 0");
    const std::string faults = faults_of(text);
    CHECK(holds(faults, "error: work left out: an item asks for 229376 scores in row maxima, the program does 0"));
    // At the operation that should do it, and what would.
    CHECK(holds(faults, "- {name: max0, role: softmax0, does: {softmax_max: {count: 0"));
    CHECK(holds(faults, "note: the sequence 'softmax_max' counts towards it, times the counts of the segments\n"));
  }
  SUBCASE("exponentials halved") {
    const std::string text = edited(honest, "softmax_exp: {count: scores", "softmax_exp: {count: scores / 2");
    CHECK(holds(faults_of(text), "work left out: an item asks for 229376 exponentials, the program does 114688"));
  }
  SUBCASE("exponentials emulated away") {
    const std::string text = edited(honest, "emulated: \"masking ? 0 : emulated\"", "emulated: 5");
    // All of them on the FMA pipes is allowed, and costs what it costs; none of them nowhere is not.
    CHECK(faults_of(text) == "");
    double exponentials = 0;
    const Pipeline pipeline = PipelineFile::from_text(text, "p.yaml").pipeline();
    for (const PipelineOp& op : pipeline.segments[1].ops) {
      for (const InstructionCount& entry : op.instructions)
        exponentials += entry.instruction == "ffma2" ? entry.count : 0;
    }
    CHECK(exponentials > 32768);
  }
  SUBCASE("tile skipped") {
    const std::string text = edited(honest, "count: max(0, full_iterations - 1)", "count: max(0, full_iterations - 2)");
    CHECK(holds(faults_of(text),
                "work left out: an item asks for 29360128 multiply-adds of Q K^T, the program does 25165824"));
  }
  SUBCASE("bytes forgotten") {
    const std::string text = edited(honest, "load: \"cta_n * head_dim_v * element_bytes\"", "load: 0");
    const std::string faults = faults_of(text);
    CHECK(holds(faults, "bytes loaded, the program does"));
    CHECK(!holds(faults, "multiply-adds"));
  }
  SUBCASE("output not stored") {
    CHECK(holds(faults_of(edited(honest, "does: {store: tile_m * head_dim_v * output_bytes}", "does: {store: 0}")),
                "bytes stored, the program does 0"));
  }
  SUBCASE("mask dropped") {
    CHECK(holds(faults_of(edited(honest, "softmax_mask: {count: scores", "softmax_mask: {count: 0")),
                "masked scores, the program does 0"));
  }
  SUBCASE("rescaling and its decision dropped") {
    CHECK(holds(faults_of(edited(honest, "softmax_vote: tile_m", "softmax_vote: 0")), "rows rescaled or voted on"));
  }
  SUBCASE("dropout skipped") {
    const std::array<SequenceParameter, 1> dropout{{{"dropout", 1}}};
    Diagnostics faults;
    check_coverage(PipelineFile::load("fa4_forward").pipeline(dropout), faults);
    CHECK(holds(faults.format(), "dropout decisions, the program does 0"));
  }
  SUBCASE("a weaker generator than the operator's") {
    CHECK(holds(faults_of(edited(shipped("philox_mask"), "rounds: rounds", "rounds: 3")),
                "error: 'rounds' is the operator's: 7, not 3"));
  }
  SUBCASE("two CTAs' product claimed by one") {
    CHECK(holds(faults_of(edited(honest, "mma: [tile_m, cta_n, head_dim]", "mma_pair: [tile_m, cta_n, head_dim]")),
                "'mma_pair' is one instruction of two CTAs, the program has no cluster"));
    // With the cluster, half of the rows are missing.
    const std::string paired = shipped("fa4_forward_2cta");
    CHECK(holds(faults_of(edited(paired, "mma_pair: [pair_m, cta_n, head_dim]", "mma_pair: [tile_m, cta_n, head_dim]")),
                "multiply-adds of Q K^T"));
  }
}

constexpr const char* pair = R"(name: pair
operator: mask
roles: {a: {warps: 4, registers: 32}, b: {warps: 4, registers: 32}}
channels: {X: {}, Y: {}}
segments:
  - name: loop
    count: words
    ops:
      - {name: make, role: a, does: {dropout_mask: {count: 1}}, takes: [Y], gives: [X]}
      - {name: use, role: b, async: tma, does: {store: 4}, takes: [X], gives: [Y]}
)";

TEST_CASE("a loop of empty rings is a deadlock; a slot that starts full ends it") {
  CHECK(faults_of(pair) ==
        "program.yaml:9:9: error: deadlock: 'make' waits for a full slot of 'Y'\n"
        "        - {name: make, role: a, does: {dropout_mask: {count: 1}}, takes: [...\n"
        "          ^\n"
        "program.yaml:10:9: note: 'use' waits for a full slot of 'X'\n"
        "        - {name: use, role: b, async: tma, does: {store: 4}, takes: [X], g...\n"
        "          ^\n"
        "note: to go on: give to 'Y' before this, or let slots of it start full ('initial' is 0)\n"
        "note: to go on: give to 'X' before this, or let slots of it start full ('initial' is 0)\n"
        "warning: found at words 1024\n");
  CHECK(faults_of(edited(pair, "Y: {}", "Y: {initial: 1}")) == "");
}

TEST_CASE("rings that do not balance, or that nobody gives to") {
  const std::string more = edited(edited(pair, "Y: {}", "Y: {initial: 1, depth: 2}"), "gives: [Y]}",
                                  "gives: [Y]}\n      - {name: twice, role: b, gives: [Y]}");
  CHECK(holds(faults_of(more), "error: deadlock"));
  CHECK(holds(faults_of(edited(pair, ", gives: [Y]", "")),
              "program.yaml:4:19: error: no operation gives to channel 'Y'"));
  CHECK(holds(faults_of(edited(edited(pair, "takes: [Y], ", ""), ", gives: [Y]", "")),
              "no operation gives to channel 'Y'"));
}

TEST_CASE("slots left in a ring at the end of an item") {
  const std::string text = R"(name: left
operator: mask
roles: {a: {warps: 4, registers: 32}, b: {warps: 4, registers: 32}}
channels: {X: {depth: 4}}
segments:
  - {name: make, count: 4, ops: [{name: make, role: a, does: {dropout_mask: words / 4}, gives: [X]}]}
  - {name: use, count: 3, ops: [{name: use, role: b, async: tma, does: {store: 4 / 3 * words}, takes: [X]}]}
)";
  CHECK(holds(faults_of(text),
              "program.yaml:4:12: error: channel 'X' is unbalanced: an item gives 4 slots and role 'b' takes 3"));
}

TEST_CASE("faults of form have their place") {
  CHECK(holds(faults_of(edited(pair, "role: b", "role: c")), "program.yaml:10:27: error: unknown role 'c'\n"));
  CHECK(holds(faults_of(edited(pair, "takes: [X]", "takes: [Z]")), "error: unknown channel 'Z'"));
  CHECK(holds(faults_of(edited(pair, "store: 4", "store: fuor")), "error: 'store': unknown name 'fuor'"));
  CHECK(holds(faults_of(edited(pair, "warps: 4", "warp: 4")), "missing key 'warps' in role 'a'"));
  CHECK(holds(test::error_of([] {
                const std::array<SequenceParameter, 1> given{{{"kv_slot", 2}}};
                (void)PipelineFile::load("fa4_forward").pipeline(given);
              }),
              "error: the program has no parameter 'kv_slot'"));
  CHECK(holds(test::error_of([] {
                const std::array<SequenceParameter, 1> given{{{"kv_slots", 40}}};
                (void)PipelineFile::load("fa4_forward").pipeline(given);
              }),
              "'kv_slots' is 40, at most 12"));
}

}  // namespace
}  // namespace perfmodel
