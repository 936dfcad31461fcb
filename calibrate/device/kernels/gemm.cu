#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "calibrate/device/kernels/gemm.hpp"
#include "calibrate/device/kernels/gemm_kernel.cuh"
#include "calibrate/device/kernels/operand_data.hpp"
#include "calibrate/device/kernels/reference.hpp"
#include "calibrate/device/probes/cluster_launch.cuh"
#include "calibrate/device/probes/tensor_map.hpp"

namespace perfmodel {
namespace {

using Kernel = void (*)(const gemm::Maps, const gemm::Arguments);

constexpr int most_tile_rows = 128;
constexpr std::int64_t mask_words_checked = 1 << 18U;

template <GemmType type, int cta_m, int cta_n>
Kernel tile_kernel(int rounds) {
  if (rounds == 0) return gemm::hopper_gemm<type, cta_m, cta_n, 0>;
  if constexpr (cta_m == most_tile_rows && cta_n % 128 == 0) {
    switch (rounds) {
      case 3: return gemm::hopper_gemm<type, cta_m, cta_n, 3>;
      case 5: return gemm::hopper_gemm<type, cta_m, cta_n, 5>;
      case 7: return gemm::hopper_gemm<type, cta_m, cta_n, 7>;
      case 10: return gemm::hopper_gemm<type, cta_m, cta_n, 10>;
      default: break;
    }
  }
  return nullptr;
}

template <GemmType type>
Kernel type_kernel(const HopperGemm& gemm, int rounds) {
  const bool tall = gemm.cta_m == most_tile_rows;
  if (!tall && gemm.cta_m != wgmma::rows) return nullptr;
  switch (gemm.cta_n) {
    case 128: return tall ? tile_kernel<type, 128, 128>(rounds) : tile_kernel<type, 64, 128>(rounds);
    case 192: return tall ? tile_kernel<type, 128, 192>(rounds) : nullptr;
    case 256: return tall ? tile_kernel<type, 128, 256>(rounds) : tile_kernel<type, 64, 256>(rounds);
    default: return nullptr;
  }
}

int element_bytes(const HopperGemm& gemm) { return gemm.type == GemmType::bf16 ? 2 : 1; }
int stage_depth(GemmType type) { return static_cast<int>(wgmma::row_bytes) / (type == GemmType::bf16 ? 2 : 1); }

int shared_bytes(const HopperGemm& gemm) {
  const int stage = (gemm.cta_m + gemm.cta_n) * static_cast<int>(wgmma::row_bytes);
  return gemm.stages * stage + static_cast<int>(gemm::barrier_bytes + wgmma::period_bytes);
}

int threads_of(const HopperGemm& gemm) {
  const bool wide = gemm.cta_n > 128;
  const int others = wide && gemm.rng_warps == 0 ? 4 : 1 + gemm.rng_warps;
  return gemm::warp_threads * (gemm.cta_m / wgmma::rows * 4 + others);
}

std::string text(const HopperGemm& gemm) {
  std::string name = "GEMM of " + std::to_string(gemm.cta_m) + " x " + std::to_string(gemm.cta_n) + " x " +
                     std::to_string(gemm.cta_k) + " tiles, " + std::to_string(gemm.stages) + " stages";
  if (gemm.cluster != 1) name += ", clusters of " + std::to_string(gemm.cluster);
  if (gemm.rng_warps > 0) {
    name += ", " + std::to_string(gemm.rng_warps) + " RNG warps, " + std::to_string(gemm.mask.rounds) + " rounds, " +
            std::to_string(gemm.mask.bits) + " bits";
  }
  return name;
}

bool compiled_mask(const HopperGemm& gemm) {
  if (gemm.rng_warps == 0) return true;
  const int most = gemm.cta_n > 128 ? gemm::most_rng_warps - 1 : gemm::most_rng_warps;
  return gemm.rng_warps > 0 && gemm.rng_warps <= most && gemm.mask.bits == gemm::mask_bits && gemm.mask.rounds > 0 &&
         gemm.mask.elements % 32 == 0;
}

Kernel kernel_of(const HopperGemm& gemm) {
  const int rounds = gemm.rng_warps > 0 ? gemm.mask.rounds : 0;
  const Kernel kernel = gemm.type == GemmType::bf16 ? type_kernel<GemmType::bf16>(gemm, rounds)
                                                    : type_kernel<GemmType::fp8>(gemm, rounds);
  const bool known = kernel != nullptr && gemm.cta_k == stage_depth(gemm.type) && compiled_mask(gemm) &&
                     gemm.stages >= 2 && gemm.stages <= gemm::most_stages && gemm.cluster >= 1 && gemm.cluster <= 2;
  if (!known) throw DeviceError(text(gemm) + ": not compiled in; see compiled_gemms()");
  return kernel;
}

void check_sizes(const HopperGemm& gemm) {
  constexpr std::int64_t most = 1 << 30U;
  for (const std::int64_t size : {gemm.m, gemm.n, gemm.k}) {
    if (size <= 0 || size > most) throw DeviceError(text(gemm) + ": sizes go from 1 to 2^30");
  }
  if (gemm.n % 8 != 0 || gemm.k * element_bytes(gemm) % 16 != 0) {
    throw DeviceError(text(gemm) +
                      ": the copy engine takes rows of whole 16 bytes; give n in steps of 8 and k in steps "
                      "of 8 (bf16) or 16 (fp8)");
  }
}

// The copy engine need not know what the bytes are.
CUtensorMap map_of(const DeviceMemory& operand, const HopperGemm& gemm, std::int64_t rows, int box_rows) {
  TensorBox box;
  box.data = operand.data();
  box.columns = static_cast<std::uint64_t>(gemm.k * element_bytes(gemm) / 2);
  box.rows = static_cast<std::uint64_t>(rows);
  box.box_columns = gemm::stage_columns;
  box.box_rows = static_cast<std::uint32_t>(box_rows);
  box.swizzled = true;
  return tensor_map(box);
}

template <class T>
T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

DeviceMemory operand(const HopperGemm& gemm, std::int64_t rows, std::uint64_t seed) {
  const auto elements = static_cast<std::size_t>(rows * gemm.k);
  DeviceMemory memory(elements * static_cast<std::size_t>(element_bytes(gemm)));
  fill_operand(memory.data(), {.elements = elements, .type = gemm.type, .seed = seed}, nullptr);
  return memory;
}

int ctas_per_sm(const HopperGemm& gemm, Kernel kernel) {
  int ctas = 0;
  PERFMODEL_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&ctas, kernel, threads_of(gemm),
                                                               static_cast<std::size_t>(shared_bytes(gemm))));
  if (ctas == 0) throw DeviceError(text(gemm) + ": does not fit on an SM; take fewer stages");
  return ctas;
}

