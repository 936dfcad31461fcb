#include "support/process.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

ProcessResult shell(const std::string& script, ProcessOptions options = {}) {
  return run_process({"sh", "-c", script}, options);
}

// Neither gone nor a zombie that its new parent has not collected.
bool runs(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t state = text.rfind(')') + 2;
  return text.size() > state && text[state] != 'Z' && text[state] != 'X';
}

TEST_CASE("input, both outputs, folder, environment and exit code") {
  const test::TemporaryFolder folder;
  ProcessOptions options;
  options.input = "word\n";
  options.folder = folder.path();
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "GREETING=hello"};
  const ProcessResult result = shell("cat; pwd; echo $GREETING ${HOME:-none}; echo oops >&2; exit 3", options);
  CHECK(result.out == "word\n" + folder.path() + "\nhello none\n");
  CHECK(result.err == "oops\n");
  CHECK(result.end == ProcessEnd::exited);
  CHECK(result.code == 3);
  CHECK_FALSE(result.ok());
  CHECK(result.how() == "exited with 3");
}

TEST_CASE("input larger than a pipe, to a program that reads it and one that does not") {
  ProcessOptions options;
  options.input = std::string(1 << 20, 'x');
  CHECK(shell("wc -c", options).out == "1048576\n");
  CHECK(shell("true", options).ok());
}

TEST_CASE("a program that does not exist says so") {
  const ProcessResult result = run_process({"/no/such/program"});
  CHECK(result.end == ProcessEnd::not_started);
  CHECK(result.how() == "could not be started: /no/such/program: No such file or directory");
}

TEST_CASE("a program that hangs, floods or is stopped ends, with what it started") {
  const test::TemporaryFolder folder;
  ProcessOptions options;
  options.time_limit = Seconds(0.2);
  options.output_limit = 100000;
  SUBCASE("hangs") {
    const ProcessResult result = shell("sleep 100 & echo $! > " + folder.file("pid") + "; wait", options);
    CHECK(result.end == ProcessEnd::timed_out);
    CHECK(result.how() == "ran into its limit of 200 ms");
    const pid_t child = std::stoi(folder.read("pid"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK_FALSE(runs(child));
  }
  SUBCASE("floods") {
    options.time_limit = Seconds(10);
    const ProcessResult result = shell("yes", options);
    CHECK(result.end == ProcessEnd::flooded);
    CHECK(result.out.size() == 100000);
  }
  SUBCASE("is stopped") {
    options.watch = [](pid_t) { return std::string("enough"); };
    CHECK(shell("sleep 100", options).how() == "was ended: enough");
  }
  SUBCASE("leaves a child with our pipe") {
    options.time_limit = Seconds(10);
    const ProcessResult result = shell("sleep 100 & echo done", options);
    CHECK(result.ok());
    CHECK(result.out == "done\n");
    CHECK(result.wall.si() < 5);
  }
}

TEST_CASE("a refusal in the child is the reason") {
  ProcessOptions options;
  options.prepare = []() -> const char* { return "not today"; };
  CHECK(shell("true", options).how() == "could not be started: not today");
}

}  // namespace
}  // namespace perfmodel
