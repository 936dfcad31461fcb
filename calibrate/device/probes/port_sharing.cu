// Mixes of two instruction classes: do they share a port? The issue limit. Rounds of Philox, which are such a mix.
#include <map>
#include <string>

#include "calibrate/device/probes/chain.cuh"
#include "calibrate/device/probes/chain_bench.hpp"
#include "calibrate/device/probes/chain_symbols.cuh"
#include "calibrate/device/probes/philox_chain.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/port_verdict.hpp"

namespace perfmodel {
namespace {

using namespace instruction;

constexpr const char* theme = "port_sharing";
constexpr int sub_partitions = 4;
constexpr int full_warps = mix_threads / 32 / sub_partitions;

template <class... Ops>
struct Mix {};
template <class... Mixes>
struct List {};

// One of the first class, and as many of the second as make the mix telling.
using Pairs = List<
    // Does the wide multiply take the port of the logic?
    Mix<ImadWide, Lop3>, Mix<ImadWide, Lop3, Lop3>, Mix<ImadWide, Shf>, Mix<ImadWide, IsetpSel>, Mix<ImadWide, Iadd3>,
    Mix<ImadWide, Imad>, Mix<ImadWide, Ffma>, Mix<ImadWide, Exp2>, Mix<ImadHi, Lop3>, Mix<ImadHi, Lop3, Lop3>,
    Mix<ImadHi, Ffma>, Mix<Imad, Lop3>, Mix<Imad, Ffma>,
    // What else the port of the logic serves.
    Mix<Shf, Lop3>, Mix<Iadd3, Lop3>, Mix<Prmt, Lop3>, Mix<IsetpSel, Lop3>, Mix<Fmnmx, Lop3>, Mix<F2fp, Lop3>,
    Mix<I2f, Lop3>, Mix<Hfma2, Lop3>, Mix<Lop3, Ffma>, Mix<Fmnmx, Ffma>, Mix<F2fp, Ffma>, Mix<IsetpSel, Ffma>,
    // The halves of the FP32 pipe.
    Mix<Imad, Hfma2>, Mix<Ffma, Hfma2>,
    // The slow pipes.
    Mix<Exp2, Lop3, Lop3, Lop3, Lop3>, Mix<Exp2, Ffma, Ffma, Ffma, Ffma>, Mix<Exp2, F2fp, F2fp>, Mix<Popc, Exp2>,
    Mix<F2i, Exp2>, Mix<Popc, Lop3, Lop3>, Mix<Shfl, Lop3, Lop3>, Mix<Shfl, Exp2>, Mix<Dfma, Lop3>, Mix<Dfma, Imad>>;

// Enough on every pipe that only the schedulers can be in the way.
using IssueMixes = List<Mix<Ffma>, Mix<Lop3, Ffma>, Mix<Lop3, Ffma, Ffma>, Mix<Lop3, Imad>, Mix<Lop3, Ffma, Imad, Ffma>,
                        Mix<Lop3, Ffma, Lop3, Ffma, Imad, Ffma, Exp2, Ffma, Ffma>>;

template <class First, class... Rest>
std::string mix_name(Mix<First, Rest...>) {
  std::string name = First::name;
  std::string pending;
  int count = 0;
  const auto close = [&] {
    if (count > 0) name += " + " + (count > 1 ? std::to_string(count) + " " : "") + pending;
  };
  [[maybe_unused]] const auto add = [&](const std::string& next) {
    if (next != pending) {
      close();
      count = 0;
    }
    pending = next;
    ++count;
  };
  (add(Rest::name), ...);
  close();
  return name;
}

// Clocks in which a sub-partition serves one warp's step of every class.
template <class... Ops>
std::vector<double> step_clocks(ChainBench& chains) {
  std::vector<double> clocks = chains.turn_clocks(&instruction_mix<Ops...>, mix_threads);
  for (double& value : clocks) value /= mix_steps<Ops...> * full_warps;
  return clocks;
}

class PortProbe {
 public:
  explicit PortProbe(Bench& bench) : bench_(bench), chains_(bench) {}

  template <class First, class Second, class... More>
  void report_pair(Mix<First, Second, More...> mix) {
    bench_.progress("port sharing: " + mix_name(mix));
    Finding finding = bench_.finding(theme, mix_name(mix), "interval", "clk");
    const std::vector<double> clocks = step_clocks<First, Second, More...>(chains_);
    finding.value = summarise(clocks);
    const double seconds = 1 + sizeof...(More);
    finding.note = port_verdict({.together = finding.value.median,
                                 .first = alone<First>(),
                                 .second = seconds * alone<Second>(),
                                 .issue = First::instructions + seconds * Second::instructions})
                       .text;
    bench_.report(std::move(finding));
  }

