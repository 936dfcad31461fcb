#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrate/device/probes/chain_symbols.cuh"
#include "calibrate/device/probes/expectations.hpp"
#include "calibrate/device/probes/interference.cuh"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/interference.hpp"

namespace perfmodel {
namespace {

using namespace interference;

constexpr const char* theme = "arbitration";
constexpr int sub_partitions = 4;
constexpr int repetitions = 3;
constexpr long long lead_clocks = 30'000;
constexpr long long mma_clocks = settle_clocks + lead_clocks + 150'000;  // of a tensor loop alone
constexpr std::size_t data_words = 16 * (256 * wgmma::row_bytes) / 4;    // 16 of the widest stage's B

template <class Kind>
std::string kind_name() {
  return "n=" + std::to_string(Kind::n) + (Kind::fed ? " fed" : Kind::mixed ? " rs" : " ss");
}

// Two bf16 in [1, 2) to a word, which as one float lies there too.
std::vector<std::uint32_t> random_data() {
  std::mt19937 generator(20240611);
  std::vector<std::uint32_t> words(data_words);
  for (std::uint32_t& word : words) word = 0x3f803f80U | (static_cast<std::uint32_t>(generator()) & 0x007f007fU);
  return words;
}

// Of an SM, a clock: batches of all warpgroups together, units of all extra warps together.
struct Rates {
  std::vector<double> mma, work;  // one entry a repetition
};

double median(const std::vector<double>& values) { return summarise(values).median; }

std::vector<double> slowdowns(const std::vector<double>& alone, const std::vector<double>& beside) {
  std::vector<double> result;
  for (const double rate : beside) {
    if (rate > 0) result.push_back(median(alone) / rate);
  }
  return result;
}

// A contest as it is named.
std::string contest_name(const Contest& contest, std::string_view work) {
  std::string name = std::to_string(contest.mma_groups) + (contest.mma_groups > 1 ? " groups, " : " group, ") +
                     std::to_string(contest.extra_warps) + (contest.extra_warps > 1 ? " warps of " : " warp of ") +
                     std::string(work);
  if (contest.extra_first) name += ", numbered below";
  if (contest.mma_delay > 0) name += ", begun before";
  if (contest.extra_delay > 0) name += ", begun after";
  return name;
}

std::string decimals(double value) {
  const int hundredths = static_cast<int>(100 * value + 0.5);
  const std::string fraction = std::to_string(100 + hundredths % 100);
  return std::to_string(hundredths / 100) + "." + fraction.substr(1);
}

class ArbitrationProbe {
 public:
  explicit ArbitrationProbe(Bench& bench)
      : bench_(bench),
        // A quarter of the SMs: then the L2 has enough for those loops that it feeds.
        ctas_(std::max(1, bench.sms() / 4)),
        data_(random_data()),
        pace_(static_cast<std::size_t>(ctas_) * most_warps) {}

  template <class Kind, class Work>
  void measure(Contest contest) {
    contest.mma_turns = turns<Kind>(contest.mma_groups);
    const Rates beside = run<Kind, Work>(contest);
    const std::vector<double>& mma = mma_alone<Kind, Work>(contest);
    const std::vector<double>& work = work_alone<Kind, Work>(contest);
    Interference record;
    record.mma = kind_name<Kind>();
    record.work = Work::name;
    record.groups = contest.mma_groups;
    record.warps = contest.extra_warps;
    record.extra_first = contest.extra_first;
    record.lead = static_cast<double>(contest.mma_delay - contest.extra_delay);
    record.mma_bytes = median(mma) * batch * wgmma::step_bytes * (Kind::n + (Kind::mixed ? 0 : wgmma::rows));
    record.load = {.issue = median(work) * Work::instructions / sub_partitions,
                   .operands = median(work) * Work::operands / sub_partitions,
                   .shared_bytes = median(work) * Work::shared_bytes};
    report(record, contest, slowdowns(mma, beside.mma), slowdowns(work, beside.work));
  }

  void report_rules() {
    for (const InterferenceRule& rule : interference_rules(records_)) {
      Finding finding = bench_.finding(theme, "rule: " + rule.name, "answer", "");
      finding.value = summarise(std::array{rule.value});
      finding.note = rule.note;
      bench_.report(std::move(finding));
    }
  }

