// The loop: what is committed and what is not, agents that mean harm, evaluators that are lied to, resuming.
#include "search/search.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "arch/load.hpp"
#include "search/comparison.hpp"
#include "search/trajectory.hpp"
#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<Oracle> oracle(const std::string& machine) {
  static std::map<std::string, std::shared_ptr<Oracle>> kept;
  std::shared_ptr<Oracle>& found = kept[machine];
  if (found == nullptr) found = std::make_shared<Oracle>(load_machine(machine), load_library());
  return found;
}

constexpr const char* attention_rows =
    "op,batch,heads,seq_q,head_dim,causal,dtype,impl\nattention,4,16,4096,128,0,bf16,fa4\n";
constexpr const char* triton_rows =
    "op,batch,heads,seq_q,head_dim,causal,dtype,impl,timer,regime\nattention,4,16,4096,128,0,bf16,triton,do_bench,"
    "cold\n";

constexpr const char* kernel_search = R"(name: kernels
machine: h100-sxm
kernel: {cta_m: 64, cta_n: 32, stages: 2, warps: 4}
suite: suite.csv
variables: {cta_m: [64, 128], cta_n: [32, 64, 128], stages: [2, 3, 4], warps: [4, 8]}
)";

struct Run {
  SearchResult result;
  std::vector<std::string> said;
  std::string error;

  [[nodiscard]] std::string all() const {
    std::string text;
    for (const std::string& line : said) text += line + '\n';
    return text;
  }
  [[nodiscard]] bool says(std::string_view word) const {
    return std::ranges::any_of(said, [&](const std::string& line) { return line.find(word) != std::string::npos; });
  }
};

class Fixture {
 public:
  explicit Fixture(const std::string& yaml, const std::string& rows = triton_rows) {
    folder_.write("search.yaml", yaml);
    folder_.write("suite.csv", rows);
  }

  Run run(SearchOptions options = {}) {
    Run run;
    options.folder = out();
    options.say = [&](const std::string& line) { run.said.push_back(line); };
    const EvolveFile file = load_evolve_file(folder_.file("search.yaml"));
    run.error = test::error_of([&] { run.result = Search(file, oracle(file.machine), options).run(); });
    return run;
  }

  [[nodiscard]] std::string out() const { return folder_.file("out"); }
  [[nodiscard]] Trajectory trajectory() const { return load_trajectory(out()); }
  [[nodiscard]] const test::TemporaryFolder& folder() const { return folder_; }

 private:
  test::TemporaryFolder folder_;
};

TEST_CASE("a search commits designs that are no worse, in order, and says what it did") {
  Fixture fixture(std::string(kernel_search) + "search: {operators: [random], seed: 3}\nbudget: {evaluations: 20}\n");
  const Run run = fixture.run();
  CHECK(run.result.ended == "the budget of evaluations is spent");
  CHECK(run.result.progress.evaluations == 20);
  const Trajectory found = fixture.trajectory();
  CHECK(found.ended);
  REQUIRE(found.versions.size() == static_cast<std::size_t>(run.result.progress.versions));
  CHECK(found.versions.size() >= 2);
  for (std::size_t i = 1; i < found.versions.size(); ++i) {
    CHECK(found.versions[i].fitness.geomean >= found.versions[i - 1].fitness.geomean);
    CHECK(found.versions[i].from >= 0);
  }
  CHECK(found.versions.back().fitness.geomean == run.result.progress.best);
  CHECK(best_of(fixture.out()).settings.size() == 4);
}

TEST_CASE("the same seed takes the same way, and a search that has ended stays as it is") {
  const std::string yaml =
      std::string(kernel_search) + "search: {operators: [random], seed: 3}\nbudget: {evaluations: 20}\n";
  Fixture one(yaml), other(yaml);
  one.run();
  other.run();
  const auto words = [](const Trajectory& t) {
    std::string text;
    for (const TrajectoryVersion& v : t.versions)
      text += v.change + fitness_json(v.fitness) + std::to_string(v.evaluations) + '\n';
    return text;
  };
  const std::string before = words(one.trajectory());
  CHECK(before == words(other.trajectory()));
  const Run again = one.run();
  CHECK(again.result.resumed);
  CHECK(words(one.trajectory()) == before);
  // With more to spend it goes on from there.
  SearchOptions more;
  more.evaluations = 30;
  const Run further = one.run(more);
  CHECK(further.result.progress.evaluations == 30);
  CHECK(words(one.trajectory()).starts_with(before));
}

