#include <algorithm>
#include <string>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/gpc_map.hpp"
#include "calibrate/device/probes/l2.hpp"
#include "calibrate/device/probes/l2_walk.cuh"
#include "calibrate/device/probes/timing.cuh"

namespace perfmodel {
namespace {

constexpr std::size_t footprint = std::size_t{8} << 20U;
constexpr std::size_t one_cta = 116 * 1024;  // dynamic shared memory that leaves no room for a second CTA
constexpr int port_threads = 1024;
constexpr int port_turns = 64;  // 8 MiB an SM

__device__ std::uint32_t unread;

// The SMs that are marked read, all at once; `clocks` of each, 0 for the others.
__global__ void __launch_bounds__(port_threads, 1)
    l2_port_read(Walk walk, const unsigned char* marked, unsigned* arrived, long long* clocks) {
  __shared__ CtaSpan span;
  const unsigned sm = sm_index();
  if (threadIdx.x == 0) {
    span.clear();
    meet(arrived, gridDim.x);
  }
  if (sm >= gridDim.x || marked[sm] == 0) return;
  __syncthreads();
  const long long start = clock64();
  const std::uint32_t digest = walk_read(walk, 37 * (32 * sm + threadIdx.x / 32));
  if (digest == 0x9e3779b9U) unread = digest;
  span.add(start, clock64());
  __syncthreads();
  if (threadIdx.x == 0) clocks[sm] = span.clocks();
}

class Ports {
 public:
  explicit Ports(Bench& bench)
      : bench_(bench),
        memory_(footprint),
        marked_(static_cast<std::size_t>(bench.sms())),
        arrived_(1),
        reading_(bench, bench.sms()) {
    fill_random(memory_.data(), footprint, bench.stream().get());
    PERFMODEL_CUDA(cudaFuncSetAttribute(l2_port_read, cudaFuncAttributeMaxDynamicSharedMemorySize, one_cta));
  }

  // Bytes a clock that each of these SMs gets.
  std::vector<double> rates(const std::vector<int>& sms) {
    std::vector<unsigned char> marks(marked_.size(), 0);
    for (const int sm : sms) marks[static_cast<std::size_t>(sm)] = 1;
    PERFMODEL_CUDA(
        cudaMemcpyAsync(marked_.data(), marks.data(), marks.size(), cudaMemcpyHostToDevice, bench_.stream().get()));
    const Walk walk = make_walk(static_cast<char*>(memory_.data()), footprint, 1057, port_turns);
    const std::vector<double> clocks = reading_.medians([&](cudaStream_t stream) {
      read_through(memory_.data(), footprint, stream);
      PERFMODEL_CUDA(cudaMemsetAsync(arrived_.data(), 0, sizeof(unsigned), stream));
      l2_port_read<<<bench_.sms(), port_threads, one_cta, stream>>>(walk, marked_.data(), arrived_.data(),
                                                                    reading_.device());
    });
    return over(double{walk_block} * port_threads / 32 * port_turns, clocks);
  }

 private:
  Bench& bench_;
  DeviceMemory memory_;
  DeviceBuffer<unsigned char> marked_;
  DeviceBuffer<unsigned> arrived_;
  ClockReading reading_;
};

std::vector<int> every(int step, int count) {
  std::vector<int> sms;
  for (int i = 0; i < count; ++i) sms.push_back(i * step);
  return sms;
}

struct Readers {
  std::string name;
  std::vector<int> sms;
};

std::vector<Readers> reader_sets(const std::vector<std::vector<int>>& gpcs, int sms) {
  std::vector<Readers> sets{{"1 SM", {0}}, {"both SMs of a TPC", {0, 1}}};
  // SMs of a TPC have neighbouring indices, the even one first.
  const std::vector<int>& first =
      *std::max_element(gpcs.begin(), gpcs.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::vector<int> even;
  std::copy_if(first.begin(), first.end(), std::back_inserter(even), [](int sm) { return sm % 2 == 0; });
  for (const std::size_t tpcs : {2U, 4U}) {
    if (even.size() < tpcs) continue;
    sets.push_back({std::to_string(tpcs) + " TPCs of a GPC, one SM each",
                    {even.begin(), even.begin() + static_cast<std::ptrdiff_t>(tpcs)}});
  }
  sets.push_back({"a GPC, one SM of a TPC", even});
  sets.push_back({"a GPC of " + std::to_string(first.size()) + " SMs", first});
  std::vector<int> one_a_gpc;
  for (const auto& gpc : gpcs) one_a_gpc.push_back(gpc.front());
  sets.push_back({"one SM of each GPC", one_a_gpc});
  for (const int count : {2, 4, 8, 16, 33}) {
    if (count * 4 <= sms) sets.push_back({std::to_string(count) + " SMs spread", every(sms / count / 2 * 2, count)});
  }
  sets.push_back({"one SM of each TPC", every(2, sms / 2)});
  sets.push_back({"all SMs", every(1, sms)});
  return sets;
}

void report_gpcs(Bench& bench, const std::vector<std::vector<int>>& gpcs) {
  std::string note = "SMs of each:";
  for (const auto& gpc : gpcs) note += " " + std::to_string(gpc.size());
  report_values(bench, {"l2", "GPCs", "count", "", "", note}, {static_cast<double>(gpcs.size())});
}

}  // namespace

void report_l2_ports(Bench& bench) {
  bench.progress("GPCs");
  const std::vector<std::vector<int>> gpcs = gpcs_of(bench);
  report_gpcs(bench, gpcs);
  Ports ports(bench);
  for (const Readers& readers : reader_sets(gpcs, bench.sms())) {
    bench.progress("L2 port: " + readers.name);
    const std::vector<double> rates = ports.rates(readers.sms);
    report_values(bench,
                  {"l2", readers.name, "rate of an SM", "B/clk", readers.sms.size() == 1 ? "l2.port" : "",
                   std::to_string(readers.sms.size()) + " SMs read"},
                  rates);
  }
}

}  // namespace perfmodel
