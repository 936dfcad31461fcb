// The oracle's contract: scores, refusals, the cascade, determinism, memory.
#include "search/oracle.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/predict.hpp"
#include "search/kernel_row.hpp"
#include "search/score_cache.hpp"
#include "support/data_path.hpp"
#include "tests/input_error.hpp"
#include "tests/search/suites.hpp"

namespace {

using namespace perfmodel;

KernelColumns tile(int m, int n, int stages) {
  KernelColumns columns;
  columns.set(*find_kernel_column("cta_m"), m);
  columns.set(*find_kernel_column("cta_n"), n);
  columns.set(*find_kernel_column("stages"), stages);
  return columns;
}

std::string load_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Candidate> tiles() {
  std::vector<Candidate> candidates;
  for (const int m : {16, 64, 128, 256}) {
    for (const int n : {16, 64, 128, 256}) {
      for (const int stages : {1, 2, 3, 4, 6, 12}) candidates.emplace_back(tile(m, n, stages));
    }
  }
  return candidates;
}

const ScoreOptions bound{.fidelity = Fidelity::bound, .incumbent = {}};

TEST_CASE("a kernel scores what the model predicts for its row") {
  Oracle oracle = test::oracle_of("h100-sxm");
  const Suite suite = test::triton_gemms();
  const Score score = oracle.score(suite, tile(128, 128, 3), bound);
  REQUIRE(score.feasible());
  double product = 1;
  for (std::size_t i = 0; i < suite.size(); ++i) {
    const KernelRow row = kernel_row(suite.configurations()[i], tile(128, 128, 3));
    const Estimate estimate =
        predict(oracle.machine(), oracle.library(), row.op,
                {.regime = Regime::warm, .fidelity = Fidelity::bound, .describe = false, .clock = {}});
    CHECK(score.configurations[i].time == estimate.time);
    CHECK(score.configurations[i].limiter == estimate.limiter);
    CHECK(score.configurations[i].throughput == estimate.flops / estimate.time);
    product *= score.configurations[i].throughput.si();
  }
  CHECK(score.geomean.si() == doctest::Approx(std::sqrt(product)));
}

TEST_CASE("a candidate that fails one configuration scores zero on all") {
  Oracle oracle = test::oracle_of("h100-sxm");
  const Score score = oracle.score(test::triton_gemms(), tile(256, 256, 12), bound);
  CHECK(!score.feasible());
  CHECK(score.geomean.si() == 0);
  REQUIRE(score.configurations.size() == 2);
  for (const ConfigurationScore& each : score.configurations) CHECK(each.throughput.si() == 0);
  CHECK(score.refusal.find("shared memory") != std::string::npos);
}

TEST_CASE("bad candidates are answers") {
  Oracle oracle = test::oracle_of("b200");
  const Suite suite = test::attention();
  const auto refusal = [&](const Candidate& candidate) { return oracle.score(suite, candidate).refusal; };
  CHECK(refusal(ProgramCandidate{"no_such", {}, {}}) == "unknown program 'no_such'");
  CHECK(refusal(ProgramCandidate{"/etc/passwd", {}, {}}) == "unknown program '/etc/passwd'");
  CHECK(refusal(ProgramCandidate{"fa4_forward", {}, {{"emulatd", 0.1}}}) ==
        "the program has no parameter 'emulatd', did you mean 'emulated'?");
  CHECK(refusal(ProgramCandidate{"fa4_forward", {}, {{"emulated", 0.9}}}) == "'emulated' is 0.9, at most 0.5");
  CHECK(refusal(ProgramCandidate{"fa4_forward", {}, {{"emulated", std::nan("")}}}) == "'emulated' is no number");
  CHECK(refusal(ProgramCandidate{"fa4_forward", {}, {{"head_dim", 64}}}) == "the program has no parameter 'head_dim'");
  CHECK(refusal(ProgramCandidate{"name: [\n", {}, {}}).find("line 1: expected a value") == 0);
  CHECK(refusal(ProgramCandidate{"gemm_tcgen05", {}, {}}) ==
        "configuration 0: the program is for gemm, the operator is attention_forward");
  CHECK(refusal(ProgramCandidate{"flash3_forward", {}, {}}).find("is written for wgmma") != std::string::npos);
  KernelColumns cluster;
  cluster.set(*find_kernel_column("cluster"), 2);
  CHECK(refusal(cluster) == "configuration 0: a row of op attention has no column 'cluster'");
  CHECK(refusal(tile(0, 128, 2)) == "configuration 0: 'cta_m': expected an integer from 1 to 16777216, not 0");
}

TEST_CASE("scores are the same bits at any number of threads, in order, cached or not") {
  const Suite suite = test::triton_gemms();
  const std::vector<Candidate> candidates = tiles();
  Oracle plain = test::oracle_of("h100-sxm", {.cache_bytes = 0});
  const std::vector<Score> one = plain.score(suite, candidates, bound, 1);
  for (std::size_t i = 0; i < candidates.size(); ++i) CHECK(one[i] == plain.score(suite, candidates[i], bound));
  Oracle cached = test::oracle_of("h100-sxm");
  CHECK(cached.score(suite, candidates, bound, 4) == one);
  CHECK(cached.cache_bytes() > 0);
  CHECK(cached.score(suite, candidates, bound, 3) == one);
}

TEST_CASE("the cache knows machines, suites and options apart") {
  Oracle oracle = test::oracle_of("b200");
  const ProgramCandidate candidate{"fa4_forward", {}, {}};
  const Score simulated = oracle.score(test::attention(), candidate);
  const Score bounded = oracle.score(test::attention(), candidate, bound);
  CHECK(bounded.stage == Stage::bound);
  CHECK(simulated.stage == Stage::pipeline);
  CHECK(bounded.geomean >= simulated.geomean);
  Machine faster = load_machine("b200");
  const ContentKey before = key_of(faster);
  faster.tensor.latency.value = Cycles(1);
  CHECK(key_of(faster) != before);
}

TEST_CASE("a cache keeps to its size and forgets the least recently used") {
  ScoreCache cache(16 * 2000);
  const auto score =
      std::make_shared<const Score>(Score{std::vector<ConfigurationScore>(4), {}, Stage::bound, false, {}, ""});
  for (std::uint64_t i = 0; i < 1000; ++i) {
    cache.insert({0, i}, score);
    CHECK(cache.find({0, 0}) != nullptr);  // used each time, and so kept
  }
  CHECK(cache.bytes() <= 2000);
  CHECK(cache.find({0, 999}) != nullptr);
  CHECK(cache.find({0, 1}) == nullptr);
}

TEST_CASE("what its bound leaves behind the incumbent is not simulated") {
  Oracle oracle = test::oracle_of("b200");
  const ProgramCandidate candidate{"fa4_forward", {}, {}};
  const FlopsPerSecond reachable = oracle.score(test::attention(), candidate, bound).geomean;
  ScoreOptions options;
  options.incumbent = 1.01 * reachable;
  CHECK(oracle.score(test::attention(), candidate, options).stage == Stage::pipeline);
  options.incumbent = 1.10 * reachable;
  const Score cut = oracle.score(test::attention(), candidate, options);
  CHECK(cut.cut);
  CHECK(cut.stage == Stage::bound);
  CHECK(cut.geomean == reachable);
}

TEST_CASE("a program that leaves work out scores zero") {
  Oracle oracle = test::oracle_of("b200");
  YamlNode program = PipelineFile::load("triton_forward").root();
  const auto with = [&](const std::string& assignment) {
    return PipelineFile::from_root(assign(program, parse_assignment(assignment)));
  };
  // Half of the exponentials, in every segment that has them.
  const PipelineFile cheat = with("segments.full.ops.exp.does.softmax_exp=scores / 2");
  const Operator op = test::attention().configurations()[0];
  const Estimate estimate = predict_program(oracle.machine(), cheat, {}, op, {});
  CHECK(!estimate.feasible());
  CHECK(estimate.refusal.find("work left out") == 0);
  CHECK(estimate.refusal.find("exponentials") != std::string::npos);
}

TEST_CASE("every program of the cheating corpus scores zero, with the reason") {
  Oracle oracle = test::oracle_of("b200");
  struct Cheat {
    std::string from, to, reason;
  };
  const Cheat cheats[] = {
      {"softmax_max: {count: scores", "softmax_max: {count: 0", "scores in row maxima"},
      {"softmax_exp: {count: scores", "softmax_exp: {count: scores / 2", "exponentials"},
      {"count: max(0, full_iterations - 1)", "count: max(0, full_iterations - 2)", "multiply-adds of Q K^T"},
      {"load: \"cta_n * head_dim_v * element_bytes\"", "load: 0", "bytes loaded"},
      {"does: {store: tile_m * head_dim_v * output_bytes}", "does: {store: 0}", "bytes stored"},
      {"softmax_mask: {count: scores", "softmax_mask: {count: 0", "masked scores"},
      {"softmax_vote: tile_m", "softmax_vote: 0", "rows rescaled or voted on"},
      {"mma: [tile_m, cta_n, head_dim]", "mma_pair: [tile_m, cta_n, head_dim]", "one instruction of two CTAs"},
  };
  const std::string honest = load_text(data_path("workloads/pipelines/fa4_forward.yaml"));
  CHECK(oracle.score(test::attention(), ProgramCandidate{honest}).feasible());
  for (const Cheat& cheat : cheats) {
    CAPTURE(cheat.to);
    std::string text = honest;
    REQUIRE(text.find(cheat.from) != std::string::npos);
    for (std::size_t at = text.find(cheat.from); at != std::string::npos;
         at = text.find(cheat.from, at + cheat.to.size()))
      text.replace(at, cheat.from.size(), cheat.to);
    const Score score = oracle.score(test::attention(), ProgramCandidate{text});
    CHECK_FALSE(score.feasible());
    CHECK(score.geomean == FlopsPerSecond(0));
    CHECK(score.refusal.find(cheat.reason) != std::string::npos);
  }
}

TEST_CASE("suites are of kernels of one op") {
  CHECK(test::error_of([] { (void)Suite("", {}); }) == "error: a suite needs at least one configuration\n");
  CHECK(test::error_of([] { (void)test::suite_of(R"([{"op":"copy","bytes":1000,"dtype":"bf16"}])"); }) ==
        "error: a configuration of op membound has no kernel to choose; gemm, attention and rng have\n");
  CHECK(test::error_of([] {
          (void)test::suite_of(R"([{"op":"gemm","m":8,"n":8,"k":8,"dtype":"bf16"},
                                   {"op":"rng","elements":1000,"rounds":7,"bits":8}])");
        }) == "error: the configurations of a suite are all of one op\n");
  CHECK(shipped_suite("avo_mha")->size() == 8);
  CHECK(!shipped_suite("avo"));
}

}  // namespace