TEST_CASE("every operator finds the best of a small space, and none leaves it") {
  const std::string two_rows = std::string(triton_rows) + "attention,4,16,2048,128,1,bf16,triton,do_bench,cold\n";
  for (const std::string name : {"rules", "random", "ranked", "surrogate", "de", "cmaes", "nsga2"}) {
    CAPTURE(name);
    Fixture fixture(std::string(kernel_search) + "search: {operators: [" + name +
                        "], seed: 1}\nbudget: {evaluations: 36}\n" +
                        "supervisor: {redirections: 20, repeats: 60, stall: 1000}\n",
                    two_rows);
    const Run run = fixture.run();
    CHECK(run.error == "");
    CHECK(run.result.progress.best > run.result.progress.start);
    const std::vector<std::string> variables{"cta_m", "cta_n", "stages", "warps"};
    for (const Setting& setting : best_of(fixture.out()).settings) {
      CHECK(std::ranges::find(variables, setting.name) != variables.end());
      CHECK(setting.value <= 128);
    }
  }
}

TEST_CASE("a population keeps several lines") {
  Fixture fixture(std::string(kernel_search) +
                  "search: {operators: [rules, random], mode: population, population: 4}\nbudget: {evaluations: 25}\n");
  const Run run = fixture.run();
  CHECK(run.error == "");
  const Trajectory found = fixture.trajectory();
  CHECK(found.versions.size() >= 4);
}

TEST_CASE("the rule agent repairs what does not fit, and betters the shipped program") {
  Fixture fixture(R"(name: rules
machine: b200
program: fa4_forward
suite: suite.csv
variables:
  emulated: {min: 0, max: 0.25, step: 0.0625}
  kv_slots: {min: 2, max: 12, step: 1}
  softmax_registers: {min: 24, max: 240, step: 8}
  correction_registers: {min: 24, max: 240, step: 8}
  other_registers: {min: 24, max: 128, step: 8}
budget: {evaluations: 12}
)",
                  attention_rows);
  const Run run = fixture.run();
  CHECK(run.error == "");
  CHECK(run.result.progress.best > run.result.progress.start);
  const Trajectory found = fixture.trajectory();
  CHECK(std::ranges::any_of(found.versions,
                            [](const TrajectoryVersion& v) { return v.rule.starts_with("emulate_exponentials"); }));
  CHECK(found.versions[1].source.find("2603.05451") != std::string::npos);
}

TEST_CASE("a folder that holds another search is refused") {
  Fixture fixture(std::string(kernel_search) + "budget: {evaluations: 2}\n");
  fixture.run();
  fixture.folder().write("search.yaml", std::string(kernel_search) + "budget: {evaluations: 3}\n");
  CHECK(fixture.run().error ==
        fixture.out() +
            "/journal.jsonl: error: the folder holds another search: its file, suite, start, "
            "machine or model differs\nnote: name another folder with --out, or remove this one\n");
}

// ---- agents ----

std::string agent_search(const std::string& script, const std::string& more = "") {
  return R"(name: agents
machine: b200
program: fa4_forward
suite: suite.csv
variables: {emulated: {min: 0, max: 0.25, step: 0.0625}}
search: {operators: [agent]}
budget: {evaluations: 3}
supervisor: {repeats: 1, redirections: 2, failures: 1}
)" + more +
         "agent:\n  time: 2 s\n  processes: 32\n  memory: 300 MB\n  output: 100 kB\n  command:\n    - sh\n    - -c\n   "
         " - |\n      " +
         script + "\n";
}

bool boxed() {
  static const std::string why = sandbox_unavailable();
  if (!why.empty()) MESSAGE("skipped: " << why);
  return why.empty();
}

TEST_CASE("an agent's proposal is judged, and what was judged is committed") {
  if (!boxed()) return;
  Fixture fixture(
      agent_search("echo '{\"set\":{\"emulated\":0.25}}' > candidate.json; echo 'more emulation' > notes.md"),
      attention_rows);
  const Run run = fixture.run();
  CHECK(run.error == "");
  const Trajectory found = fixture.trajectory();
  REQUIRE(found.versions.size() == 2);
  CHECK(found.versions[1].variation == "agent");
  CHECK(found.versions[1].notes == "more emulation ");
  CHECK(best_of(fixture.out()).settings == std::vector<Setting>{{"emulated", 0.25}});
}

