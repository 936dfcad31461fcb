#include "calibrate/device/experiments/counted_kernels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "calibrate/device/kernels/attention.hpp"
#include "calibrate/device/kernels/gemm.hpp"
#include "calibrate/device/kernels/library.hpp"
#include "calibrate/device/kernels/rng_mask.hpp"

namespace perfmodel {
namespace {

std::string text(std::int64_t value) { return fmt::format("{}", value); }
const char* type_name(GemmType type) { return type == GemmType::bf16 ? "bf16" : "fp8"; }

// A launch that keeps what it works on alive.
template <class Job>
Launch kept(std::shared_ptr<Job> job, Launch launch) {
  return [job = std::move(job), launch = std::move(launch)](cudaStream_t stream) { launch(stream); };
}

struct Shape {
  std::int64_t m, n, k;
};

// Square, one block's projections, few rows, deep and shallow, and one wave that does not fill the chip.
constexpr std::array<Shape, 10> shapes{{{4096, 4096, 4096},
                                        {8192, 8192, 4096},
                                        {4096, 12288, 4096},
                                        {4096, 4096, 11008},
                                        {2048, 2048, 16384},
                                        {8192, 8192, 512},
                                        {128, 4096, 4096},
                                        {64, 11008, 4096},
                                        {16384, 1024, 1024},
                                        {1024, 1024, 1024}}};

CountedKernel library_gemm(const Shape& shape, GemmType type) {
  CountedKernel kernel;
  kernel.label = fmt::format("gemm {}x{}x{} {} cublas", shape.m, shape.n, shape.k, type_name(type));
  kernel.inputs = {{"op", "gemm"},       {"m", text(shape.m)},       {"n", text(shape.n)},
                   {"k", text(shape.k)}, {"dtype", type_name(type)}, {"out_dtype", "bf16"},
                   {"impl", "cublas"}};
  kernel.make = [=] {
    auto job = std::make_shared<CublasGemm>(shape.m, shape.n, shape.k, type);
    Launch launch = job->launch();
    return kept(std::move(job), std::move(launch));
  };
  kernel.cold = true;
  return kernel;
}

// The model knows no family of our own: its nearest is the library's, with the tile given.
CountedKernel own_gemm(const HopperGemm& gemm, int sms) {
  const KernelResources resources = HopperGemmJob(gemm).resources();
  CountedKernel kernel;
  kernel.label = fmt::format("gemm {}x{}x{} {} own {}x{}x{} {} stages", gemm.m, gemm.n, gemm.k, type_name(gemm.type),
                             gemm.cta_m, gemm.cta_n, gemm.cta_k, gemm.stages);
  kernel.inputs = {{"op", "gemm"},
                   {"m", text(gemm.m)},
                   {"n", text(gemm.n)},
                   {"k", text(gemm.k)},
                   {"dtype", type_name(gemm.type)},
                   {"out_dtype", "bf16"},
                   {"impl", "cublas"},
                   {"code", "own"},
                   {"cta_m", text(gemm.cta_m)},
                   {"cta_n", text(gemm.cta_n)},
                   {"cta_k", text(gemm.cta_k)},
                   {"stages", text(gemm.stages)},
                   {"cluster", text(gemm.cluster)},
                   {"split_k", "1"},
                   {"threads", text(resources.threads - 32 * gemm.rng_warps)},
                   {"registers", text(resources.registers)},
                   {"smem", fmt::format("{:.0f}", (resources.static_smem + resources.dynamic_smem).si())}};
  if (gemm.rng_warps > 0) {
    kernel.label += fmt::format(" with {} RNG warps, {} rounds", gemm.rng_warps, gemm.mask.rounds);
    kernel.inputs[0].second = "overlap";
    kernel.inputs.insert(kernel.inputs.end(), {{"rng_elements", text(gemm.mask.elements)},
                                               {"rng_rounds", text(gemm.mask.rounds)},
                                               {"rng_bits", text(gemm.mask.bits)},
                                               {"rng_ctas", text(sms)},
                                               {"rng_threads", text(32 * gemm.rng_warps)},
                                               {"order", "inside"}});
  }
  kernel.make = [=] {
    auto job = std::make_shared<HopperGemmJob>(gemm);
    Launch launch = job->launch();
    return kept(std::move(job), std::move(launch));
  };
  return kernel;
}

// Whether the table takes this configuration: each tile once, and RNG warps inside the smaller bf16 tile.
bool counted(const HopperGemm& gemm, const std::vector<HopperGemm>& before) {
  if (gemm.rng_warps > 0) return gemm.type == GemmType::bf16 && gemm.cta_n == 128 && gemm.mask.rounds != 5;
  return std::ranges::none_of(before, [&](const HopperGemm& other) {
    return other.rng_warps == 0 && other.type == gemm.type && other.cta_m == gemm.cta_m && other.cta_n == gemm.cta_n;
  });
}

std::vector<CountedKernel> own_gemms(int sms) {
  std::vector<HopperGemm> chosen;
  for (HopperGemm gemm : compiled_gemms()) {
    gemm.m = gemm.n = gemm.k = 4096;
    // About as long as the GEMM.
    if (gemm.rng_warps > 0) gemm.mask.elements = std::int64_t{1} << 26U;
    if (counted(gemm, chosen)) chosen.push_back(gemm);
  }
  std::vector<CountedKernel> kernels;
  for (const HopperGemm& gemm : chosen) kernels.push_back(own_gemm(gemm, sms));
  return kernels;
}

Cells attention_inputs(int sequence, bool causal, double dropout, const char* pass, const char* impl) {
  return {{"op", "attention"},
          {"batch", "1"},
          {"heads", "32"},
          {"kv_heads", "32"},
          {"seq_q", text(sequence)},
          {"seq_kv", text(sequence)},
          {"head_dim", "128"},
          {"causal", causal ? "1" : "0"},
          {"dtype", "bf16"},
          {"dropout", fmt::format("{}", dropout)},
          {"pass", pass},
          {"impl", impl}};
}

CountedKernel library_attention(int sequence, bool causal, bool backward, double dropout) {
  CountedKernel kernel;
  const char* pass = backward ? "bwd" : "fwd";
  kernel.label =
      fmt::format("attention {} {} {} dropout {} cudnn", sequence, pass, causal ? "causal" : "full", dropout);
  kernel.inputs = attention_inputs(sequence, causal, dropout, pass, "cudnn");
  kernel.make = [=] {
    LibraryAttention attention;
    attention.sequence = sequence;
    attention.causal = causal;
    attention.backward = backward;
    attention.dropout = dropout;
    auto job = std::make_shared<CudnnAttention>(attention);
    Launch launch = job->launch();
    return kept(std::move(job), std::move(launch));
  };
  kernel.cold = !backward && dropout == 0;
  return kernel;
}

// Our own attention and, in the mask form, the mask that it reads.
struct OwnAttentionWork {
  OwnAttentionJob job;
  DeviceBuffer<std::uint32_t> mask;
};

CountedKernel own_attention(AttentionDropout dropout, bool causal) {
  constexpr std::array<const char*, 3> forms{"none", "fused", "mask"};
  const char* form = forms[static_cast<std::size_t>(dropout)];
  const bool drops = dropout != AttentionDropout::none;
  CountedKernel kernel;
  kernel.label = fmt::format("attention 4096 fwd {} dropout {} own", causal ? "causal" : "full", form);
  kernel.inputs = attention_inputs(4096, causal, drops ? 0.1 : 0.0, "fwd", "flash3");
  kernel.inputs.insert(kernel.inputs.end(), {{"dropout_source", drops ? form : ""}, {"code", "own"}});
  kernel.make = [=] {
    OwnAttention attention;
    attention.causal = causal;
    attention.dropout = dropout;
    const std::int64_t bits = std::int64_t{attention.heads} * attention.sequence * attention.sequence;
    const bool reads = dropout == AttentionDropout::mask;
    auto work = std::make_shared<OwnAttentionWork>(
        OwnAttentionWork{OwnAttentionJob(attention), DeviceBuffer<std::uint32_t>(reads ? std::size_t(bits / 32) : 0)});
    if (reads) work->mask.fill(0xee);
    Launch launch = work->job.launch(reads ? work->mask.data() : nullptr);
    return kept(std::move(work), std::move(launch));
  };
  return kernel;
}

CountedKernel rng(int rounds, int bits, int ctas, int threads) {
  RngMask mask;
  mask.elements = std::int64_t{1} << 28U;
  mask.rounds = rounds;
  mask.bits = bits;
  mask.ctas = ctas;
  mask.threads = threads;
  CountedKernel kernel;
  kernel.label = fmt::format("rng {} rounds {} bits {} CTAs of {}", rounds, bits, ctas, threads);
  kernel.inputs = {
      {"op", "rng"},        {"elements", text(mask.elements)}, {"rounds", text(rounds)}, {"bits", text(bits)},
      {"ctas", text(ctas)}, {"threads", text(threads)}};
  kernel.make = [mask] {
    auto words = std::make_shared<DeviceBuffer<std::uint32_t>>(static_cast<std::size_t>(mask.elements / 32));
    Launch launch = rng_mask_launch(mask, words->data());
    return kept(std::move(words), std::move(launch));
  };
  return kernel;
}

}  // namespace

std::vector<CountedKernel> counted_kernels(const Bench& bench) {
  std::vector<CountedKernel> kernels;
  for (const Shape& shape : shapes) {
    for (const GemmType type : {GemmType::bf16, GemmType::fp8}) kernels.push_back(library_gemm(shape, type));
  }
  for (CountedKernel& kernel : own_gemms(bench.sms())) kernels.push_back(std::move(kernel));
  for (const bool causal : {true, false}) {
    for (const bool backward : {false, true}) {
      for (const double dropout : {0.0, 0.1}) kernels.push_back(library_attention(4096, causal, backward, dropout));
    }
    for (const AttentionDropout form : {AttentionDropout::none, AttentionDropout::fused, AttentionDropout::mask}) {
      kernels.push_back(own_attention(form, causal));
    }
  }
  const int full = 8 * bench.sms();
  for (const int rounds : {3, 7, 10}) {
    for (const int bits : {8, 16, 32}) kernels.push_back(rng(rounds, bits, full, 256));
  }
  for (const int threads : {128, 256}) kernels.push_back(rng(10, 8, bench.sms(), threads));
  return kernels;
}

}  // namespace perfmodel
