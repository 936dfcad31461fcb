#include "workloads/library_menu.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/table.hpp"
#include "tests/input_error.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

const MenuTile* find(const LibraryMenu& menu, int cta_m, int cta_n, int mma_ctas = 1) {
  const auto found = std::ranges::find_if(menu.tiles, [&](const MenuTile& tile) {
    return tile.cta_m == cta_m && tile.cta_n == cta_n && tile.mma_ctas == mma_ctas && tile.seen;
  });
  return found == menu.tiles.end() ? nullptr : &*found;
}

TEST_CASE("Hopper: stages and shared memory of every kernel measured follow from its tile") {
  const LibraryMenu menu = load_library_menu("cublas-hopper");
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/h100-sxm/gemm.csv");
  Diagnostics warnings;
  for (const Operator& op : read_rows(table, warnings)) {
    const auto& gemm = std::get<Gemm>(op.work);
    CAPTURE(gemm.tile->cta_m);
    CAPTURE(gemm.tile->cta_n);
    const MenuTile* tile = find(menu, gemm.tile->cta_m, gemm.tile->cta_n);
    REQUIRE(tile != nullptr);
    CHECK(menu.stages(*tile, gemm.dtype) == gemm.stages);
    CHECK(menu.cta_k(gemm.dtype) == gemm.tile->cta_k);
    CHECK(std::abs(menu.smem(*tile, gemm.dtype).si() - gemm.smem->si()) <= 64.0);
    CHECK(menu.threads == gemm.threads);
    CHECK(menu.registers == gemm.registers);
    CHECK(std::ranges::any_of(menu.clusters, [&](const ClusterShape& shape) { return shape.ctas() == gemm.cluster; }));
  }
}

TEST_CASE("Hopper: no tile has more accumulators than registers hold") {
  const LibraryMenu menu = load_library_menu("cublas-hopper");
  CHECK(menu.tiles.size() > 200);
  for (const MenuTile& tile : menu.tiles) {
    CHECK(tile.cta_m * tile.cta_n <= 40960);
    CHECK(menu.stages(tile, Dtype::bf16) >= 3);
    CHECK(tile.mma_pair_m() == tile.cta_m);
  }
}

// Tile, stages and pairing as public profiles of B200 name them: nvjet_sm100_tst_128x256_64x6_2x1_2cta_v_bz_TNT.
struct Named {
  int cta_m;
  int cta_n;
  int mma_ctas;
  Dtype dtype;
  int cta_k;
  int stages;
};

TEST_CASE("Blackwell: stages of the kernels that public profiles name") {
  const LibraryMenu menu = load_library_menu("cublas-blackwell");
  for (const Named& named : {
           Named{128, 256, 2, Dtype::bf16, 64, 6},   Named{256, 128, 2, Dtype::bf16, 64, 5},
           Named{256, 224, 2, Dtype::bf16, 64, 4},   Named{256, 240, 2, Dtype::bf16, 64, 4},
           Named{192, 288, 2, Dtype::bf16, 64, 5},   Named{176, 128, 2, Dtype::bf16, 64, 8},
           Named{128, 160, 2, Dtype::bf16, 64, 8},   Named{128, 192, 2, Dtype::bf16, 64, 7},
           Named{64, 64, 2, Dtype::bf16, 64, 16},    Named{128, 8, 1, Dtype::bf16, 64, 12},
           Named{128, 24, 1, Dtype::bf16, 64, 11},   Named{192, 8, 1, Dtype::bf16, 64, 8},
           Named{256, 8, 1, Dtype::bf16, 64, 6},     Named{256, 104, 1, Dtype::bf16, 64, 4},
           Named{128, 256, 1, Dtype::bf16, 64, 4},   Named{32, 256, 1, Dtype::bf16, 64, 6},
           Named{24, 64, 1, Dtype::bf16, 64, 16},    Named{128, 16, 2, Dtype::fp8, 128, 12},
           Named{128, 256, 2, Dtype::fp8, 128, 6},   Named{128, 128, 2, Dtype::nvfp4, 256, 7},
           Named{128, 256, 2, Dtype::nvfp4, 256, 5},
       }) {
    CAPTURE(named.cta_m);
    CAPTURE(named.cta_n);
    const MenuTile* tile = find(menu, named.cta_m, named.cta_n, named.mma_ctas);
    REQUIRE(tile != nullptr);
    CHECK(menu.stages(*tile, named.dtype) == named.stages);
    CHECK(menu.cta_k(named.dtype) == named.cta_k);
  }
}

