// Typed moves: what they change, and what they ask for before.
#include "search/move.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/input_error.hpp"
#include "tests/search/suites.hpp"
#include "workloads/pipeline_check.hpp"
#include "workloads/pipeline_file.hpp"

namespace {

using namespace perfmodel;

YamlNode fa4() { return PipelineFile::load("fa4_forward").root(); }

Pipeline after(const Move& move) { return PipelineFile::from_root(apply(fa4(), move)).pipeline(); }

std::string refusal(const Move& move) {
  return test::error_of([&] { (void)apply(fa4(), move); });
}

const PipelineRole* role(const Pipeline& pipeline, std::string_view name) {
  const auto found = std::ranges::find(pipeline.roles, name, &PipelineRole::name);
  return found == pipeline.roles.end() ? nullptr : &*found;
}

int ops_of(const Pipeline& pipeline, std::string_view name) {
  int count = 0;
  for (const PipelineSegment& segment : pipeline.segments) {
    for (const PipelineOp& op : segment.ops) count += pipeline.roles[static_cast<std::size_t>(op.role)].name == name;
  }
  return count;
}

TEST_CASE("moves change what they say") {
  const Pipeline deeper = after({.kind = MoveKind::ring_depth, .target = "KV", .value = 2});
  CHECK(std::ranges::find(deeper.channels, "KV", &PipelineChannel::name)->depth == 2);
  CHECK(role(after({.kind = MoveKind::registers, .target = "correction", .value = 88}), "correction")->registers == 88);
  CHECK(role(after({.kind = MoveKind::warps, .target = "spare", .value = 2}), "spare")->warps == 2);
  CHECK(after({.kind = MoveKind::persistent, .value = 1}).persistent);
  CHECK(!after({.kind = MoveKind::order, .value = 0}).longest_first);
  CHECK(after({.kind = MoveKind::ctas_per_sm, .value = 2}).ctas_per_sm == 2);
}

TEST_CASE("a role splits in two and becomes one again") {
  const Move split{.kind = MoveKind::split_role,
                   .target = "load",
                   .other = "load_q",
                   .operations = {"load_q0", "load_q1"},
                   .value = 1};
  const YamlNode apart = apply(fa4(), split);
  const Pipeline pipeline = PipelineFile::from_root(apart).pipeline();
  CHECK(ops_of(pipeline, "load_q") == 2);
  CHECK(role(pipeline, "load_q")->registers == role(pipeline, "load")->registers);
  const YamlNode together = apply(apart, {.kind = MoveKind::merge_roles, .target = "load", .other = "load_q"});
  const Pipeline again = PipelineFile::from_root(together).pipeline();
  const Pipeline before = PipelineFile::load("fa4_forward").pipeline();
  CHECK(again.roles.size() == before.roles.size());
  CHECK(ops_of(again, "load") == ops_of(before, "load"));
  CHECK(again.done().amounts == before.done().amounts);
}

TEST_CASE("branchless rescaling selects where it voted, and does the same work") {
  const Pipeline voted = PipelineFile::load("fa4_forward").pipeline();
  const Pipeline selected = after({.kind = MoveKind::branchless, .value = 1});
  CHECK(selected.done().amounts == voted.done().amounts);
  CHECK(covers(selected));
  CHECK(refusal({.kind = MoveKind::branchless, .value = 0}).find("no operation does 'softmax_select'") !=
        std::string::npos);
  // The program that has a parameter for it gets that.
  const YamlNode avo = PipelineFile::load("avo_forward").root();
  const YamlNode changed = apply(avo, {.kind = MoveKind::branchless, .value = 0});
  CHECK(changed.find("parameters").find("branchless").find("default").text() == "0");
}

TEST_CASE("a move whose condition does not hold says so") {
  const std::string unknown = refusal({.kind = MoveKind::ring_depth, .target = "KVs", .value = 2});
  CHECK(unknown.find("error: move 'ring_depth KVs 2': the program has no 'KVs' in its channels\n") !=
        std::string::npos);
  CHECK(unknown.find("note: did you mean 'KV'?\n") != std::string::npos);
  CHECK(refusal({.kind = MoveKind::ring_depth, .target = "KV", .value = 33})
            .find("expected an integer from 1 to 32, not 33") != std::string::npos);
  CHECK(refusal({.kind = MoveKind::merge_roles, .target = "mma", .other = "mma"}).find("cannot join itself") !=
        std::string::npos);
  CHECK(refusal({.kind = MoveKind::merge_roles, .target = "softmax0", .other = "softmax1"}).find("only at times") !=
        std::string::npos);
  CHECK(refusal({.kind = MoveKind::split_role, .target = "load", .other = "mma", .operations = {"load_k"}, .value = 1})
            .find("there is a role 'mma' already") != std::string::npos);
  CHECK(refusal({.kind = MoveKind::split_role, .target = "load", .other = "x", .operations = {"exp0"}, .value = 1})
            .find("has none of these operations") != std::string::npos);
}

TEST_CASE("a move that makes a program wait for itself scores zero") {
  Oracle oracle = test::oracle_of("b200");
  // One slot for keys and values: the key that the second product still needs keeps the value out.
  const Score score =
      oracle.score(test::attention(),
                   ProgramCandidate{"fa4_forward", {{.kind = MoveKind::ring_depth, .target = "KV", .value = 1}}, {}});
  CHECK(score.refusal.find("configuration 0: deadlock: ") == 0);
}

TEST_CASE("registers of warps that are gone cannot be taken") {
  Oracle oracle = test::oracle_of("b200");
  const Score score = oracle.score(
      test::attention(),
      ProgramCandidate{"fa4_forward", {{.kind = MoveKind::merge_roles, .target = "mma", .other = "load"}}, {}});
  CHECK(score.refusal.find("registers of a sub-partition") != std::string::npos);
}

}  // namespace
