// Rules by which an SM could share its registers out, to be held against what the card does.
#pragma once

#include <cstdint>
#include <string_view>

namespace perfmodel {

enum class RegisterRule : std::uint8_t {
  whole_sm,    // 65,536 registers, wherever the warps are
  fixed,       // 16,384 a sub-partition, warp i of a CTA on sub-partition i mod 4
  neighbours,  // the same, from the sub-partition on that lets the CTA fit and has most registers free
  freest,      // the same, each warp on the sub-partition that has most registers free
  rows,        // the same, a CTA counts with as many warps on every sub-partition as on its fullest
};
inline constexpr RegisterRule register_rules[] = {RegisterRule::whole_sm, RegisterRule::fixed, RegisterRule::neighbours,
                                                  RegisterRule::freest, RegisterRule::rows};
std::string_view register_rule_name(RegisterRule rule);

struct CtaRegisters {
  int warps = 0;
  int registers = 0;  // a thread
};

// How many CTAs of `second` the rule lets start beside one of `resident`, with the slots for warps and CTAs.
int ctas_beside(RegisterRule rule, const CtaRegisters& resident, const CtaRegisters& second);

}  // namespace perfmodel