ClusterShape shape_of(const HopperGemm& gemm, int ctas) {
  return {.ctas = ctas,
          .threads = threads_of(gemm),
          .cluster = gemm.cluster,
          .shared_bytes = static_cast<std::size_t>(shared_bytes(gemm))};
}

// Persistent CTAs: all that the card holds at once, at most one a tile.
int grid_of(const HopperGemm& gemm, Kernel kernel, std::int64_t units) {
  std::int64_t clusters = gemm.ctas / gemm.cluster;
  if (clusters == 0 && gemm.cluster == 1) {
    int device = 0, sms = 0;
    PERFMODEL_CUDA(cudaGetDevice(&device));
    PERFMODEL_CUDA(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device));
    clusters = std::int64_t{sms} * ctas_per_sm(gemm, kernel);
  } else if (clusters == 0) {
    clusters = clusters_at_once(kernel, shape_of(gemm, gemm.cluster));
    if (clusters == 0) throw DeviceError(text(gemm) + ": the card holds no such cluster; take fewer stages");
  }
  return static_cast<int>(std::min(clusters, units)) * gemm.cluster;
}

gemm::Arguments arguments_of(const HopperGemm& gemm) {
  gemm::Arguments arguments;
  arguments.m = static_cast<int>(gemm.m);
  arguments.n = static_cast<int>(gemm.n);
  arguments.k_blocks = static_cast<int>(ceil_div(gemm.k, std::int64_t{gemm.cta_k}));
  arguments.stages = gemm.stages;
  arguments.cluster = gemm.cluster;
  arguments.row_units = static_cast<int>(ceil_div(gemm.m, std::int64_t{gemm.cta_m} * gemm.cluster));
  arguments.column_tiles = static_cast<int>(ceil_div(gemm.n, std::int64_t{gemm.cta_n}));
  if (gemm.rng_warps > 0) {
    arguments.words = static_cast<std::uint64_t>(gemm.mask.elements / 32);
    arguments.seed = gemm.mask.seed;
    arguments.threshold = mask_threshold(gemm.mask);
    arguments.rng_warps = gemm.rng_warps;
  }
  return arguments;
}

struct Tile {
  int m, n;
  std::vector<int> stages;
};

void add_tile(std::vector<HopperGemm>& gemms, const Tile& tile, GemmType type) {
  for (const int stages : tile.stages) {
    HopperGemm gemm;
    gemm.type = type;
    gemm.cta_m = tile.m;
    gemm.cta_n = tile.n;
    gemm.cta_k = stage_depth(type);
    gemm.stages = stages;
    gemms.push_back(gemm);
  }
}