TEST_CASE("an agent may hand in through the outbox") {
  if (!boxed()) return;
  Fixture fixture(agent_search("echo '{\"candidate\":{\"set\":{\"emulated\":0.25}},\"note\":\"by the tool\"}' > "
                               "outbox/submission-0000.json"),
                  attention_rows);
  CHECK(fixture.run().error == "");
  CHECK(fixture.trajectory().versions.size() == 2);
}

TEST_CASE("programs that leave work out score zero, and the lineage stays") {
  if (!boxed()) return;
  const char* cheats[][2] = {
      {"s/softmax_exp: {count: scores/softmax_exp: {count: 0/", "exponentials"},
      {"s/does: {store: tile_m/does: {store: 0 * tile_m/", "bytes stored"},
      {"s/softmax_vote: tile_m/softmax_vote: 0/", "rescaled or voted"},
      {"s/gives: \\[R0\\]/gives: []/", ""},
  };
  for (const auto& cheat : cheats) {
    CAPTURE(cheat[0]);
    Fixture fixture(agent_search(std::string("sed -i '") + cheat[0] + "' program.yaml"), attention_rows);
    const Run run = fixture.run();
    CHECK(run.error == "");
    CHECK(fixture.trajectory().versions.size() == 1);
    CHECK(run.says(std::string("agent: ")));
    CHECK(run.says(cheat[1]));
  }
}

TEST_CASE("agents that hang, bomb, flood, lie or plant are reported, and the loop goes on to its end") {
  if (!boxed()) return;
  struct Harm {
    std::string script;
    std::string word;
  };
  const Harm harms[] = {
      {"trap '' TERM; setsid sleep 55551 & sleep 100", "ran into its limit of 2.00 s, nothing proposed"},
      {"b() { b | b & }; b; sleep 100", "nothing proposed"},
      {"yes", "printed more than it may"},
      {"rm program.yaml; ln -s /etc/passwd program.yaml", "not taken over: program.yaml: a symbolic link"},
      {"mkdir -p .git/hooks; echo 'touch /planted' > .git/hooks/post-commit", "left lying: .git"},
      {"echo nonsense > candidate.json", "not a JSON object"},
      {"echo 'name: [' > program.yaml", "agent: "},
      {"touch $LINEAGE/planted $LINEAGE/hooks; echo done", "nothing proposed"},
      {"head -c 2000000 /dev/zero > program.yaml", "bytes, 524288 are the most"},
      {"(sleep 0.3; echo swapped > candidate.json) & true", "nothing proposed"},
  };
  for (const Harm& harm : harms) {
    CAPTURE(harm.script);
    Fixture fixture(agent_search(harm.script), attention_rows);
    const Run run = fixture.run();
    CAPTURE(run.all());
    CHECK(run.error == "");
    CHECK(run.says(harm.word));
    CHECK(run.result.ended.starts_with("the supervisor gave up"));
    CHECK(fixture.trajectory().versions.size() == 1);
    CHECK_FALSE(fs::exists(fixture.out() + "/lineage.git/planted"));
  }
}

TEST_CASE("what a program says of its needs cannot be written away") {
  if (!boxed()) return;
  Fixture fixture(agent_search("sed -i 's/tile_m: 128 /tile_m: 64 /' program.yaml", "frozen: [tile_m]\n"),
                  attention_rows);
  const Run run = fixture.run();
  CHECK(run.error == "");
  CAPTURE(run.all());
  CHECK(run.says("'tile_m' is frozen and defined otherwise"));
  CHECK(fixture.trajectory().versions.size() == 1);
}

TEST_CASE("an agent that was run is not run again on resuming") {
  if (!boxed()) return;
  Fixture fixture(agent_search("date +%s%N > notes.md; echo '{\"set\":{\"emulated\":0.25}}' > candidate.json"),
                  attention_rows);
  CHECK(fixture.run().error == "");
  const Trajectory before = fixture.trajectory();
  REQUIRE(before.versions.size() == 2);
  CHECK(before.versions[1].notes.size() > 10);
  CHECK(fixture.run().error == "");
  const Trajectory after = fixture.trajectory();
  REQUIRE(after.versions.size() == 2);
  CHECK(after.versions[1].notes == before.versions[1].notes);
}

