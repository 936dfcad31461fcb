// Launches with clusters and all the shared memory that they ask for.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "calibrate/device/cuda.hpp"

namespace perfmodel {

struct ClusterShape {
  int ctas = 1;
  int threads = 32;
  int cluster = 1;               // CTAs of a cluster; more than 8 are not portable
  std::size_t shared_bytes = 0;  // dynamic, of a CTA
};

template <class... Parameters>
void prepare_cluster(void (*kernel)(Parameters...), const ClusterShape& shape) {
  PERFMODEL_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.shared_bytes)));
  if (shape.cluster > 8)
    PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1));
}

inline cudaLaunchConfig_t cluster_configuration(const ClusterShape& shape, cudaLaunchAttribute& attribute) {
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {static_cast<unsigned>(shape.cluster), 1, 1};
  cudaLaunchConfig_t configuration{};
  configuration.gridDim = dim3(static_cast<unsigned>(shape.ctas));
  configuration.blockDim = dim3(static_cast<unsigned>(shape.threads));
  configuration.dynamicSmemBytes = shape.shared_bytes;
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  return configuration;
}

// Throws DeviceError.
template <class... Parameters, class... Arguments>
void launch_cluster(void (*kernel)(Parameters...), const ClusterShape& shape, cudaStream_t stream,
                    Arguments&&... arguments) {
  prepare_cluster(kernel, shape);
  cudaLaunchAttribute attribute{};
  cudaLaunchConfig_t configuration = cluster_configuration(shape, attribute);
  configuration.stream = stream;
  PERFMODEL_CUDA(cudaLaunchKernelEx(&configuration, kernel, std::forward<Arguments>(arguments)...));
}

// Clusters of this shape that the card holds at once; 0 if it holds none. shape.ctas does not matter.
template <class... Parameters>
int clusters_at_once(void (*kernel)(Parameters...), ClusterShape shape) {
  shape.ctas = shape.cluster;
  prepare_cluster(kernel, shape);
  cudaLaunchAttribute attribute{};
  const cudaLaunchConfig_t configuration = cluster_configuration(shape, attribute);
  int clusters = 0;
  if (cudaOccupancyMaxActiveClusters(&clusters, kernel, &configuration) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());  // a size that this card does not have is no failure
    return 0;
  }
  return clusters;
}

}  // namespace perfmodel
