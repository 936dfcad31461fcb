#include "calibrate/disassembly.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "calibrate/sass.hpp"
#include "support/diagnostic.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::TemporaryFolder;

// A stand-in for cuobjdump.
std::string disassembler(const TemporaryFolder& folder, const std::string& script) {
  const std::string path = folder.write("cuobjdump", "#!/bin/sh\n" + script);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

TEST_CASE("the disassembler's output is read") {
  const TemporaryFolder folder;
  const std::string program = disassembler(folder, "echo \"	Function : $2\"; echo '  /*0000*/ EXIT ;'");
  const auto functions = parse_sass(disassembly_of("a file's name", program));
  REQUIRE(functions.size() == 1);
  CHECK(functions[0].name == "a file's name");
  CHECK(functions[0].count("EXIT") == 1);
}

TEST_CASE("a disassembler that finds nothing is an error") {
  const TemporaryFolder folder;
  const std::string program = disassembler(folder, "echo 'cuobjdump fatal: no device code' >&2; exit 1");
  CHECK_THROWS_AS(static_cast<void>(disassembly_of("x", program)), RuntimeError);
}

}  // namespace
}  // namespace perfmodel