TEST_CASE("a pair's tile is twice a CTA's along the M of the MMA, and each CTA fetches half of the other side") {
  const LibraryMenu menu = load_library_menu("cublas-blackwell");
  const MenuTile& upright = *find(menu, 128, 256, 2);
  CHECK(upright.mma_pair_m() == 256);
  CHECK(upright.mma_pair_n() == 256);
  CHECK(menu.stage_bytes(upright, Dtype::bf16) == Bytes((128 + 128) * 128));
  const MenuTile& swapped = *find(menu, 176, 128, 2);
  CHECK(swapped.mma_pair_m() == 176);
  CHECK(swapped.mma_pair_n() == 256);
  CHECK(menu.stage_bytes(swapped, Dtype::bf16) == Bytes((128 + 88) * 128));
}

TEST_CASE("all shipped menus, by name") {
  const std::vector<LibraryMenu> menus = load_library_menus();
  REQUIRE(menus.size() >= 2);
  for (const LibraryMenu& menu : menus) {
    CHECK(menu.family == Family::cublas);
    CHECK_FALSE(menu.clusters.empty());
  }
}

TEST_CASE("faults of a menu, all in one run") {
  CHECK(test::error_of([] {
          library_menu_from_text(
              "library: cublas\ntensor: wgmma\nthreads: 0\nregisters: 168\nk_bytes: 128\n"
              "stages: {limit: 16, shared_memory: 227 KiB, fixed: 1 KiB, each: 24 B}\naccumulators: 1024\n"
              "tiles: [{across: 64, along: {from: 8, to: 16, step: 8}, seen: [64x8, 64x24, 64]}]\n"
              "clusters: [2x1]\nmulti_wave_clusters: [1x1]\ncounter_reset_above: 2\n"
              "split_k: {tiles_at_most: 50, k_bytes_at_least: 4 KiB, slices: 18}\n",
              "menu.yaml");
        }) ==
        "menu.yaml:3:10: error: 'threads': expected an integer from 1 to 65536, not '0'\n"
        "  threads: 0\n"
        "           ^\n"
        "menu.yaml:5:10: error: 'k_bytes': unit missing after '128', write it in B\n"
        "  k_bytes: 128\n"
        "           ^\n"
        "menu.yaml:8:70: error: 'seen': 64x24 is none of the tiles across 64\n"
        "  ...: 8, to: 16, step: 8}, seen: [64x8, 64x24, 64]}]\n"
        "                                         ^\n"
        "menu.yaml:8:77: error: 'seen': expected two sizes as in 128x256, not '64'\n"
        "  ...: 16, step: 8}, seen: [64x8, 64x24, 64]}]\n"
        "                                         ^\n"
        "menu.yaml:12:10: error: missing key 'slices_at_most' in 'split_k'\n"
        "  split_k: {tiles_at_most: 50, k_bytes_at_least: 4 KiB, slices: 18}\n"
        "           ^\n"
        "menu.yaml:12:55: error: unknown key 'slices' in 'split_k'\n"
        "  split_k: {tiles_at_most: 50, k_bytes_at_least: 4 KiB, slices: 18}\n"
        "                                                        ^\n"
        "note: known keys: tiles_at_most, k_bytes_at_least, slices_at_most\n");
}

}  // namespace
}  // namespace perfmodel