  // What all slowdowns refer to.
  template <class Kind, class Work>
  void report_alone(int groups) {
    Contest contest{.mma_groups = groups, .mma_slots = groups};
    contest.mma_turns = turns<Kind>(groups);
    std::vector<double> intervals;
    for (const double rate : mma_alone<Kind, Work>(contest)) intervals.push_back(1 / (rate * batch));
    Finding finding =
        bench_.finding(theme, kind_name<Kind>() + ", " + std::to_string(groups) + " groups alone", "interval", "clk");
    finding.value = summarise(intervals);
    finding.note = "of an instruction, all warpgroups taken together; clocks read every 4 of them";
    bench_.report(std::move(finding));
  }

 private:
  template <class Kind>
  static int turns(int groups) {
    return static_cast<int>(mma_clocks / (batch * Kind::n / 2 * std::max(groups, 1)));
  }

  void report(Interference record, const Contest& contest, const std::vector<double>& mma,
              const std::vector<double>& work) {
    const std::string name = record.mma + ", " + contest_name(contest, record.work);
    Finding finding = bench_.finding(theme, name, "slowdown", "");
    finding.value = summarise(mma);
    if (mma.empty() || work.empty()) {
      finding.note = "no value: a side did nothing in the time that the other had";
    } else {
      record.mma_slowdown = median(mma);
      record.work_slowdown = median(work);
      finding.note = "of wgmma; the extra warps slowed " + decimals(record.work_slowdown) +
                     " times, alone they issue " + decimals(record.load.issue) + " a clock and sub-partition";
      records_.push_back(record);
    }
    bench_.report(std::move(finding));
  }

  template <class Kind, class Work>
  const std::vector<double>& mma_alone(Contest contest) {
    contest.extra_warps = 0;
    contest.extra_first = false;
    contest.mma_delay = contest.extra_delay = 0;
    const auto [entry, fresh] = mma_alone_.try_emplace({kind_name<Kind>(), contest.mma_groups});
    if (fresh) entry->second = run<Kind, Work>(contest).mma;
    return entry->second;
  }

  template <class Kind, class Work>
  const std::vector<double>& work_alone(Contest contest) {
    contest.mma_groups = 0;
    contest.extra_first = false;
    contest.mma_delay = contest.extra_delay = 0;
    const auto [entry, fresh] = work_alone_.try_emplace({Work::name, contest.extra_warps});
    if (fresh) entry->second = run<Kind, Work>(contest).work;
    return entry->second;
  }

  template <class Kind, class Work>
  Rates run(const Contest& contest) {
    const auto kernel = contest_of<Kind, Work>;
    constexpr int bytes = ring_stages * Kind::stage_bytes + wgmma::period_bytes;
    PERFMODEL_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
    Rates rates;
    for (int i = 0; i <= repetitions; ++i) {
      const cudaStream_t stream = bench_.stream().get();
      PERFMODEL_CUDA(cudaMemsetAsync(pace_.data(), 0, pace_.size() * sizeof(Pace), stream));
      kernel<<<static_cast<unsigned>(ctas_), Kind::threads, bytes, stream>>>(contest, data_.data(), pace_.data());
      PERFMODEL_CUDA(cudaGetLastError());
      bench_.stream().wait();
      if (i == 0) continue;  // warms the instruction caches
      collect(contest, Kind::groups, rates);
    }
    return rates;
  }

  // Medians over the CTAs.
  void collect(const Contest& contest, int groups, Rates& rates) const {
    const std::vector<Pace> paces = pace_.download();
    const int extra_slots = 4 * (groups - contest.mma_slots);
    const int first_mma = contest.extra_first ? extra_slots : 0;
    const int first_extra = contest.extra_first ? 0 : 4 * contest.mma_slots;
    std::vector<double> mma, work;
    for (int cta = 0; cta < ctas_; ++cta) {
      const auto rate = [&](int warp) {
        const Pace& pace = paces[static_cast<std::size_t>(cta) * most_warps + static_cast<std::size_t>(warp)];
        return pace.clocks > 0 ? static_cast<double>(pace.units) / static_cast<double>(pace.clocks) : 0.0;
      };
      double mma_rate = 0, work_rate = 0;
      for (int group = 0; group < contest.mma_groups; ++group) mma_rate += rate(first_mma + 4 * group);
      for (int extra = 0; extra < contest.extra_warps; ++extra) work_rate += rate(first_extra + extra);
      mma.push_back(mma_rate);
      work.push_back(work_rate);
    }
    rates.mma.push_back(median(mma));
    rates.work.push_back(median(work));
  }