// ---- silicon ----

std::string silicon_search(const std::string& variables, const std::string& more = "") {
  return R"(name: silicon
machine: h100-sxm
kernel: {cta_m: 128, cta_n: 64, stages: 2, warps: 8, trick: 0}
suite: suite.csv
variables: )" +
         variables + R"(
search: {operators: [random]}
budget: {evaluations: 40}
supervisor: {repeats: 3, redirections: 2}
silicon:
  budget: 30
  margin: 1
  measure:
    command: [python3, )" PERFMODEL_TEST_DIR R"(/toy_evaluator.py]
    readable: [)" PERFMODEL_TEST_DIR R"(]
    time: 20 s
)" + more;
}

TEST_CASE("on silicon the incumbent is measured again, and a gain within the spread is none") {
  if (!boxed()) return;
  Fixture fixture(silicon_search("{stages: [2, 3, 4]}"));
  const Run run = fixture.run();
  CHECK(run.error == "");
  const Trajectory found = fixture.trajectory();
  REQUIRE(found.versions.size() >= 2);
  CHECK(found.versions[0].fitness.measured);
  for (std::size_t i = 1; i < found.versions.size(); ++i) {
    CHECK(found.versions[i].fitness.geomean > 1.003 * found.versions[i - 1].fitness.geomean);
  }
  // The start, then for each of the two others one, and one of the incumbent for each that looked better.
  CHECK(run.result.progress.measurements >= 4);
  CHECK(setting_of(best_of(fixture.out()), "stages") == 4);
}

TEST_CASE("kernels that cheat their evaluator are refused, and never committed") {
  if (!boxed()) return;
  Fixture fixture(silicon_search("{trick: [0, 1, 2, 3, 4, 5]}"));
  const Run run = fixture.run();
  CHECK(run.error == "");
  CHECK(fixture.trajectory().versions.size() == 1);
  CHECK(run.result.progress.measurements == 6);
}

