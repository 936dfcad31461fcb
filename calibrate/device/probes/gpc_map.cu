#include "calibrate/device/probes/cluster_launch.cuh"
#include "calibrate/device/probes/gpc_map.hpp"
#include "calibrate/device/probes/timing.cuh"
#include "calibrate/sm_groups.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t more_than_half = 116 * 1024;  // of an SM's shared memory: one CTA an SM

__global__ void __launch_bounds__(32, 1) cluster_placement(int* sms) {
  if (threadIdx.x == 0) sms[blockIdx.x] = static_cast<int>(sm_index());
}

}  // namespace

std::vector<std::vector<int>> gpcs_of(Bench& bench) {
  std::vector<std::vector<int>> together;
  // Sizes that do not divide each other, so that clusters of one bridge the borders between those of another.
  for (const int cluster : {2, 3, 4, 5, 6, 7, 8, 16}) {
    ClusterShape shape{.ctas = 0, .threads = 32, .cluster = cluster, .shared_bytes = more_than_half};
    shape.ctas = cluster * clusters_at_once(cluster_placement, shape);
    if (shape.ctas == 0) continue;
    DeviceBuffer<int> sms(static_cast<std::size_t>(shape.ctas));
    launch_cluster(cluster_placement, shape, bench.stream().get(), sms.data());
    bench.stream().wait();
    const std::vector<int> placed = sms.download();
    for (auto first = placed.begin(); first != placed.end(); first += cluster)
      together.emplace_back(first, first + cluster);
  }
  return members_of(sm_groups(bench.sms(), together));
}

}  // namespace perfmodel