void check_mask(const HopperGemm& gemm, const std::vector<std::uint32_t>& words) {
  const auto count = static_cast<std::int64_t>(words.size());
  const std::int64_t step = std::max<std::int64_t>(1, count / mask_words_checked) | 1;  // odd: every lane has its turn
  for (std::int64_t i = 0; i < count; i += step) {
    if (words[static_cast<std::size_t>(i)] != reference_mask_word(gemm.mask, static_cast<std::uint64_t>(i))) {
      throw DeviceError(text(gemm) + ": word " + std::to_string(i) + " of the mask is wrong");
    }
  }
}

}  // namespace

std::vector<HopperGemm> compiled_gemms() {
  std::vector<HopperGemm> gemms;
  for (const GemmType type : {GemmType::bf16, GemmType::fp8}) {
    for (const Tile& tile : {Tile{128, 256, {3, 4}}, Tile{128, 192, {4, 5}}, Tile{128, 128, {3, 4, 6}},
                             Tile{64, 256, {4}}, Tile{64, 128, {4, 6}}}) {
      add_tile(gemms, tile, type);
    }
  }
  for (const GemmType type : {GemmType::bf16, GemmType::fp8}) {
    for (const Tile& tile : {Tile{128, 128, {4}}, Tile{128, 256, {4}}}) {
      for (const int rng_warps : {1, 2, 4}) {
        for (const int rounds : {3, 5, 7, 10}) {
          if (tile.n > 128 && rng_warps >= gemm::most_rng_warps) continue;
          add_tile(gemms, tile, type);
          gemms.back().rng_warps = rng_warps;
          gemms.back().mask.rounds = rounds;
        }
      }
    }
  }
  return gemms;
}

HopperGemmJob::HopperGemmJob(const HopperGemm& gemm) : gemm_(gemm) {
  const Kernel kernel = kernel_of(gemm);
  check_sizes(gemm);
  PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes(gemm)));
  a_ = operand(gemm, gemm.m, 21);
  b_ = operand(gemm, gemm.n, 22);
  c_ = DeviceMemory(static_cast<std::size_t>(gemm.m * gemm.n) * sizeof(std::uint16_t));
  if (gemm.rng_warps > 0) mask_ = DeviceBuffer<std::uint32_t>(static_cast<std::size_t>(gemm.mask.elements / 32));
  const gemm::Maps maps{map_of(a_, gemm, gemm.m, gemm.cta_m), map_of(b_, gemm, gemm.n, gemm.cta_n / gemm.cluster)};
  maps_.resize(sizeof(maps));
  std::memcpy(maps_.data(), &maps, sizeof(maps));
  PERFMODEL_CUDA(cudaDeviceSynchronize());
}

Launch HopperGemmJob::launch() const {
  const Kernel kernel = kernel_of(gemm_);
  gemm::Arguments arguments = arguments_of(gemm_);
  arguments.c = static_cast<__nv_bfloat16*>(c_.data());
  arguments.mask = mask_.data();
  gemm::Maps maps;
  std::memcpy(&maps, maps_.data(), sizeof(maps));
  const std::int64_t units = std::int64_t{arguments.row_units} * arguments.column_tiles;
  const ClusterShape shape = shape_of(gemm_, grid_of(gemm_, kernel, units));
  return [=](cudaStream_t stream) {
    if (shape.cluster > 1) {
      launch_cluster(kernel, shape, stream, maps, arguments);
    } else {
      kernel<<<static_cast<unsigned>(shape.ctas), static_cast<unsigned>(shape.threads), shape.shared_bytes, stream>>>(
          maps, arguments);
    }
    PERFMODEL_CUDA(cudaGetLastError());
  };
}

KernelResources HopperGemmJob::resources() const {
  const Kernel kernel = kernel_of(gemm_);
  cudaFuncAttributes attributes{};
  PERFMODEL_CUDA(cudaFuncGetAttributes(&attributes, kernel));
  KernelResources resources;
  resources.threads = threads_of(gemm_);
  resources.registers = attributes.numRegs;
  resources.static_smem = Bytes(static_cast<double>(attributes.sharedSizeBytes));
  resources.dynamic_smem = Bytes(static_cast<double>(shared_bytes(gemm_)));
  resources.ctas_per_sm = ctas_per_sm(gemm_, kernel);
  return resources;
}

double HopperGemmJob::check(const Stream& stream) {
  PERFMODEL_CUDA(cudaMemsetAsync(c_.data(), 0xff, c_.bytes(), stream.get()));
  if (mask_.size() > 0) {
    PERFMODEL_CUDA(cudaMemsetAsync(mask_.data(), 0, mask_.size() * sizeof(std::uint32_t), stream.get()));
  }
  launch()(stream.get());
  stream.wait();
  if (mask_.size() > 0) check_mask(gemm_, mask_.download());
  return gemm_error(
      {.a = a_.data(), .b = b_.data(), .c = c_.data(), .m = gemm_.m, .n = gemm_.n, .k = gemm_.k, .type = gemm_.type});
}

}  // namespace perfmodel