TEST_CASE("a compiler is asked once a design, and what it refuses is not measured") {
  if (!boxed()) return;
  Fixture fixture(silicon_search("{stages: [2, 3, 4]}", R"(  compile:
    command: [python3, )" PERFMODEL_TEST_DIR R"(/toy_evaluator.py, --compile]
    readable: [)" PERFMODEL_TEST_DIR R"(]
)"));
  const Run run = fixture.run();
  CHECK(run.error == "");
  CHECK(run.result.progress.compilations == 2);  // the start is measured as it is
  CHECK(setting_of(best_of(fixture.out()), "stages") == 3);
  const Run again = fixture.run();
  CHECK(again.error == "");
  CHECK(again.result.progress.measurements == run.result.progress.measurements);
}

// Times that the model cannot know, shortest at 128 x 64 with three stages and four warps; registers that a compiler
// would say.
std::string measured_rows() {
  std::string table =
      "op,batch,heads,kv_heads,seq_q,seq_kv,head_dim,causal,cta_m,cta_n,stages,warps,registers,measured_us,status\n";
  for (const int m : {64, 128}) {
    for (const int n : {32, 64, 128}) {
      for (const int stages : {2, 3, 4}) {
        for (const int warps : {4, 8}) {
          const bool fails = m == 128 && n == 128 && stages == 4;
          const int time =
              1000 + (m == 64 ? 90 : 0) + (n == 64 ? 0 : 60) + (stages == 3 ? 0 : 40) + (warps == 8 ? 50 : 0);
          table += fmt::format("attention,4,16,16,4096,4096,128,0,{},{},{},{},{},{},{}\n", m, n, stages, warps,
                               n == 32 ? 300 : 120, fails ? "" : std::to_string(time), fails ? "load" : "ok");
        }
      }
    }
  }
  return table;
}

TEST_CASE("measured tables stand in for silicon, and operators can be compared on them") {
  Fixture fixture(std::string(kernel_search) + "silicon: {table: measured.csv, budget: 36, margin: 1}\n" +
                  "supervisor: {stall: 1000000, repeats: 100, redirections: 1000}\nbudget: {evaluations: 1000}\n");
  fixture.folder().write("measured.csv", measured_rows());
  const EvolveFile file = load_evolve_file(fixture.folder().file("search.yaml"));
  ComparisonOptions options;
  options.operators = {VariationKind::random, VariationKind::surrogate};
  options.seeds = 5;
  options.within = 0;
  options.random_start = true;
  const SearchComparison comparison = compare(file, oracle("h100-sxm"), options);
  CHECK(comparison.measured);
  CHECK(comparison.target == doctest::Approx(comparison.best));
  for (const ComparedOperator& each : comparison.operators) {
    for (const ComparedRun& run : each.runs) {
      CHECK(run.needed >= 1);
      CHECK(run.needed <= 36);
      CHECK(run.best == doctest::Approx(comparison.best));
    }
  }
  CHECK(needed_quantile(comparison.operators[0], 36, 0.5) >= 1);
}

TEST_CASE("a table may say what a compiler would, and no more") {
  const std::string yaml = std::string(kernel_search) + "search: {operators: [ranked]}\n" +
                           "supervisor: {stall: 1000000, repeats: 100, redirections: 1000}\n";
  Fixture fixture(yaml + "silicon: {table: measured.csv, budget: 36, margin: 1, compiled: [registers]}\n");
  fixture.folder().write("measured.csv", measured_rows());
  const Run run = fixture.run();
  CHECK(run.error == "");
  // As the model sees them, four do not fit; of the others, the compiler gives twelve more registers than a thread has;
  // the start is one of these and measured all the same.
  CHECK(run.result.progress.compilations == 32);
  CHECK(run.result.progress.measurements == 21);
  // Designs without a row are no part of the space, and cost nothing.
  std::string rows = measured_rows();
  std::string without_four_warps;
  for (std::size_t at = 0; at < rows.size();) {
    const std::size_t end = rows.find('\n', at) + 1;
    const std::string row = rows.substr(at, end - at);
    if (row.find(",4,120,") == std::string::npos) without_four_warps += row;
    at = end;
  }
  Fixture smaller(yaml + "silicon: {table: measured.csv, budget: 36, margin: 1, compiled: [registers]}\n");
  smaller.folder().write("measured.csv", without_four_warps);
  CHECK(smaller.run().result.progress.measurements == 11);
  Fixture knowing(yaml + "silicon: {table: measured.csv, budget: 36, margin: 1, compiled: [measured_us, spills]}\n");
  knowing.folder().write("measured.csv", measured_rows());
  const std::string error = test::error_of([&] { load_evolve_file(knowing.folder().file("search.yaml")); });
  CHECK(error.find("8:66: error: 'measured_us' is no column of a kernel that the table has\n") != std::string::npos);
  CHECK(error.find("error: 'spills' is no column of a kernel that the table has\n") != std::string::npos);
}

TEST_CASE("a process over the variables needs fewer measurements than chance, a model that is right fewer still") {
  const auto needed = [](const std::string& more, std::vector<VariationKind> operators) {
    Fixture fixture(std::string(kernel_search) + "supervisor: {stall: 100000, repeats: 100000}\n" + more);
    fixture.folder().write("measured.csv", measured_rows());
    ComparisonOptions options;
    options.operators = std::move(operators);
    options.seeds = 40;
    options.within = 0.001;
    options.random_start = true;
    const EvolveFile file = load_evolve_file(fixture.folder().file("search.yaml"));
    const SearchComparison comparison = compare(file, oracle("h100-sxm"), options);
    std::vector<double> medians;
    for (const ComparedOperator& each : comparison.operators) medians.push_back(needed_quantile(each, 36, 0.5));
    return medians;
  };
  const std::vector<double> measured =
      needed("budget: {evaluations: 1000}\nsilicon: {table: measured.csv, budget: 36, margin: 1}\n",
             {VariationKind::surrogate, VariationKind::random});
  CHECK(measured[0] < measured[1]);
  // Times as the model has them: then its first choice is the best.
  const std::vector<double> modelled =
      needed("budget: {evaluations: 36}\n", {VariationKind::ranked, VariationKind::random});
  CHECK(modelled[0] <= 2);
  CHECK(modelled[0] < modelled[1]);
}

}  // namespace
}  // namespace perfmodel
