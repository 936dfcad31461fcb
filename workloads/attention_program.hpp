// Attention kernels as data (workloads/programs/*.yaml): tiles, launch, schedule and helper kernels of a code family.
// What each instruction sequence of it costs on a machine is in the machine's `code` section under the program's name
// for it. docs/program-schema.md documents every key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/units.hpp"
#include "workloads/instruction_tally.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// When a helper kernel runs: with every launch, with dropout, with fewer key-value heads than heads, with split keys,
// where a serving framework calls it.
enum class HelperWhen : std::uint8_t { always, dropout, grouped, split, served };

// Launches of helper kernels that an operator has room for.
inline constexpr int max_helper_launches = 7;

// A small kernel before or after the main one. Elements of q are batch * heads * seq_q * head_dim; elements of kv
// are batch * seq_kv * head_dim, times heads + kv_heads in `expanded_bytes`, times kv_heads in `kv_bytes`.
struct HelperKernel {
  std::string name;
  HelperWhen when = HelperWhen::always;
  int count = 1;
  bool combine = false;  // joins split keys: its time is the machine's code.NAME.combine
  Seconds fixed;         // where it does nothing to speak of
  double q_bytes = 0;    // moved for each element of q
  double kv_bytes = 0;
  double expanded_bytes = 0;
  double q_slots = 0;  // issue slots for each element of q
};

// The tile for head dimensions up to a limit, with or without dropout where that matters.
struct AttentionTile {
  std::int64_t head_dim_at_most = 0;
  std::optional<bool> dropout;
  int cta_m = 128;  // queries; backward: queries of an iteration
  int cta_n = 128;  // keys of an iteration; backward: keys of a CTA
  int split_m = 0;  // the tile used when the keys are split, 0 for the same
  int split_n = 0;
};

// How the keys of one query tile may be split over CTAs to fill the chip.
struct SplitRule {
  double slots_per_sm = 0;       // CTAs an SM that the rule reckons with; 0: never splits
  std::int64_t tiles_above = 0;  // key tiles that there must be more of
  int query_rows = 0;            // rows of a query tile as the rule counts them, 0 for cta_m
  bool distinct_only = false;    // skip counts of splits that leave the tiles of a split as they were
};

struct AttentionProgram {
  Family family = Family::cudnn;
  Pass pass = Pass::fwd;
  std::vector<std::string> tensor;  // generations it runs on: "mma", "wgmma", "tcgen05"
  std::string code;                 // counts in the machine file
  bool persistent = false;
  int threads = 128;
  int registers = 255;
  int ctas_per_sm = 1;
  double alone = 1;            // how much faster a CTA runs with the SM to itself than sharing it
  bool longest_first = false;  // causal tiles inside a head
  bool pack_heads = false;     // the query heads of a key-value head share a tile's rows
  bool dropout = true;         // whether the code can draw dropout masks at all
  bool mma_sync = false;       // matrix instructions take operands from registers
  double emulated = 0;         // share of the exponentials computed on the FMA pipes
  double mask_slots = 10;      // issue slots a score of a masked tile
  double asked = 1;            // of the bytes of keys and values what the L2 is asked for, where tiles run in step
  double dropout_asked = 1;    // the same with fused dropout
  double instructions = 7;     // a thread executes for each score
  double dropout_instructions = 11;
  InstructionTally counts;          // those of them by pipe, where they have been counted
  InstructionTally dropout_counts;  // of a fused dropout decision
  InstructionTally mask_counts;     // of reading one from a mask
  std::vector<AttentionTile> tiles;
  SplitRule split;
  std::vector<HelperKernel> helpers;
};

// All programs of a file. Throws InputError.
std::vector<AttentionProgram> load_attention_programs(const std::string& path);
std::vector<AttentionProgram> attention_programs_from_text(std::string text, std::string_view name);

// Those shipped, files in alphabetical order.
std::vector<AttentionProgram> load_attention_programs();

}  // namespace perfmodel