  Bench& bench_;
  int ctas_;
  DeviceBuffer<std::uint32_t> data_;
  DeviceBuffer<Pace> pace_;
  std::map<std::pair<std::string, int>, std::vector<double>> mma_alone_, work_alone_;
  std::vector<Interference> records_;
};

// Extra warps for which the CTA has room beside so many warpgroups that multiply, and their producer.
template <class Kind>
constexpr int room(int mma_groups) {
  return std::min(4 * (Kind::groups - mma_groups), most_extra_warps) - (Kind::fed ? 1 : 0);
}

template <class Kind, class Work>
void measure_contests(ArbitrationProbe& probe) {
  const int most = room<Kind>(2);
  for (const int warps : {1, 2, 4, 8, 12, 16}) {
    if (warps <= most) probe.measure<Kind, Work>({.mma_groups = 2, .mma_slots = 2, .extra_warps = warps});
  }
  const int some = most < 4 ? 2 : most < 8 ? 4 : 8;
  probe.measure<Kind, Work>({.mma_groups = 2, .mma_slots = 2, .extra_warps = some, .extra_first = true});
  if constexpr (!Kind::fed) {  // one group alone would use up what it is fed faster than it comes
    for (const int warps : {4, 8, 16}) {
      if (warps <= room<Kind>(1)) probe.measure<Kind, Work>({.mma_groups = 1, .mma_slots = 1, .extra_warps = warps});
    }
  }
  if constexpr (!Kind::fed && !Kind::mixed) {
    Contest contest{.mma_groups = 2, .mma_slots = 2, .extra_warps = some};
    contest.mma_delay = lead_clocks;
    probe.measure<Kind, Work>(contest);
    std::swap(contest.mma_delay, contest.extra_delay);
    probe.measure<Kind, Work>(contest);
  }
}

template <class... Works>
struct WorkList {};
using AllWork = WorkList<Lop3Chain, Lop3, Ffma, Fadd, ImadWide, Exp2, Philox<3>, Philox<10>, SharedLoads, BulkCopies>;
using SomeWork = WorkList<Lop3Chain, Lop3, Ffma, Philox<3>, Philox<10>, SharedLoads>;

template <class Kind, class First, class... Rest>
void measure_kind(Bench& bench, ArbitrationProbe& probe, WorkList<First, Rest...>) {
  bench.progress("arbitration: wgmma " + kind_name<Kind>());
  probe.report_alone<Kind, First>(2);
  if (!Kind::fed) probe.report_alone<Kind, First>(1);
  measure_contests<Kind, First>(probe);
  (measure_contests<Kind, Rest>(probe), ...);
}

template <class Kind, class... Works>
void expect_kind(std::vector<SassExpectation>& expectations, WorkList<Works...>) {
  const auto expect = [&](const std::string& arguments, const char* opcode, int at_least) {
    expectations.push_back({.kernel = "contest_of" + arguments,
                            .opcode = "HGMMA.64x" + std::to_string(Kind::n) + "x16",
                            .at_least = batch});
    if (at_least > 0)
      expectations.push_back({.kernel = "contest_of" + arguments, .opcode = opcode, .at_least = at_least});
  };
  (expect(mangled_arguments<ContestTag<Kind, Works>>("ContestTag"), Works::opcode, Works::expected), ...);
}

template <int n>
using Resident = Mma<n, false, false>;
template <int n>
using Registers = Mma<n, true, false>;
template <int n>
using Fed = Mma<n, false, true>;

}  // namespace

void probe_arbitration(Bench& bench) {
  if (!bench.wanted(theme)) return;
  ArbitrationProbe probe(bench);
  measure_kind<Resident<256>>(bench, probe, AllWork());
  measure_kind<Resident<128>>(bench, probe, AllWork());
  measure_kind<Resident<64>>(bench, probe, SomeWork());
  measure_kind<Registers<256>>(bench, probe, SomeWork());
  measure_kind<Registers<128>>(bench, probe, SomeWork());
  measure_kind<Fed<256>>(bench, probe, SomeWork());
  measure_kind<Fed<128>>(bench, probe, SomeWork());
  probe.report_rules();
}

std::vector<SassExpectation> sass_expectations_arbitration() {
  std::vector<SassExpectation> expectations;
  expect_kind<Resident<256>>(expectations, AllWork());
  expect_kind<Resident<128>>(expectations, AllWork());
  expect_kind<Resident<64>>(expectations, SomeWork());
  expect_kind<Registers<256>>(expectations, SomeWork());
  expect_kind<Registers<128>>(expectations, SomeWork());
  expect_kind<Fed<256>>(expectations, SomeWork());
  expect_kind<Fed<128>>(expectations, SomeWork());
  return expectations;
}

}  // namespace perfmodel
