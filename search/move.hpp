// Typed edits of a program: a small closed set, each with what has to hold before it. A move changes the structure of a
// program as its file states it; what comes out is checked like any program, so that no move can leave work out.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/yaml.hpp"

namespace perfmodel {

enum class MoveKind : std::uint8_t {
  ring_depth,   // `target`: a channel; `value`: its slots, 1 to 32
  registers,    // `target`: a role; `value`: registers of a thread, 16 to 256
  warps,        // `target`: a role; `value`: its warps, 1 to 32
  split_role,   // `operations` of the role `target` go to a new role `other`, of `value` warps
  merge_roles,  // the operations of the role `other` go to the role `target`; `other` is gone
  branchless,   // `value` 1: row factors are selected, 0: voted on
  persistent,   // `value` 1: CTAs stay and go from item to item
  order,        // `value` 1: longest first, 0: natural
  ctas_per_sm,  // `value`: CTAs that share an SM, 1 to 32
};
inline constexpr std::array<std::string_view, 9> move_kind_names{"ring_depth", "registers",   "warps",
                                                                 "split_role", "merge_roles", "branchless",
                                                                 "persistent", "order",       "ctas_per_sm"};

struct Move {
  MoveKind kind = MoveKind::ring_depth;
  std::string target{};
  std::string other{};
  std::vector<std::string> operations{};
  std::int32_t value = 0;

  bool operator==(const Move&) const = default;
};

// What a move changes, in a line: "ring_depth KV 4".
std::string describe(const Move& move);

// The program's tree after a move. Throws InputError where the move's condition does not hold: an unknown channel,
// role or operation, a value out of range, roles that cannot be one, nothing to change.
YamlNode apply(const YamlNode& program, const Move& move);

}  // namespace perfmodel
