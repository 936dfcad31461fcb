// perfmodel evolve as a process: its messages, its refusals, and that no kill leaves the lineage other than whole.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/cli/process.hpp"

namespace perfmodel::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kernels = R"(name: kernels
machine: h100-sxm
kernel: {cta_m: 64, cta_n: 32, stages: 2, warps: 4}
suite: suite.csv
variables: {cta_m: [64, 128, 256], cta_n: [32, 64, 128], stages: [2, 3, 4, 5], warps: [4, 8]}
search: {operators: [random], seed: 5}
budget: {evaluations: 48}
)";

class Folder {
 public:
  explicit Folder(const std::string& yaml = kernels) {
    folder_.write("search.yaml", yaml);
    folder_.write("suite.csv",
                  "op,batch,heads,seq_q,head_dim,causal,dtype,impl\n"
                  "attention,4,16,4096,128,0,bf16,triton\nattention,4,16,2048,128,1,bf16,triton\n");
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string command(const std::string& out, const std::string& more = "") const {
    return "evolve " + file("search.yaml") + " --out " + file(out) + " " + more;
  }

 private:
  TemporaryFolder folder_;
};

// What every version is, but for when it came and its commit's id.
std::string lineage_of(const Folder& folder, const std::string& out) {
  const Result report = run("evolve report --json " + folder.file(out));
  if (report.exit != 0) return report.err;
  nlohmann::json json = nlohmann::json::parse(report.out);
  json.erase("name");
  json.erase("ended");
  for (auto& version : json["versions"]) {
    version.erase("commit");
    version.erase("seconds");
  }
  return json.dump(1);
}

TEST_CASE("evolve searches and reports") {
  const Folder folder;
  const Result result = run(folder.command("out"));
  CHECK(result.exit == 0);
  CHECK(result.err.starts_with("version 0: "));
  CHECK(result.out.find("versions after 48 evaluations: ") != std::string::npos);
  CHECK(result.out.find("ended: the budget of evaluations is spent\n") != std::string::npos);
  const Result report = run("evolve report " + folder.file("out") + " --html " + folder.file("page.html"));
  CHECK(report.exit == 0);
  CHECK(report.out.starts_with("out: "));
  CHECK(report.out.find("   v  evaluations    TFLOPS      gain     total  change\n") != std::string::npos);
  CHECK(fs::file_size(folder.file("page.html")) > 1000);
  CHECK(run(folder.command("other", "--quiet")).err.empty());
}

// Every second design or so becomes a version of a population: most moments lie in a commit or beside one.
constexpr const char* population = R"(name: many
machine: h100-sxm
kernel: {cta_m: 64, cta_n: 32, stages: 2, warps: 4}
suite: suite.csv
variables: {cta_m: [64, 128, 256], cta_n: [32, 64, 128], stages: [2, 3, 4, 5], warps: [4, 8]}
search: {operators: [random], mode: population, population: 24, seed: 5}
budget: {evaluations: 20}
)";

bool sound_repository(const std::string& folder) {
  return std::system(("git --git-dir=" + folder + "/lineage.git fsck --strict > /dev/null 2>&1").c_str()) == 0;
}

TEST_CASE("a search that is killed at any moment goes on, and no version is lost or doubled") {
  const Folder folder(population);
  const auto began = std::chrono::steady_clock::now();
  CHECK(run(folder.command("whole", "--quiet")).exit == 0);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const std::string whole = lineage_of(folder, "whole");
  REQUIRE(nlohmann::json::parse(whole)["versions"].size() >= 12);
  std::minstd_rand random(12345);
  std::uniform_real_distribution<double> moment(0, 1.0);
  int killed = 0;
  for (int i = 0; killed < 20 && i < 60; ++i) {
    const std::string out = "killed" + std::to_string(i);
    const auto kill_after = [&](double longest) {
      const std::string after = "timeout -s KILL " + std::to_string(0.001 + longest * moment(random));
      if (run(folder.command(out, "--quiet"), "", after).exit == 137) ++killed;
    };
    kill_after(seconds);
    kill_after(seconds / 2);  // while it goes on
    CAPTURE(out);
    CHECK(run(folder.command(out, "--quiet")).exit == 0);
    CHECK(lineage_of(folder, out) == whole);
    CHECK(sound_repository(folder.file(out)));
  }
  CHECK(killed >= 20);
}

TEST_CASE("faults of a search file, all of them, with their places") {
  const Folder folder(R"(name: bad
machine: h100-sxm
suite: suite.csv
variables: {cta_m: [64]}
search: {operators: [rule], mode: swarm}
budget: {evaluations: 0}
silicon: {budget: 3}
)");
  const Result result = run(folder.command("out"));
  CHECK(result.exit == 2);
  const std::string at = folder.file("search.yaml");
  for (const std::string fault :
       {":1:1: error: a search starts from one of 'program', 'from' and 'kernel'",
        ":4:20: error: variable 'cta_m' has no two values", "'operators': unknown value 'rule'\n",
        "note: did you mean 'rules'?", "'mode': unknown value 'swarm'\n",
        "'evaluations': expected an integer from 1 to 100000000, not '0'", "missing key 'measure'"}) {
    CAPTURE(fault);
    CHECK(result.err.find(fault) != std::string::npos);
  }
  CHECK(result.err.find(at) != std::string::npos);
  CHECK_FALSE(fs::exists(folder.file("out")));
}

TEST_CASE("external programs without bubblewrap are refused, unless asked for") {
  const std::string yaml = std::string(kernels) + "agent: {command: [\"true\"]}\n";
  std::string with = yaml;
  with.replace(with.find("[random]"), 8, "[agent]");
  with += "supervisor: {repeats: 1, redirections: 1}\n";
  const Folder folder(with);
  // A PATH with git and nothing else.
  fs::create_directories(folder.file("bin"));
  for (const std::string name : {"git", "true"}) fs::create_symlink("/usr/bin/" + name, folder.file("bin/" + name));
  const std::string bare = "PATH=" + folder.file("bin");
  const Result refused = run(folder.command("out"), "", bare);
  CHECK(refused.exit == 2);
  CHECK(refused.err ==
        "error: external programs run in a box, and there is none: bubblewrap (bwrap) is not installed\n"
        "note: install bubblewrap, or run them unprotected with --unsafe-agent\n");
  CHECK_FALSE(fs::exists(folder.file("out")));
  CHECK(run(folder.command("out", "--unsafe-agent"), "", bare).exit == 0);
}

TEST_CASE("reports of what is no search, and a command line without a file") {
  const Folder folder;
  const Result report = run("evolve report " + folder.file("none"));
  CHECK(report.exit == 2);
  CHECK(report.err == folder.file("none") +
                          ": error: no search in this folder: it has no lineage.git\n"
                          "note: name the folder that perfmodel evolve wrote with --out\n");
  CHECK(run("evolve").err == "error: perfmodel evolve: a FILE is missing\nnote: see perfmodel evolve --help\n");
  CHECK(run("evolve compare " + folder.file("search.yaml") + " --operators rulez").err ==
        "--operators: error: unknown value 'rulez'\n"
        "note: did you mean 'rules'?\n"
        "note: known values: rules, agent, ranked, surrogate, random, de, cmaes, nsga2\n");
}

TEST_CASE("operators side by side") {
  const Folder folder;
  const Result result = run("evolve compare " + folder.file("search.yaml") +
                            " --operators ranked,random --seeds 3 --random-start --quiet");
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
  CHECK(result.out.starts_with("evaluations until "));
  CHECK(result.out.find("ranked         3        3") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel::test
