// Joules by the difference of two steady powers: a loop of one kind of work against SMs that are merely awake, over the
// rate of the work.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "calibrate/device/kernels/library.hpp"
#include "calibrate/device/probes/chain.cuh"
#include "calibrate/device/probes/chain_symbols.cuh"
#include "calibrate/device/probes/dram_stream.cuh"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/global_buffer.hpp"
#include "calibrate/device/probes/l2_walk.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/timing.cuh"

namespace perfmodel {

// Chains whose values neither settle nor vanish: the energy of an instruction depends on the bits that change.
namespace instruction {

PERFMODEL_INSTRUCTION(LiveImad, "imad", "IMAD", std::uint32_t,
                      asm volatile("mad.lo.u32 %0, %0, %1, %2;"
                                   : "+r"(x)
                                   : "r"(o.a | 1U), "r"(o.b)););
// As Philox has them: both halves of the product are in use.
PERFMODEL_STEP(WidePair, "imad_wide, lop3 in turn", "IMAD.WIDE", std::uint32_t, 2, 2,
               asm volatile("{.reg .b32 l, h; .reg .b64 p; mul.wide.u32 p, %0, %1; mov.b64 {l, h}, p;"
                            " lop3.b32 %0, l, h, %2, 0x96;}"
                            : "+r"(x)
                            : "r"(o.a | 1U), "r"(o.b)););
PERFMODEL_INSTRUCTION(LiveLg2, "lg2", "MUFU.LG2", std::uint32_t,
                      asm volatile("{.reg .f32 t; abs.f32 t, %0; lg2.approx.ftz.f32 %0, t;}"
                                   : "+r"(x)););

}  // namespace instruction

namespace {

using namespace instruction;

constexpr const char* theme = "energy";
constexpr Seconds steady_time(1.2);
constexpr long long awake_nanoseconds = 1'000'000;
constexpr long long wait_limit = 10'000'000;   // clocks, about 5 ms
constexpr double multiply_clock_flops = 4096;  // bf16, of an SM's tensor cores; twice as many in fp8
constexpr std::int64_t gemm_size = 4096;
constexpr double gemm_rest = 3;  // time awake for each time of the GEMM: the mean stays below the cap
constexpr std::size_t l2_footprint = std::size_t{16} << 20U;
constexpr std::size_t dram_bytes = std::size_t{2} << 30U;
constexpr int walk_threads = 512, walk_ctas = 2;
constexpr int shared_threads = 1024;
constexpr int shared_vectors = 2048;  // 32 KiB
constexpr int shared_unroll = 16;

__device__ std::uint32_t unread;

// One warp of every SM that waits.
__global__ void energy_awake(long long nanoseconds) {
  const unsigned long long end = global_nanoseconds() + static_cast<unsigned long long>(nanoseconds);
  const long long start = clock64();
  while (global_nanoseconds() < end && clock64() - start < wait_limit) {
  }
}

// Volatile loads need no reader that would take energy of its own.
__global__ void __launch_bounds__(shared_threads, 1) energy_shared(int turns) {
  __shared__ uint4 words[shared_vectors];
  for (std::uint32_t i = threadIdx.x; i < shared_vectors; i += shared_threads) {
    const std::uint32_t bits = (i + 1) * 2654435761U;
    words[i] = {bits, bits * 2246822519U, ~bits * 3266489917U, bits ^ bits << 13U ^ bits >> 7U};
  }
  __syncthreads();
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(words + threadIdx.x));
#pragma unroll 1
  for (int turn = 0; turn < turns; ++turn) {
#pragma unroll
    for (int i = 0; i < shared_unroll; ++i) {
      asm volatile("{.reg .b32 a, b, c, d; ld.volatile.shared.v4.u32 {a, b, c, d}, [%0];}" ::"r"(
          address + i % 2 * shared_threads * 16));
    }
  }
}

__global__ void __launch_bounds__(walk_threads, walk_ctas) energy_l2_read(Walk walk) {
  const std::uint32_t digest = walk_read(walk, (blockIdx.x * blockDim.x + threadIdx.x) / 32);
  if (digest == 0x9e3779b9U) unread = digest;
}

template <int reads, int writes>
__global__ void __launch_bounds__(dram_threads, dram_ctas)
    energy_dram(const uint4* source, uint4* destination, std::size_t vectors) {
  const std::uint32_t digest = dram_stream<reads, writes>(source, destination, 0, vectors);
  if (digest == 0x9e3779b9U) unread = digest;
}

std::string text(const char* format, double first, double second = 0) {
  char line[160];
  std::snprintf(line, sizeof(line), format, first, second);
  return line;
}

// What one launch does, for the rate.
struct Work {
  double amount = 0;
  const char* unit = "";  // "instructions of a thread", "bytes", "FLOP"
};

class EnergyProbe {
 public:
  explicit EnergyProbe(Bench& bench) : bench_(bench) {}

