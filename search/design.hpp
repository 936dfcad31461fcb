// A point of a search: the program (or the kernel of a library) that it starts from, what is set and moved. What a
// lineage keeps of it are two files, program.yaml and candidate.json; the second is a candidate as `perfmodel oracle`
// takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "search/candidate.hpp"
#include "search/sandbox.hpp"

namespace perfmodel {

struct Design {
  std::string program;  // the text of a program; "" for a kernel of a library
  std::vector<Setting>
      settings;             // by name: parameters of the program, or columns of the kernel and what only silicon reads
  std::vector<Move> moves;  // of a program

  bool operator==(const Design&) const = default;
};

// What a compiler made of a design: columns of the kernel (registers, spills, shared memory), or why it refused.
struct Compiled {
  std::vector<Setting> columns;
  std::string refusal;
};

// The value of a setting; nothing where the design leaves it as the program has it.
std::optional<double> setting_of(const Design& design, std::string_view name);
void set(Design& design, std::string_view name, double value);

// The value of a move without target ("order", "persistent"), 0 where the design has none of that kind.
std::int32_t move_of(const Design& design, MoveKind kind);
void set(Design& design, MoveKind kind, std::int32_t value);

// Without the settings that only silicon reads.
Candidate candidate_of(const Design& design);

// One line, the same for the same design: {"set":{...},"moves":[...]}, or {"kernel":{...}}.
std::string candidate_json(const Design& design);

// Throws InputError, with the file's name and what is wrong, for anything else than the above; unknown keys are
// refused.
Design read_design(const std::string& candidate_json, std::string program);

inline constexpr std::string_view candidate_file = "candidate.json";
inline constexpr std::string_view program_file = "program.yaml";
std::vector<WorkFile> files_of(const Design& design);

// 64 bits of its content in hexadecimal: by which a journal knows it again.
std::string key_of(const Design& design);

// "emulated 0.125 -> 0.1875, order 0 -> 1", "program text" where that differs; "nothing" for equals.
std::string difference(const Design& before, const Design& after);

}  // namespace perfmodel
