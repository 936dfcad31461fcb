#include "calibrate/device/probes/register_rules.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace perfmodel {
namespace {

constexpr std::size_t partitions = 4;
constexpr int registers_a_partition = 16'384;
constexpr int warps_a_partition = 16;
constexpr int ctas_of_sm = 32;

struct Partition {
  int registers = registers_a_partition;
  int warps = warps_a_partition;
};

using Sm = std::array<Partition, partitions>;

int warp_registers(const CtaRegisters& cta) { return (cta.registers * 32 + 255) / 256 * 256; }

// Takes the room of `warps` warps; false if there is too little.
bool take(Partition& partition, int warps, int registers) {
  partition.registers -= warps * registers;
  partition.warps -= warps;
  return partition.registers >= 0 && partition.warps >= 0;
}

std::optional<Sm> from_partition(Sm sm, const CtaRegisters& cta, std::size_t start) {
  for (int warp = 0; warp < cta.warps; ++warp) {
    if (!take(sm[(start + static_cast<std::size_t>(warp)) % partitions], 1, warp_registers(cta))) return std::nullopt;
  }
  return sm;
}

std::optional<Sm> from_best_partition(const Sm& sm, const CtaRegisters& cta) {
  std::optional<Sm> best;
  int most = -1;
  for (std::size_t start = 0; start < partitions; ++start) {
    std::optional<Sm> next = from_partition(sm, cta, start);
    if (next && sm[start].registers > most) {
      most = sm[start].registers;
      best = next;
    }
  }
  return best;
}

std::optional<Sm> on_freest(Sm sm, const CtaRegisters& cta) {
  for (int warp = 0; warp < cta.warps; ++warp) {
    auto& freest = *std::max_element(sm.begin(), sm.end(),
                                     [](const Partition& a, const Partition& b) { return a.registers < b.registers; });
    if (!take(freest, 1, warp_registers(cta))) return std::nullopt;
  }
  return sm;
}

std::optional<Sm> in_rows(Sm sm, const CtaRegisters& cta) {
  const int warps = (cta.warps + static_cast<int>(partitions) - 1) / static_cast<int>(partitions);
  for (Partition& partition : sm) {
    if (!take(partition, warps, warp_registers(cta))) return std::nullopt;
  }
  return sm;
}

// The whole SM stands in one partition.
std::optional<Sm> anywhere(Sm sm, const CtaRegisters& cta) {
  if (!take(sm[0], cta.warps, warp_registers(cta))) return std::nullopt;
  return sm;
}

std::optional<Sm> with(RegisterRule rule, const Sm& sm, const CtaRegisters& cta) {
  switch (rule) {
    case RegisterRule::whole_sm: return anywhere(sm, cta);
    case RegisterRule::fixed: return from_partition(sm, cta, 0);
    case RegisterRule::neighbours: return from_best_partition(sm, cta);
    case RegisterRule::freest: return on_freest(sm, cta);
    case RegisterRule::rows: return in_rows(sm, cta);
  }
  return std::nullopt;
}

}  // namespace

std::string_view register_rule_name(RegisterRule rule) {
  switch (rule) {
    case RegisterRule::whole_sm: return "65536 registers of the SM";
    case RegisterRule::fixed: return "16384 a sub-partition, warp i on i mod 4";
    case RegisterRule::neighbours: return "16384 a sub-partition, consecutive warps from the best one on";
    case RegisterRule::freest: return "16384 a sub-partition, each warp on the freest";
    case RegisterRule::rows: return "16384 a sub-partition, a CTA counts alike on all";
  }
  return "";
}

int ctas_beside(RegisterRule rule, const CtaRegisters& resident, const CtaRegisters& second) {
  Sm empty;
  if (rule == RegisterRule::whole_sm) {
    empty[0] = {static_cast<int>(partitions) * registers_a_partition, static_cast<int>(partitions) * warps_a_partition};
  }
  std::optional<Sm> sm = with(rule, empty, resident);
  int ctas = -1;
  while (sm && ctas + 1 < ctas_of_sm) {
    ++ctas;
    sm = with(rule, *sm, second);
  }
  return std::max(ctas, 0);
}

}  // namespace perfmodel
