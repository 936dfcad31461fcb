#include "calibrate/device/probes/chain_bench.hpp"

#include <algorithm>
#include <array>
#include <random>

namespace perfmodel {
namespace {

constexpr int operand_threads = 1024;
constexpr int repetitions = 5;
constexpr double measured_clocks = 60'000;  // 30 us: the clocks' own cost and uneven starts stay below 0.2 %
constexpr int whole_sm = 120 * 1024;        // bytes of shared memory: no second CTA fits

// Floats in [1, 2), four a thread.
std::vector<std::uint32_t> random_floats() {
  std::mt19937 generator(20240607);
  std::vector<std::uint32_t> bits(4 * operand_threads);
  for (std::uint32_t& word : bits) word = 0x3f800000U | (static_cast<std::uint32_t>(generator()) >> 9U);
  return bits;
}

}  // namespace

ChainBench::ChainBench(Bench& bench)
    : bench_(bench), data_(random_floats()), sink_(operand_threads), clocks_(static_cast<std::size_t>(bench.sms())) {}

std::vector<double> ChainBench::run(const void* kernel, int threads, std::span<void*> arguments) {
  clocks_.fill(0);
  PERFMODEL_CUDA(cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(bench_.sms())),
                                  dim3(static_cast<unsigned>(threads)), arguments.data(), whole_sm,
                                  bench_.stream().get()));
  bench_.stream().wait();
  std::vector<double> clocks;
  for (const long long value : clocks_.download()) {
    if (value <= 0) throw DeviceError("cudaLaunchKernel: a CTA of an instruction probe left no time; run it again");
    clocks.push_back(static_cast<double>(value));
  }
  return clocks;
}

std::vector<double> ChainBench::turn_clocks(MixKernel kernel, int threads) {
  const auto* function = reinterpret_cast<const void*>(kernel);
  PERFMODEL_CUDA(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, whole_sm));
  int turns = 2;
  const std::uint32_t* data = data_.data();
  long long* clocks = clocks_.data();
  std::uint32_t* sink = sink_.data();
  std::array<void*, 4> arguments{&data, &turns, &clocks, &sink};
  const double first = run(function, threads, arguments).front() / turns;
  turns = static_cast<int>(std::clamp(measured_clocks / first, 4.0, 1000.0));
  std::vector<double> samples;
  for (int i = 0; i < repetitions; ++i) {
    for (const double value : run(function, threads, arguments)) samples.push_back(value / turns);
  }
  return samples;
}

std::vector<double> ChainBench::chain_clocks(LatencyKernel kernel) {
  const auto* function = reinterpret_cast<const void*>(kernel);
  PERFMODEL_CUDA(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, whole_sm));
  const std::uint32_t* data = data_.data();
  long long* clocks = clocks_.data();
  std::uint32_t* sink = sink_.data();
  std::array<void*, 3> arguments{&data, &clocks, &sink};
  std::vector<double> samples;
  for (int i = 0; i < repetitions; ++i) {
    for (const double value : run(function, 32, arguments)) samples.push_back(value);
  }
  return samples;
}

}  // namespace perfmodel
