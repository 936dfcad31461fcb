// The machine code of a kernel held against what its name says: a probe of LOP3 that the compiler folded into something
// else measures nothing.
//
//     std::vector<SassExpectation> sass_expectations_shuffle() {
//       return {{.kernel = "shuffle_chain", .opcode = "SHFL", .at_least = 64}};
//     }
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace perfmodel {

struct SassExpectation {
  std::string kernel;  // part of the function's name as cuobjdump prints it, mangled
  std::string opcode;  // "LOP3", "IMAD.WIDE", "MUFU.EX2": the mnemonic, or its beginning up to a dot
  int at_least = 1;    // so many of them in every kernel whose name fits
};

// A function of the disassembly and the mnemonics of its instructions, predicates and operands left out.
struct SassFunction {
  std::string name;
  std::vector<std::string> opcodes;

  // How many instructions are `opcode` or begin with it and a dot.
  [[nodiscard]] std::size_t count(std::string_view opcode) const;
};

// Reads the output of `cuobjdump -sass`.
std::vector<SassFunction> parse_sass(std::string_view text);

// One expectation that does not hold, as a line: "shuffle_chain: 0 SHFL, expected at least 64", or "no such kernel".
std::vector<std::string> sass_mismatches(const std::vector<SassFunction>& functions,
                                         const std::vector<SassExpectation>& expectations);

}  // namespace perfmodel
