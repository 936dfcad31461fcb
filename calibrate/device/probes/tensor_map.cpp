#include "calibrate/device/probes/tensor_map.hpp"

#include <cudaTypedefs.h>
#include <cuda_runtime.h>
#include <fmt/format.h>

#include <array>

#include "calibrate/device/cuda.hpp"

namespace perfmodel {
namespace {

PFN_cuTensorMapEncodeTiled_v12000 encoder() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  PERFMODEL_CUDA(
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess || function == nullptr) {
    throw DeviceError("cuTensorMapEncodeTiled: not in this driver; install 580 or later");
  }
  return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
}

}  // namespace

CUtensorMap tensor_map(const TensorBox& box) {
  static const PFN_cuTensorMapEncodeTiled_v12000 encode = encoder();
  const std::array<cuuint64_t, 2> sizes = {box.columns, box.rows};
  const std::array<cuuint64_t, 1> pitch = {2 * box.columns};
  const std::array<cuuint32_t, 2> box_sizes = {box.box_columns, box.box_rows};
  const std::array<cuuint32_t, 2> steps = {1, 1};
  const CUtensorMapSwizzle swizzle = box.swizzled ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE;
  CUtensorMap map{};
  const CUresult status = encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, box.data, sizes.data(), pitch.data(),
                                 box_sizes.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
                                 CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    throw DeviceError(fmt::format("cuTensorMapEncodeTiled: error {} for {} x {} elements in boxes of {} x {}",
                                  static_cast<int>(status), box.rows, box.columns, box.box_rows, box.box_columns));
  }
  return map;
}

}  // namespace perfmodel