  template <class... Ops>
  void report_issue(Mix<Ops...> mix) {
    Finding finding = bench_.finding(theme, mix_name(mix), "ipc", "");
    std::vector<double> rates;
    for (const double clocks : step_clocks<Ops...>(chains_)) rates.push_back((Ops::instructions + ...) / clocks);
    finding.value = summarise(rates);
    finding.note = "instructions a clock and sub-partition; loop control, below 1 %, not counted";
    if (finding.value.median > best_.value.median) best_ = finding;
    bench_.report(std::move(finding));
  }

  void report_best_issue() {
    Finding finding = bench_.finding(theme, "issue limit", "throughput", "/clk");
    finding.value = best_.value;
    finding.value.median *= 32 * sub_partitions;
    finding.key = "pipes.issue.rate";
    finding.note = "highest of all mixes, " + best_.case_name;
    bench_.report(std::move(finding));
  }

  // Returns the median clocks of a round.
  template <int rounds, int chains>
  double report_philox(int warps) {
    Finding finding = bench_.finding(theme,
                                     "philox " + std::to_string(rounds) + " rounds, " + std::to_string(chains) +
                                         (chains > 1 ? " calls at once, " : " call at a time, ") +
                                         std::to_string(warps) + (warps > 1 ? " warps" : " warp"),
                                     "round", "clk");
    finding.value = summarise(philox_clocks<rounds, chains>(warps));
    finding.note = "of a warp, warps of a sub-partition taken together; 2 IMAD.WIDE and 2 LOP3";
    const double median = finding.value.median;
    bench_.report(std::move(finding));
    return median;
  }

  // What a lone warp waits beyond its time at the port, which many warps show.
  template <int rounds>
  void report_stall() {
    const double port = report_philox<rounds, 1>(full_warps);
    report_philox<rounds, 1>(1);
    Finding finding = bench_.finding(theme, "philox " + std::to_string(rounds) + " rounds", "stall", "clk");
    std::vector<double> stalls;
    for (const double clocks : philox_clocks<rounds, 1>(1)) stalls.push_back(clocks - port);
    finding.value = summarise(stalls);
    if (rounds == 10) finding.key = "transfer.round_stall";
    finding.note = "a round of one warp with one call at a time, less a round of eight warps";
    bench_.report(std::move(finding));
  }

 private:
  template <class Op>
  double alone() {
    const auto [entry, fresh] = alone_.try_emplace(Op::name, 0.0);
    if (fresh) entry->second = summarise(step_clocks<Op>(chains_)).median;
    return entry->second;
  }

  template <int rounds, int chains>
  std::vector<double> philox_clocks(int warps) {
    std::vector<double> clocks = chains_.turn_clocks(&philox_chain<rounds, chains>, warps * sub_partitions * 32);
    for (double& value : clocks) value /= philox_calls<rounds, chains> * chains * rounds * warps;
    return clocks;
  }

  Bench& bench_;
  ChainBench chains_;
  std::map<std::string, double> alone_;
  Finding best_;
};

template <class... Mixes>
void report_pairs(PortProbe& probe, List<Mixes...>) {
  (probe.report_pair(Mixes()), ...);
}

template <class... Mixes>
void report_issue_mixes(PortProbe& probe, List<Mixes...>) {
  (probe.report_issue(Mixes()), ...);
  probe.report_best_issue();
}

template <class... Ops>
void expect(std::vector<SassExpectation>& expectations, Mix<Ops...>) {
  expect_mix<Ops...>(expectations);
}

template <class... Mixes>
void expect_all(std::vector<SassExpectation>& expectations, List<Mixes...>) {
  (expect(expectations, Mixes()), ...);
}

template <int rounds>
void expect_philox(std::vector<SassExpectation>& expectations) {
  const std::string kernel = "philox_chainILi" + std::to_string(rounds) + "E";
  const int at_least = 2 * rounds * 2 * philox_calls<rounds, 2>;
  expectations.push_back({.kernel = kernel, .opcode = "IMAD.WIDE", .at_least = at_least});
  expectations.push_back({.kernel = kernel, .opcode = "LOP3", .at_least = at_least});
}

}  // namespace

void probe_port_sharing(Bench& bench) {
  if (!bench.wanted(theme)) return;
  PortProbe probe(bench);
  report_pairs(probe, Pairs());
  report_issue_mixes(probe, IssueMixes());
  probe.report_stall<3>();
  probe.report_stall<7>();
  probe.report_stall<10>();
  probe.report_philox<10, 2>(1);
  probe.report_philox<10, 2>(full_warps);
}

std::vector<SassExpectation> sass_expectations_port_sharing() {
  std::vector<SassExpectation> expectations;
  expect_all(expectations, Pairs());
  expect_all(expectations, IssueMixes());
  expect_philox<3>(expectations);
  expect_philox<7>(expectations);
  expect_philox<10>(expectations);
  return expectations;
}

}  // namespace perfmodel
