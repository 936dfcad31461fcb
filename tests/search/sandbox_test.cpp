// Programs that mean harm are contained: what they start ends with them, what they may use is limited, and what they
// leave is taken over as plain bytes or not at all. Where bubblewrap does not run the cases say so and test the
// refusal.
#include "search/sandbox.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

namespace fs = std::filesystem;

SandboxOptions small_box() {
  SandboxOptions options;
  options.limits.time = Seconds(20);
  options.limits.memory = Bytes(400e6);
  options.limits.disk = Bytes(2e6);
  options.limits.output = Bytes(100e3);
  options.limits.processes = 48;
  options.environment = {"PATH=/usr/bin:/bin"};
  return options;
}

// False, with a word about it, where there is no box to test.
bool boxed() {
  static const std::string why = sandbox_unavailable();
  if (!why.empty()) MESSAGE("skipped: " << why);
  return why.empty();
}

SandboxResult run(const std::string& script, const SandboxOptions& options = small_box()) {
  return run_in_sandbox({"sh", "-c", script}, {{"program.yaml", "honest\n"}},
                        {{"program.yaml", 1000}, {"notes.md", 100}}, options);
}

// Processes of ours or of the boxes' with this word in their command.
int running(const std::string& word) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::string name = entry.path().filename().string();
    const bool process = name.find_first_not_of("0123456789") == std::string::npos;
    if (process && text.find(word) != std::string::npos) ++count;
  }
  return count;
}

TEST_CASE("what an honest program writes comes back, and nothing of ours is there to see") {
  if (!boxed()) return;
  const test::TemporaryFolder folder;
  SandboxOptions options = small_box();
  folder.write("given", "for you\n");
  options.readable = {{folder.file("given"), "/opt/given"}};
  const SandboxResult result =
      run("cat /opt/given; echo better > program.yaml; echo why > notes.md; echo ${HOME:-no home} ${USER:-no user}; "
          "ls / /opt; for p in /proc/[0-9]*; do cat $p/comm; done",
          options);
  CHECK(result.process.ok());
  const std::string& seen = result.process.out;
  CHECK(seen.starts_with("for you\nno home no user\n/:\n"));
  for (const char* ours : {"home\n", "root\n", "work\n", "test_search\n", "init\n"}) {
    CAPTURE(ours);
    CHECK(seen.find(std::string("\n") + ours) == std::string::npos);
  }
  CHECK(seen.find("/opt:\ngiven\n") != std::string::npos);
  CAPTURE(seen);
  CHECK(std::ranges::count(seen, '\n') < 30);
  REQUIRE(result.taken.files.size() == 2);
  CHECK(result.taken.files[0].bytes == "better\n");
  CHECK(result.taken.files[1].bytes == "why\n");
}

TEST_CASE("a program that hangs and ignores signals is ended with everything it started") {
  if (!boxed()) return;
  SandboxOptions options = small_box();
  options.limits.time = Seconds(0.5);
  const SandboxResult result =
      run("trap '' TERM INT HUP; setsid sleep 98761 & while true; do sleep 0.1; done", options);
  CHECK(result.process.end == ProcessEnd::timed_out);
  CHECK(running("98761") == 0);
}

