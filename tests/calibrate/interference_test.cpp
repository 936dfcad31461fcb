#include "calibrate/interference.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace perfmodel {
namespace {

Interference beside(const char* mma, const char* work, int warps, double mma_slowdown, double work_slowdown) {
  Interference c;
  c.mma = mma;
  c.work = work;
  c.groups = 2;
  c.warps = warps;
  c.mma_slowdown = mma_slowdown;
  c.work_slowdown = work_slowdown;
  c.mma_bytes = 80;
  return c;
}

std::string note_of(const std::vector<Interference>& cases, const char* name) {
  for (const InterferenceRule& rule : interference_rules(cases)) {
    if (rule.name == name) return rule.note;
  }
  return "";
}

}  // namespace

TEST_CASE("no cases, no rules") { CHECK(interference_rules({}).empty()); }

TEST_CASE("the load that goes with the loss is named first") {
  std::vector<Interference> cases;
  for (int i = 1; i <= 4; ++i) {
    cases.push_back(beside("n=256 ss", "ffma", 4, 1 + 0.1 * i, 1));
    cases.back().load = {.issue = i % 2 == 0 ? 0.5 : 1.0, .operands = 1.0 * i};
  }
  CHECK(note_of(cases, "what slows wgmma") ==
        "wgmma slowed up to 1.40 times (4 warps of ffma beside n=256 ss); goes best with register reads r=1.00, "
        "shared-memory bytes r=0.00, number of warps r=0.00, issue slots r=-0.45");
  CHECK(note_of(cases, "what slows the extra warps") ==
        "nothing slows the extra warps: at most 1.00 times, 4 warps of ffma beside n=256 ss");
  CHECK(note_of(cases, "who slows whom").starts_with("wgmma pays: wgmma slowed 1.25 times, the extra warps 1.00"));
}

TEST_CASE("age compares like with like") {
  std::vector<Interference> cases{beside("n=256 ss", "lop3", 4, 1.1, 1.2), beside("n=256 ss", "lop3", 4, 2.2, 1.2),
                                  beside("n=128 ss", "lop3", 4, 9, 9)};
  cases[1].extra_first = true;
  CHECK(note_of(cases, "age") ==
        "lower warps go first: with the extra warps below those of wgmma, wgmma takes 2.00 and they 1.00 times as long "
        "as "
        "above, 1 pairs");
}

TEST_CASE("arrival, register operands and the fed loop") {
  std::vector<Interference> cases{beside("n=256 ss", "lop3", 4, 1.0, 1.5), beside("n=256 ss", "lop3", 4, 1.0, 1.5),
                                  beside("n=256 ss", "lop3", 4, 1.5, 1.5), beside("n=256 rs", "lop3", 4, 1.2, 1.5),
                                  beside("n=256 fed", "lop3", 4, 3.0, 1.5)};
  cases[0].lead = 30'000;
  cases[1].lead = -30'000;
  CHECK(note_of(cases, "arrival").starts_with("no difference: with the extra warps begun first, wgmma takes 1.00"));
  CHECK(note_of(cases, "register operands").find("slowed 0.80,") != std::string::npos);
  CHECK(note_of(cases, "fed loop").find("slowed 2.00,") != std::string::npos);
}

TEST_CASE("shared memory that both want is divided") {
  std::vector<Interference> cases{beside("n=256 ss", "lds", 8, 1.05, 2.5)};
  cases[0].load.shared_bytes = 125;
  CHECK(note_of(cases, "shared memory") ==
        "wgmma goes first: wgmma slowed 1.05, loads 2.50 times where both want more than 128 B/clk; together up to 126 "
        "B/clk, 8 warps of lds beside n=256 ss");
}

TEST_CASE("full issue slots") {
  std::vector<Interference> cases{beside("n=256 ss", "ffma", 8, 1.01, 1.0)};
  cases[0].load.issue = 0.98;
  CHECK(note_of(cases, "issue slots").starts_with("no: full issue slots do not slow wgmma: 1.01 times"));
}

}  // namespace perfmodel
