// When not to trust an estimate without silicon: reasons that it may be off by more than 15 %.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

enum class DeferReason : std::uint8_t {
  wide_residuals,  // the fit left wide errors in rows of this kind
  no_residuals,    // few or no rows that this binds were ever compared with silicon
  spills,          // many registers are kept in local memory
  latency,         // a kernel that is mostly start-up and first operands
  disagreement,    // the simulation and the bound are far apart
  lone_warps,      // dependent steps bind, and no second warp of a sub-partition hides them
};
inline constexpr std::array<std::string_view, 6> defer_reason_names{"wide_residuals", "no_residuals", "spills",
                                                                    "latency",        "disagreement", "lone_warps"};

// A set of reasons.
class DeferReasons {
 public:
  void add(DeferReason reason) { bits_ |= 1U << static_cast<unsigned>(reason); }
  void add(DeferReasons others) { bits_ |= others.bits_; }
  [[nodiscard]] bool has(DeferReason reason) const { return (bits_ >> static_cast<unsigned>(reason) & 1U) != 0; }
  [[nodiscard]] bool any() const { return bits_ != 0; }
  [[nodiscard]] std::uint32_t bits() const { return bits_; }
  static DeferReasons from_bits(std::uint32_t bits) {
    DeferReasons reasons;
    reasons.bits_ = bits;
    return reasons;
  }
  bool operator==(const DeferReasons&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

// By name, in the order of the enumeration.
std::vector<std::string_view> names_of(DeferReasons reasons);

// Why an operator's estimate should not be taken at its word; none for one that can. The operator is the whole
// candidate, kernel columns filled in as far as they are known.
DeferReasons defer_reasons(const Machine& machine, const Operator& op, const Estimate& estimate);

}  // namespace perfmodel
