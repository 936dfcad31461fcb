#include "model/limiter.hpp"

namespace perfmodel {

std::string_view limiter_name(Limiter limiter) {
  static constexpr std::array<std::string_view, limiter_count> names = {
      "tensor", "fma",   "alu",        "xu",   "issue", "smem",   "tmem",  "l2",
      "dram",   "power", "recurrence", "fill", "wave",  "launch", "spill", "infeasible"};
  return names[static_cast<std::size_t>(limiter)];
}

}  // namespace perfmodel
