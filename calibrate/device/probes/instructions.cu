// Throughput and latency of every instruction class, alone.
#include <string>

#include "calibrate/device/probes/chain.cuh"
#include "calibrate/device/probes/chain_bench.hpp"
#include "calibrate/device/probes/chain_symbols.cuh"
#include "calibrate/device/probes/probes.hpp"

namespace perfmodel {
namespace {

using namespace instruction;

constexpr const char* theme = "instructions";
constexpr double warp = 32;

template <class... Ops>
struct List {};

using Classes = List<Ffma, Fadd, Fmul, Hfma2, Imad, ImadHi, ImadWide, Dp4a, Iadd3, Lop3, Shf, Prmt, IsetpSel, Fmnmx,
                     Hmnmx2, F2fp, I2f, F2i, Exp2, Rcp, Rsq, Lg2, Tanh, Popc, Shfl, Dfma>;

// The class that shows a pipe at its full rate.
std::string pipe_key(const std::string& name) {
  if (name == "ffma") return "pipes.fma.rate";
  if (name == "imad") return "pipes.fma_heavy.rate";
  if (name == "lop3") return "pipes.alu.rate";
  if (name == "exp2") return "pipes.xu.rate";
  if (name == "dfma") return "pipes.fp64.rate";
  return "";
}

std::string note_of(const std::string& name) {
  if (name == "hfma2") return "bf16x2; assembled as HFMA2 and HFMA2.MMA in turn, one for each half of the pipe";
  if (name == "isetp_sel") return "ISETP then SEL on its predicate; both are counted, the latency is that of the pair";
  if (name == "rcp") return "beside one FADD each";
  if (name == "imad_hi") return "IMAD.HI.U32";
  if (name == "imad_wide") return "IMAD.WIDE.U32, no addend";
  if (name == "i2f") return "I2FP of a 32-bit integer";
  if (name == "f2fp") return "two floats to bf16x2; packed instructions";
  if (name == "dp4a") return "IDP.4A";
  if (name == "shfl") return "SHFL.BFLY";
  return "";
}

std::vector<double> throughput(const std::vector<double>& turn_clocks, double instructions, int threads) {
  std::vector<double> rates;
  for (const double clocks : turn_clocks) rates.push_back(threads * instructions / clocks);
  return rates;
}

// The best of 2, 4 and 8 warps a sub-partition: few leave some ports unfilled, and many end unevenly, as the oldest goes
// first, so that the last ones run alone.
template <class Op>
void report_throughput(Bench& bench, ChainBench& chains) {
  Finding finding = bench.finding(theme, Op::name, "throughput", "/clk");
  for (const int threads : {mix_threads / 4, mix_threads / 2, mix_threads}) {
    const std::vector<double> clocks = chains.turn_clocks(&instruction_mix<Op>, threads);
    const Summary rate = summarise(throughput(clocks, mix_steps<Op> * Op::counted, threads));
    if (rate.median > finding.value.median) finding.value = rate;
  }
  finding.key = pipe_key(Op::name);
  finding.note = note_of(Op::name);
  bench.report(std::move(finding));
}

// Clocks of one dependent step.
template <class Op>
std::vector<double> step_clocks(ChainBench& chains) {
  std::vector<double> steps = chains.chain_clocks(&instruction_latency<Op>);
  for (double& clocks : steps) clocks /= latency_long - latency_short;
  return steps;
}

template <class Op>
void report_latency(Bench& bench, ChainBench& chains) {
  Finding finding = bench.finding(theme, Op::name, "latency", "clk");
  std::vector<double> steps = step_clocks<Op>(chains);
  finding.note = note_of(Op::name);
  if constexpr (std::is_same_v<Op, Rcp>) {
    const double add = summarise(step_clocks<Fadd>(chains)).median;
    for (double& clocks : steps) clocks -= add;
    finding.note = "a step with its FADD, less that of a FADD";
  }
  finding.value = summarise(steps);
  if constexpr (!std::is_same_v<Op, IsetpSel>) finding.key = std::string("instructions.") + Op::name + ".latency";
  bench.report(std::move(finding));
}

template <class... Ops>
void report_classes(Bench& bench, ChainBench& chains, List<Ops...>) {
  const auto both = [&]<class Op>(const Op*) {
    bench.progress(std::string("instructions: ") + Op::name);
    report_throughput<Op>(bench, chains);
    report_latency<Op>(bench, chains);
  };
  (both(static_cast<const Ops*>(nullptr)), ...);
}

// How many warps of a sub-partition fill its port.
template <class Op>
void report_by_warps(Bench& bench, ChainBench& chains) {
  for (const int warps : {1, 2, 4}) {
    const int threads = static_cast<int>(warp) * 4 * warps;
    Finding finding = bench.finding(
        theme, std::string(Op::name) + ", warps " + std::to_string(warps) + " a sub-partition", "throughput", "/clk");
    finding.value = summarise(throughput(chains.turn_clocks(&instruction_mix<Op>, threads), mix_steps<Op>, threads));
    finding.note = std::to_string(mix_chains<Op>) + " independent chains a warp";
    bench.report(std::move(finding));
  }
}

void report_operands(Bench& bench, ChainBench& chains) {
  Finding finding = bench.finding(theme, "ffma distinct operands", "throughput", "/clk");
  finding.value = summarise(throughput(chains.turn_clocks(&instruction_mix<FfmaDistinct>, mix_threads),
                                       mix_steps<FfmaDistinct>, mix_threads));
  finding.note = "three source registers that differ from those of the instruction before: no operand is reused";
  bench.report(std::move(finding));
}

template <class... Ops>
void expect_classes(std::vector<SassExpectation>& expectations, List<Ops...>) {
  (expect_mix<Ops>(expectations), ...);
  (expect_latency<Ops>(expectations), ...);
}

}  // namespace

void probe_instructions(Bench& bench) {
  if (!bench.wanted(theme)) return;
  ChainBench chains(bench);
  report_classes(bench, chains, Classes());
  report_by_warps<Ffma>(bench, chains);
  report_by_warps<Lop3>(bench, chains);
  report_by_warps<Imad>(bench, chains);
  report_by_warps<ImadWide>(bench, chains);
  report_by_warps<Exp2>(bench, chains);
  report_operands(bench, chains);
}

std::vector<SassExpectation> sass_expectations_instructions() {
  std::vector<SassExpectation> expectations;
  expect_classes(expectations, Classes());
  expect_mix<FfmaDistinct>(expectations);
  return expectations;
}

}  // namespace perfmodel
