// `perfmodel arch`, run as a process.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

struct Output {
  int exit = -1;
  std::string text;  // stdout alone
};

Output run(const std::string& arguments) {
  Output output;
  FILE* pipe = ::popen((std::string(PERFMODEL_BINARY) + " " + arguments + " 2>/dev/null").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.text.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  output.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

TEST_CASE("arch list") {
  const Output output = run("arch list");
  CHECK(output.exit == 0);
  CHECK(
      output.text.find("h100-sxm    NVIDIA H100 SXM5 80GB   132  1980 MHz   989 TFLOPS  3.35 TB/s  50.0 MiB   700 W") !=
      std::string::npos);
  const auto json = nlohmann::json::parse(run("arch list --json").text);
  CHECK(json.at("schema_version") == 1);
  CHECK(json.at("machines").size() == 7);
}

TEST_CASE("arch show gives every constant with value, unit, source and reference") {
  const Output output = run("arch show h200");
  CHECK(output.exit == 0);
  CHECK(output.text.starts_with("h200: NVIDIA H200 SXM 141GB\nbased on: nvidia -> h100-sxm -> h200\n"));
  CHECK(
      output.text.find("dram.bandwidth                        4.8 TB/s          datasheet  NVIDIA H200 datasheet\n") !=
      std::string::npos);
  const auto json = nlohmann::json::parse(run("arch show h200 --json").text);
  bool found = false;
  for (const auto& constant : json.at("constants")) {
    if (constant.at("key") == "dram.bandwidth") {
      found = true;
      CHECK(constant.at("value") == doctest::Approx(4.8e12));
      CHECK(constant.at("unit") == "B/s");
      CHECK(constant.at("source") == "datasheet");
      CHECK(constant.at("ref") == "NVIDIA H200 datasheet");
    }
  }
  CHECK(found);
}

TEST_CASE("arch check goes on after a bad file and exits 2") {
  const test::TemporaryFolder folder;
  const std::string good = folder.write("good.yaml", "name: good\nbased-on: h100-sxm\n");
  const std::string bad = folder.write("bad.yaml", "name: bad\nbased-on: h100-sxm\nsms: 3\ngpcs: 2\n");
  const Output output = run("arch check " + bad + " " + good);
  CHECK(output.exit == 2);
  CHECK(output.text == bad + ": 2 errors\n" + good + ": ok\n");
  CHECK(run("arch check h100-sxm b300").exit == 0);
  CHECK(run("arch show nothing").exit == 2);
  CHECK(run("arch").exit == 2);
}

}  // namespace
}  // namespace perfmodel

#endif
