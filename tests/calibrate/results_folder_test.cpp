#include "calibrate/results_folder.hpp"

#include <doctest/doctest.h>

#include "calibrate/campaign.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::TemporaryFolder;

Finding finding(std::string probe, std::string quantity, double value) {
  Finding found;
  found.probe = std::move(probe);
  found.quantity = std::move(quantity);
  found.value = {value, 0, 1};
  return found;
}

TEST_CASE("findings survive, and a quantity measured anew replaces the old") {
  const TemporaryFolder temporary;
  const std::string path = temporary.file("results");
  {
    ResultsFolder folder(path);
    folder.add(finding("l2", "near", 140));
    folder.add(finding("l2", "far", 250));
  }
  ResultsFolder folder(path);
  REQUIRE(folder.findings().size() == 2);
  folder.add(finding("l2", "near", 141));
  REQUIRE(folder.findings().size() == 2);
  CHECK(ResultsFolder(path).findings()[0].value.median == 141);
}

TEST_CASE("a finished step is remembered with its duration") {
  const TemporaryFolder temporary;
  ResultsFolder(temporary.path()).finish("dram", Seconds(9.26));
  const ResultsFolder folder(temporary.path());
  CHECK(folder.finished("dram"));
  CHECK(folder.took("dram") == Seconds(9.3));
  CHECK_FALSE(folder.finished("l2"));
  folder.write_header({{"GPU", "NVIDIA H200"}, {"date", "2026-11-24"}});
  CHECK(temporary.read("README.md") ==
        "# Calibration\n\n| | |\n|---|---|\n| GPU | NVIDIA H200 |\n| date | 2026-11-24 |\n\n"
        "Finished steps, and how long each took:\n\n| step | seconds |\n|---|---|\n| dram | 9.3 |\n");
}

// Writes down what it is told.
class Log : public CampaignView {
 public:
  void step(std::string_view name, std::size_t index, std::size_t count, Seconds left) override {
    add("step " + std::string(name) + " " + std::to_string(index) + "/" + std::to_string(count) + " " +
        std::to_string(static_cast<int>(left.si())));
  }
  void progress(std::string_view /*what*/) override {}
  void done(std::string_view name, Seconds /*took*/, std::size_t results) override {
    add("done " + std::string(name) + " " + std::to_string(results));
  }
  void skipped(std::string_view name, std::string_view reason) override {
    add("skipped " + std::string(name) + ": " + std::string(reason));
  }
  void failed(std::string_view name, std::string_view reason) override {
    add("failed " + std::string(name) + ": " + std::string(reason));
  }
  void check_interrupt() override {
    if (interrupted) throw 130;
  }

  std::vector<std::string> lines;
  bool interrupted = false;

 private:
  void add(std::string line) { lines.push_back(std::move(line)); }
};

Step step(std::string name, StepResult result) {
  return {std::move(name), Seconds(10), [result] { return result; }};
}

TEST_CASE("a step that fails leaves the others, and only it runs again") {
  const TemporaryFolder temporary;
  ResultsFolder folder(temporary.path());
  Log first;
  const StepResult fault{StepEnd::partial, 0, "no"};
  CHECK_FALSE(
      run_campaign({step("a", {StepEnd::complete, 3, ""}), step("b", fault), step("c", {})}, {}, folder, first));
  CHECK(first.lines == std::vector<std::string>{"step a 0/3 30", "done a 3", "step b 1/3 20", "failed b: no",
                                                "step c 2/3 10", "done c 0"});
  Log second;
  CHECK(run_campaign({step("a", {}), step("b", {}), step("c", {})}, {}, folder, second));
  CHECK(second.lines ==
        std::vector<std::string>{"skipped a: done before", "skipped c: done before", "step b 0/1 10", "done b 0"});
}

TEST_CASE("a lost context ends the run with what is done kept") {
  const TemporaryFolder temporary;
  ResultsFolder folder(temporary.path());
  Log log;
  CHECK_FALSE(run_campaign({step("a", {}), step("b", {StepEnd::fatal, 0, "lost"}), step("c", {})}, {}, folder, log));
  CHECK(log.lines.back() == "skipped c: the card's context is lost");
  CHECK(folder.finished("a"));
  CHECK_FALSE(folder.finished("b"));
}

TEST_CASE("only what was asked for runs") {
  const TemporaryFolder temporary;
  ResultsFolder folder(temporary.path());
  Log log;
  CHECK(run_campaign({step("a", {}), step("b", {})}, {"b"}, folder, log));
  CHECK(log.lines == std::vector<std::string>{"step b 0/1 10", "done b 0"});
}

TEST_CASE("an interrupt ends the run between steps") {
  const TemporaryFolder temporary;
  ResultsFolder folder(temporary.path());
  Log log;
  log.interrupted = true;
  CHECK_THROWS_AS(run_campaign({step("a", {})}, {}, folder, log), int);
  CHECK(log.lines.empty());
}

}  // namespace
}  // namespace perfmodel
