#include "calibrate/sass.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

namespace perfmodel {
namespace {

// What cuobjdump printed of two small kernels.
std::vector<SassFunction> recorded() {
  std::ostringstream text;
  text << std::ifstream(PERFMODEL_TEST_DIR "/data/kernels.sass").rdbuf();
  return parse_sass(text.str());
}

TEST_CASE("functions and mnemonics of a disassembly") {
  const std::vector<SassFunction> functions = recorded();
  REQUIRE(functions.size() == 2);
  CHECK(functions[0].name == "_Z9copy_wordPjPKj");
  CHECK(functions[0].opcodes.front() == "LDC");
  CHECK(functions[0].count("LDG") == 1);
  CHECK(functions[0].count("IMAD.WIDE") == 2);
  CHECK(functions[0].count("IMAD") == 2);
  CHECK(functions[0].count("IMA") == 0);
  CHECK(functions[0].opcodes.size() == 24);
  CHECK(functions[1].count("SHFL.BFLY") >= 4);
}

TEST_CASE("an instruction under a predicate counts") {
  const auto functions = parse_sass(
      "\t\tFunction : k\n"
      "        /*0010*/              @!P0 MUFU.EX2 R4, R5 ;              /* 0x1 */\n"
      "                                                                  /* 0x2 */\n"
      "        /*0020*/             @!UP1 EXIT ;\n");
  REQUIRE(functions.size() == 1);
  CHECK(functions[0].opcodes == std::vector<std::string>{"MUFU.EX2", "EXIT"});
}

TEST_CASE("expectations that hold, and those that do not") {
  CHECK(sass_mismatches(recorded(), {{"shuffle_chain", "SHFL", 4}, {"copy_word", "STG.E", 1}}).empty());
  const std::vector<std::string> faults =
      sass_mismatches(recorded(), {{"copy_word", "SHFL", 4}, {"absent_kernel", "LOP3", 1}});
  CHECK(faults ==
        std::vector<std::string>{"_Z9copy_wordPjPKj: 0 SHFL, expected at least 4", "absent_kernel: no such kernel"});
}

TEST_CASE("text without kernels gives none") {
  CHECK(parse_sass("").empty());
  CHECK(parse_sass("Fatbin elf code:\n================\narch = sm_90a\n").empty());
}

}  // namespace
}  // namespace perfmodel
