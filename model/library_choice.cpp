#include "model/library_choice.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/chip.hpp"
#include "model/residency.hpp"

namespace perfmodel {

const LibraryMenu& menu_of(const Machine& machine, const Library& library) {
  switch (machine.tensor.generation) {
    case TensorGeneration::mma: return library.cublas_ampere;
    case TensorGeneration::wgmma: return library.cublas_hopper;
    case TensorGeneration::tcgen05: return library.cublas_blackwell;
  }
  return library.cublas_hopper;
}

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

// CTAs of whole clusters that run at once. Larger clusters than a TPC stay inside a GPC, and one GPC of those seen
// holds a cluster less than its like.
std::int64_t cluster_capacity(const Machine& machine, int cluster) {
  const std::int64_t sms = machine.sms.value;
  if (cluster <= machine.sms_per_tpc.value) {
    return sms / cluster * cluster;
  }
  const std::int64_t gpcs = machine.gpcs.value;
  return std::max<std::int64_t>(1, sms / gpcs / cluster * gpcs - 1) * cluster;
}

struct Grid {
  ClusterShape cluster;
  std::int64_t ctas = 0;
};

// The largest cluster whose rounded grid fits one wave without doubling a side; persistent CTAs otherwise.
Grid grid_of(const Machine& machine, const LibraryMenu& menu, std::int64_t tiles_m, std::int64_t tiles_n) {
  std::optional<Grid> best;
  for (const ClusterShape& shape : menu.clusters) {
    const std::int64_t ctas = round_up(tiles_m, shape.m) * round_up(tiles_n, shape.n);
    const bool doubled = shape.m > 2 * tiles_m || shape.n > 2 * tiles_n || ctas > tiles_m * tiles_n * 5 / 4 + 1;
    if (ctas <= cluster_capacity(machine, shape.ctas()) && !doubled &&
        (!best || shape.ctas() > best->cluster.ctas() || (shape.ctas() == best->cluster.ctas() && ctas < best->ctas))) {
      best = Grid{shape, ctas};
    }
  }
  if (best) {
    return *best;
  }
  ClusterShape shape;
  for (const ClusterShape& candidate : menu.multi_wave_clusters) {
    if (candidate.ctas() > shape.ctas()) {
      shape = candidate;
    }
  }
  return {shape, cluster_capacity(machine, shape.ctas())};
}

// Few tiles and a long k: slices that fill the chip.
int split_of(const Machine& machine, const LibraryMenu& menu, const Gemm& gemm, std::int64_t tiles) {
  const Bytes k_bytes = bytes_of(gemm.dtype, static_cast<double>(gemm.k));
  if (tiles > menu.split_k.tiles_at_most || k_bytes < menu.split_k.k_bytes_at_least) {
    return 1;
  }
  const std::int64_t slices = machine.sms.value * 3 / 4 / tiles;
  return static_cast<int>(std::clamp<std::int64_t>(slices, 1, menu.split_k.slices_at_most));
}

GemmConfig config_of(const Machine& machine, const LibraryMenu& menu, const Gemm& gemm, const MenuTile& tile,
                     int split_k) {
  GemmConfig config;
  config.cta_m = tile.cta_m;
  config.cta_n = tile.cta_n;
  config.cta_k = menu.cta_k(gemm.dtype);
  config.stages = gemm.stages.value_or(menu.stages(tile, gemm.dtype));
  config.mma_pair = tile.mma_ctas;
  config.warps = menu.threads / 32;
  config.registers = menu.registers;
  config.smem = menu.smem(tile, gemm.dtype);
  const std::int64_t tiles_m = ceil_div(gemm.m, tile.cta_m);
  const std::int64_t tiles_n = ceil_div(gemm.n, tile.cta_n);
  const Grid grid = grid_of(machine, menu, tiles_m, tiles_n);
  config.cluster = gemm.cluster.value_or(std::max(grid.cluster.ctas(), tile.mma_ctas));
  config.split_k = split_k;
  config.ctas =
      config.split_k > 1 ? std::min(tiles_m * tiles_n * config.split_k, cluster_capacity(machine, 8)) : grid.ctas;
  return config;
}

// All kernels of the plan at one clock, the L2 as after a repetition.
Seconds plan_time(const Machine& machine, const Plan& plan) {
  Bytes footprint;
  for (const Kernel& kernel : plan.kernels) {
    footprint += kernel.input + kernel.output;
  }
  const L2State state = repeated(machine, footprint);
  Seconds time;
  for (const Kernel& kernel : plan.kernels) {
    time += duration(machine, kernel_work(machine, kernel, /*residency=*/1, state, Fidelity::bound),
                     machine.clock.datasheet.value);
  }
  return time;
}

}  // namespace

GemmConfig chosen_config(const Machine& machine, const Library& library, const Gemm& gemm) {
  const LibraryMenu& menu = menu_of(machine, library);
  std::optional<GemmConfig> best;
  Seconds best_time;
  for (const MenuTile& tile : menu.tiles) {
    if (menu.stages(tile, gemm.dtype) < 2) {
      continue;
    }
    // A tile twice as large as the problem only pads it.
    if ((tile.cta_m >= 2 * gemm.m && tile.cta_m > 64) || (tile.cta_n >= 2 * gemm.n && tile.cta_n > 64)) {
      continue;
    }
    const std::int64_t tiles = ceil_div(gemm.m, tile.cta_m) * ceil_div(gemm.n, tile.cta_n);
    const int most = gemm.split_k.value_or(split_of(machine, menu, gemm, tiles));
    const int least = gemm.split_k.value_or(1);
    for (const int split_k : {least, most}) {
      const GemmConfig config = config_of(machine, menu, gemm, tile, split_k);
      const Seconds time = plan_time(machine, gemm_plan(machine, library, gemm, config, Regime::warm));
      if (!best || time < best_time) {
        best = config;
        best_time = time;
      }
      if (most == least) {
        break;
      }
    }
  }
  return best.value_or(GemmConfig{});
}

}  // namespace perfmodel