TEST_CASE("what sets itself apart ends with the box") {
  if (!boxed()) return;
  const SandboxResult result = run("setsid nohup sh -c 'sleep 98762' > /dev/null 2>&1 & sleep 0.2; echo gone");
  CHECK(result.process.ok());
  CHECK(result.process.out == "gone\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(running("98762") == 0);
}

TEST_CASE("a fork bomb runs into the limit of processes, and we can still start our own") {
  if (!boxed()) return;
  SandboxOptions options = small_box();
  options.limits.time = Seconds(1.5);
  const SandboxResult result = run("b() { b | b & }; b; : 98764; sleep 60", options);
  CHECK_FALSE(result.process.ok());  // out of time, or without a process left to sleep in
  CHECK(run_process({"true"}).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(running("98764") == 0);
}

TEST_CASE("a flood of output ends the program, and is not kept") {
  if (!boxed()) return;
  const SandboxResult result = run("yes");
  CHECK(result.process.end == ProcessEnd::flooded);
  CHECK(result.process.out.size() == 100000);
}

TEST_CASE("memory of all processes together is limited") {
  if (!boxed()) return;
  const SandboxResult result =
      run("for i in 1 2 3 4 5 6 7 8; do perl -e '$x = \"x\" x 100000000; sleep 30' & done; wait");
  CHECK(result.process.end == ProcessEnd::stopped);
  CHECK(result.process.reason.find("MiB are the most") != std::string::npos);
}

TEST_CASE("nothing outside the folder can be written, and the folder is small") {
  if (!boxed()) return;
  const test::TemporaryFolder folder;
  folder.write("given", "ours");
  SandboxOptions options = small_box();
  options.readable = {{folder.path(), "/opt/ours"}};
  const SandboxResult result =
      run("for f in /x /usr/x /opt/x /opt/ours/x /dev/x; do touch $f 2> /dev/null && echo wrote $f; done; echo no > "
          "/opt/ours/given; head -c 9000000 /dev/zero > big 2> /dev/null; wc -c < big",
          options);
  CHECK(result.process.out.find("wrote") == std::string::npos);
  CHECK(std::stol(result.process.out) <= 2000000);
  CHECK(folder.read("given") == "ours");
  CHECK(folder.file_count() == 1);
}

TEST_CASE("there is no network") {
  if (!boxed()) return;
  CHECK(run("tail -n +3 /proc/net/dev | grep -vc lo:").process.out == "0\n");
}

// What is left in the place of an honest file.
TakenFiles left(const std::string& script) {
  const test::TemporaryFolder folder;
  folder.write("secret", "of ours");
  const std::string command = "cd " + folder.path() + " && mkdir w && cd w && " + script;
  REQUIRE(std::system(command.c_str()) == 0);
  const int descriptor = ::open(folder.file("w").c_str(), O_RDONLY | O_DIRECTORY);
  TakenFiles taken = take_files(descriptor, {{"program.yaml", 1000}, {"outbox/a.json", 1000}});
  ::close(descriptor);
  return taken;
}

TEST_CASE("only plain files under their own names are taken over") {
  CHECK(left("echo fine > program.yaml").files.size() == 1);
  CHECK(left("true").refused.empty());
  CHECK(left("ln -s ../secret program.yaml").refused == std::vector<std::string>{"program.yaml: a symbolic link"});
  CHECK(left("ln -s /proc/self/environ program.yaml").files.empty());
  CHECK(left("mkfifo program.yaml").refused == std::vector<std::string>{"program.yaml: no regular file"});
  CHECK(left("mkdir program.yaml").refused == std::vector<std::string>{"program.yaml: no regular file"});
  CHECK(left("ln ../secret program.yaml").refused ==
        std::vector<std::string>{"program.yaml: a file with a second name"});
  CHECK(left("head -c 1001 /dev/zero > program.yaml").refused ==
        std::vector<std::string>{"program.yaml: 1001 bytes, 1000 are the most"});
  CHECK(left("ln -s .. outbox; echo x > ../a.json").files.empty());
  CHECK(left("mkdir outbox; echo x > outbox/a.json").files.size() == 1);
}

TEST_CASE("hooks and other things left lying are named, not taken") {
  const TakenFiles taken =
      left("mkdir -p .git/hooks; echo evil > .git/hooks/post-commit; echo x > program.yaml; touch b a");
  CHECK(taken.files.size() == 1);
  CHECK(taken.ignored == std::vector<std::string>{".git", "a", "b"});
}

TEST_CASE("bytes that change after they were taken over change nothing") {
  const test::TemporaryFolder folder;
  folder.write("program.yaml", "verified");
  const int descriptor = ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY);
  const TakenFiles taken = take_files(descriptor, {{"program.yaml", 1000}});
  folder.write("program.yaml", "swapped!");
  ::close(descriptor);
  CHECK(taken.files[0].bytes == "verified");
}

TEST_CASE("without the box limits hold all the same, and what set itself apart is found") {
  SandboxOptions options = small_box();
  options.unsafe = true;
  options.limits.time = Seconds(0.5);
  const SandboxResult result =
      run("setsid sleep 98763 & ln -s /etc/passwd notes.md; echo x > program.yaml; sleep 60", options);
  CHECK(result.process.end == ProcessEnd::timed_out);
  CHECK(result.taken.files.size() == 1);
  CHECK(result.taken.refused == std::vector<std::string>{"notes.md: a symbolic link"});
  CHECK(running("98763") == 0);
  CHECK(process_tree(::getpid()).members.empty());  // nor is anything left to be reaped
}

}  // namespace
}  // namespace perfmodel
