// The GEMM kernels a library has, as data (workloads/libraries/*.yaml): tiles, stages, clusters. Which of them a
// problem gets is for the model to say.
//
// Sizes called cta_* are those of one CTA's output. Where a pair of CTAs shares an MMA, the pair's own tile is
// mma_pair_*, twice as large along the side that takes the M of the MMA.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/units.hpp"
#include "workloads/instruction_tally.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

struct MenuTile {
  int cta_m = 0;
  int cta_n = 0;
  int mma_ctas = 1;              // CTAs that share an MMA: 1 or 2
  bool mma_rows_along_m = true;  // the MMA's M runs along m, else along n (operands swapped)
  bool seen = false;             // in measurements or profiles, not extrapolated by rule

  // The side that takes the M of the MMA, and the other.
  [[nodiscard]] int across() const { return mma_rows_along_m ? cta_m : cta_n; }
  [[nodiscard]] int along() const { return mma_rows_along_m ? cta_n : cta_m; }
  // The output tile of the CTAs that share an MMA; that of the CTA for one alone.
  [[nodiscard]] int mma_pair_m() const { return mma_rows_along_m ? cta_m * mma_ctas : cta_m; }
  [[nodiscard]] int mma_pair_n() const { return mma_rows_along_m ? cta_n : cta_n * mma_ctas; }

  bool operator==(const MenuTile&) const = default;
};

struct ClusterShape {
  int m = 1;  // CTAs along m
  int n = 1;

  [[nodiscard]] int ctas() const { return m * n; }
  bool operator==(const ClusterShape&) const = default;
};

// When the library cuts k: few tiles and a long k.
struct SplitKRule {
  int tiles_at_most = 0;
  Bytes k_bytes_at_least;
  int slices_at_most = 1;
};

struct LibraryMenu {
  std::string name;  // "cublas-hopper", the file's
  Family family = Family::cublas;
  std::string tensor;  // tensor instructions it is made of: "wgmma", "tcgen05"
  std::string description;
  int threads = 0;    // of a CTA
  int registers = 0;  // of a thread
  Bytes k_bytes;      // of a row of an operand, an iteration
  int stage_limit = 0;
  Bytes shared_memory;      // a CTA may have
  Bytes fixed_memory;       // epilogue buffer and barriers
  Bytes memory_each_stage;  // barriers
  int accumulators = 0;     // fp32, a CTA may have
  std::vector<MenuTile> tiles;
  std::vector<ClusterShape> clusters;
  std::vector<ClusterShape> multi_wave_clusters;  // with more tiles than a wave holds
  double counter_reset_above = 0.0;               // tiles an SM above which a memset goes first
  SplitKRule split_k;
  InstructionTally iteration;  // that the warps of a CTA execute in an iteration of the main loop
  InstructionTally element;    // that a thread executes for an output element
  InstructionTally scaled;     // the same where the output is scaled, as from 8-bit operands
  InstructionTally promoted;   // that a thread executes to add up an accumulator in FP32
  double waiting = 0;          // that waiting warps execute in a clock, all of an SM
  int ping_pong = 0;           // accumulators of a thread, up to which two warpgroups each take a tile in turn
  int promotion = 0;           // k after which fp8 accumulators are added up in FP32; 0: never

  // Elements of k an iteration: 64 of 16 bits, 128 of fp8, 256 of nvfp4.
  [[nodiscard]] int cta_k(Dtype dtype) const;
  // What one CTA fetches an iteration, scale factors included.
  [[nodiscard]] Bytes stage_bytes(const MenuTile& tile, Dtype dtype) const;
  // Stages that fill shared memory; 0 if not one fits.
  [[nodiscard]] int stages(const MenuTile& tile, Dtype dtype) const;
  [[nodiscard]] Bytes smem(const MenuTile& tile, Dtype dtype) const;
};

// From a file, a bare name being one of the shipped. Throws InputError.
LibraryMenu load_library_menu(const std::string& name);
LibraryMenu library_menu_from_text(std::string text, std::string_view name);

// All menus shipped, by name.
std::vector<LibraryMenu> load_library_menus();

}  // namespace perfmodel