  void report_rest() {
    // The host sleeps between events: the context holds the clock up and nothing runs.
    const Bench::Steady idle =
        run("idle", [](cudaStream_t) { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
    idle_ = idle.card.power.si();
    report({"idle", "power", "W", "power.idle", "no kernel runs, the clock held up"}, idle_, idle.card);
    const Bench::Steady awake = run("awake", awake_launch(awake_nanoseconds));
    awake_ = awake.card.power.si();
    report({"awake", "power", "W", "", "one waiting warp on every SM"}, awake_, awake.card);
    report({"awake", "power beyond idle", "W", "power.active", text("%.1f W less %.1f W", awake_, idle_)},
           awake_ - idle_, awake.card);
  }

  void report_instructions() {
    report_instruction<Ffma>("");
    report_instruction<LiveLg2>("");
    report_instruction<Hfma2>("two results each");
    report_instruction<LiveImad>("");
    report_instruction<WidePair>("both counted");
    report_instruction<Lop3>("");
    if (wide_pair_ <= 0 || lop3_ <= 0) return;
    report({"imad_wide", "energy", "J", "instructions.imad_wide.energy", "twice the pair's mean, less lop3"},
           2 * wide_pair_ - lop3_, bench_.card());
    report({"instruction", "energy", "J", "power.instruction", "mean of ffma and lop3"}, 0.5 * (ffma_ + lop3_),
           bench_.card());
  }

  void report_shared() {
    constexpr int turns = 8000;  // about 4 ms
    const Work work{16.0 * shared_threads * shared_unroll * turns * bench_.sms(), "bytes"};
    report_bytes(
        "shared memory read",
        [this](cudaStream_t stream) { energy_shared<<<bench_.sms(), shared_threads, 0, stream>>>(turns); }, work,
        "power.smem_byte", "LDS.128");
  }

  void report_l2() {
    const DeviceMemory memory(l2_footprint);
    fill_random(memory.data(), memory.bytes(), bench_.stream().get());
    const int ctas = walk_ctas * bench_.sms();
    const unsigned warps = static_cast<unsigned>(ctas) * walk_threads / 32;
    constexpr int turns = 400;
    const Walk walk = make_walk(static_cast<char*>(memory.data()), l2_footprint, warps, turns);
    const Work work{static_cast<double>(walk_block) * warps * turns, "bytes"};
    l2_ = report_bytes(
        "L2 read", [=](cudaStream_t stream) { energy_l2_read<<<ctas, walk_threads, 0, stream>>>(walk); }, work,
        "power.l2_byte", "16 MiB read past the L1 by all SMs");
  }

  void report_dram() {
    const DeviceMemory memory(dram_bytes);
    fill_random(memory.data(), memory.bytes(), bench_.stream().get());
    auto* data = static_cast<uint4*>(memory.data());
    const std::size_t vectors = dram_bytes / sizeof(uint4);
    const int ctas = dram_ctas * bench_.sms();
    const Work work{static_cast<double>(dram_bytes), "bytes"};
    const double read = report_bytes(
        "DRAM read",
        [=](cudaStream_t stream) { energy_dram<1, 0><<<ctas, dram_threads, 0, stream>>>(data, data, vectors); }, work,
        "", "random data, L2 and network to the SM included");
    const double write = report_bytes(
        "DRAM write",
        [=](cudaStream_t stream) { energy_dram<0, 1><<<ctas, dram_threads, 0, stream>>>(data, data, vectors); }, work,
        "", "random data");
    if (l2_ <= 0 || read <= 0 || write <= 0) return;
    report({"DRAM", "energy beyond the L2", "J/B", "power.dram_byte", "mean of reads and writes, less an L2 read"},
           0.5 * (read + write) - l2_, bench_.card());
  }

  void report_gemms() {
    const double random = report_gemm("bf16, random", GemmType::bf16, OperandData::random);
    const double zeros = report_gemm("bf16, zeros", GemmType::bf16, OperandData::zeros);
    const double fp8 = report_gemm("fp8, random", GemmType::fp8, OperandData::random);
    const double fp8_zeros = report_gemm("fp8, zeros", GemmType::fp8, OperandData::zeros);
    const CardState card = bench_.card();
    const std::string note = "GEMM of 4096 cubed by cuBLASLt, DRAM, L2 and other instructions included";
    if (random <= 0) return;
    report({"tensor, bf16", "energy of a busy clock", "J", "", note}, random * multiply_clock_flops,
           card);
    report({"tensor, bf16", "zeros over random", "", "", note}, zeros / random, card);
    report({"tensor, fp8", "busy clock over that of bf16", "", "", note}, 2 * fp8 / random, card);
    if (fp8 > 0) report({"tensor, fp8", "zeros over random", "", "", note}, fp8_zeros / fp8, card);
  }

 private:
  struct Name {
    std::string case_name, quantity, unit, key, note;
  };

  [[nodiscard]] Launch awake_launch(long long nanoseconds) const {
    return [=, this](cudaStream_t stream) {
      energy_awake<<<bench_.sms(), 32, 0, stream>>>(nanoseconds);
      PERFMODEL_CUDA(cudaGetLastError());
    };
  }

  Bench::Steady run(const std::string& name, const Launch& launch) {
    bench_.progress("energy: " + name);
    const Bench::Steady steady = bench_.run_steady(launch, steady_time);
    if (steady.samples == 0 || steady.card.power.si() <= 0) {
      throw DeviceError("nvmlDeviceGetPowerUsage: no power was reported; energy needs a card and driver that tell it");
    }
    return steady;
  }

  void report(const Name& name, double value, const CardState& card) {
    Finding finding = bench_.finding(theme, name.case_name, name.quantity, name.unit);
    finding.card = card;
    finding.value = summarise({&value, 1});
    // A difference that drowns in the noise is no measurement.
    if (value > 0) finding.key = name.key;
    finding.note = name.note;
    bench_.report(std::move(finding));
  }

  // Joules of a unit of work, beyond the awake SMs. The GEMMs' clock falls for a part of the time, the loops' must not.
  double report_energy(const std::string& name, const Bench::Steady& steady, Work work, const std::string& key,
                       const std::string& note) {
    const double power = steady.card.power.si();
    const double rate = work.amount / steady.time.si();
    const double energy = (power - awake_) / rate;
    std::string line = text("%.1f W less %.1f W, over ", power, awake_) + text("%.4g ", rate) + work.unit + " a second";
    line += text(", SM clock %.0f MHz", steady.card.sm_clock.si() * 1e-6);
    if (!note.empty()) line += "; " + note;
    report({name, "power", "W", "", ""}, power, steady.card);
    report({name, "energy", work.unit == std::string("bytes") ? "J/B" : "J", key, line}, energy, steady.card);
    return energy;
  }

  double report_bytes(const std::string& name, const Launch& launch, Work work, const std::string& key,
                      const std::string& note) {
    return report_energy(name, run(name, launch), work, key, note);
  }

  template <class Op>
  void report_instruction(const std::string& note) {
    constexpr int turns = 500;  // 4 ms at 64 a clock and SM
    const double amount = 1.0 * mix_threads * mix_steps<Op> * Op::counted * (turns + 1) * bench_.sms();
    const Launch launch = [this](cudaStream_t stream) {
      instruction_mix<Op>
          <<<bench_.sms(), mix_threads, 0, stream>>>(operands_.data(), turns, clocks_.data(), sink_.data());
      PERFMODEL_CUDA(cudaGetLastError());
    };
    const std::string name = Op::name;
    const bool pair = name == WidePair::name;
    const double energy = report_energy(name, run(name, launch), {amount, "instructions of a thread"},
                                        pair ? "" : "instructions." + name + ".energy", note);
    if (name == "ffma") ffma_ = energy;
    if (name == "lop3") lop3_ = energy;
    if (pair) wide_pair_ = energy;
  }

  // The GEMM for a quarter of the time, awake SMs for the rest, each far shorter than a sample. Joules a FLOP.
  double report_gemm(const std::string& name, GemmType type, OperandData data) {
    const CublasGemm gemm(gemm_size, gemm_size, gemm_size, type, data);
    const Launch multiply = gemm.launch();
    const double alone = summarise(bench_.time(multiply, {.warmup = 2, .repeats = 5})).median;
    const Launch rest = awake_launch(static_cast<long long>(1e9 * gemm_rest * alone));
    const Launch both = [&](cudaStream_t stream) {
      multiply(stream);
      rest(stream);
    };
    const double flops = 2.0 * gemm_size * gemm_size * gemm_size;
    return report_energy(
        "GEMM " + name, run("GEMM " + name, both), {flops, "FLOP"}, "",
        text("cuBLASLt, 4096 cubed, %.0f us of every %.0f us", 1e6 * alone, 1e6 * (1 + gemm_rest) * alone));
  }

  static std::vector<std::uint32_t> random_floats() {
    std::vector<std::uint32_t> bits(4 * mix_threads);
    std::uint32_t state = 20240607;
    for (std::uint32_t& word : bits) {
      state = state * 1664525U + 1013904223U;
      word = 0x3f800000U | (state * 2654435761U) >> 9U;
    }
    return bits;
  }

  Bench& bench_;
  DeviceBuffer<std::uint32_t> operands_{random_floats()};
  DeviceBuffer<std::uint32_t> sink_{static_cast<std::size_t>(mix_threads)};
  DeviceBuffer<long long> clocks_{static_cast<std::size_t>(bench_.sms())};
  double idle_ = 0, awake_ = 0;
  double ffma_ = 0, lop3_ = 0, wide_pair_ = 0;
  double l2_ = 0;
};

}  // namespace

void probe_energy(Bench& bench) {
  if (!bench.wanted(theme)) return;
  EnergyProbe probe(bench);
  probe.report_rest();
  probe.report_instructions();
  probe.report_shared();
  probe.report_l2();
  probe.report_dram();
  probe.report_gemms();
}

std::vector<SassExpectation> sass_expectations_energy() {
  std::vector<SassExpectation> expectations{{"energy_shared", "LDS.128", shared_unroll},
                                            {"energy_l2_read", "LDG.E.128.STRONG.GPU", walk_vectors},
                                            {"energy_dramILi1ELi0E", "LDG.E.128", dram_unroll},
                                            {"energy_dramILi0ELi1E", "STG.E.128", dram_unroll}};
  expect_mix<Ffma>(expectations);
  expect_mix<Hfma2>(expectations);
  expect_mix<Lop3>(expectations);
  expect_mix<LiveImad>(expectations);
  expect_mix<WidePair>(expectations);
  expect_mix<LiveLg2>(expectations);
  return expectations;
}

}  // namespace perfmodel
