// `perfmodel calibrate` as a process, on machines without a GPU.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <string>

#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

using test::Result;
using test::run;
using test::TemporaryFolder;

TEST_CASE("without CUDA in the build, calibrate says so and what to do") {
  const Result result = run("calibrate --color never");
  CHECK(result.exit == 1);
  CHECK(result.out.empty());
  CHECK(result.err ==
        "error: this perfmodel was built without CUDA: on a machine with CUDA 13 and CUPTI, build it with `make cuda` "
        "(CMake option PERFMODEL_CUDA), and run it where there is an H100 or H200\n");
}

TEST_CASE("nothing is written where nothing is measured") {
  const TemporaryFolder folder;
  CHECK(run("calibrate --out " + folder.file("results")).exit == 1);
  CHECK(folder.file_count() == 0);
}

TEST_CASE("its help names the options") {
  const Result result = run("calibrate --help");
  CHECK(result.exit == 0);
  for (const char* option : {"--out DIR", "--only NAME,...", "--list", "--check-sass", "--list-metrics", "--record"}) {
    CHECK(result.out.find(option) != std::string::npos);
  }
}

TEST_CASE("an unknown option is a bad command line") {
  const Result result = run("calibrate --onyl l2");
  CHECK(result.exit == 2);
  CHECK(result.err.find("did you mean '--only'?") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel

#endif
