// Which CTAs start beside one that is there: how many, by threads and registers, and by which rule the registers of an
// SM are shared out; which warps share a sub-partition.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/occupants.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/device/probes/register_rules.hpp"
#include "calibrate/sass.hpp"

namespace perfmodel {
namespace {

constexpr const char* theme = "residency";
constexpr int partner_warps = 16;
constexpr int partner_steps = 256;
constexpr int partner_chains = 8;

// Warps 0 and `other` at work, the rest at the barrier: what they take shows whether they share an issue slot.
__global__ void __launch_bounds__(32 * partner_warps, 1) partner_kernel(int other, float factor, long long* out) {
  const int warp = static_cast<int>(threadIdx.x / 32);
  float value[partner_chains];
  for (int i = 0; i < partner_chains; ++i) value[i] = static_cast<float>(threadIdx.x + i);
  __syncthreads();
  if (warp == 0 || warp == other) {
    const long long start = clock64();
#pragma unroll 1
    for (int step = 0; step < partner_steps; step += 16) {
#pragma unroll
      for (int i = 0; i < 16 * partner_chains; ++i) {
        value[i % partner_chains] = fmaf(value[i % partner_chains], factor, factor);
      }
    }
    const long long end = clock64();
    float sum = 0;
    for (const float one : value) sum += one;
    if (threadIdx.x == 0) out[0] = end - start;
    if (sum == 0.123F) out[1] = 1;
  }
}

struct Resident {
  int threads;
  int registers;
};

std::string shape_name(int threads, int registers) {
  return std::to_string(threads) + " x " + std::to_string(registers);
}

// One second kernel beside one resident CTA an SM, as the card and as the rules have it.
struct Case {
  Resident resident;
  Resident second;
  int ctas = 0;  // median over the SMs
};

class ResidencyProbe {
 public:
  explicit ResidencyProbe(Bench& bench) : bench_(bench), occupants_(bench) {}

  void report_partners() {
    bench_.progress("residency: warps of a sub-partition");
    ClockReading reading(bench_, 2);
    const auto clocks = [&](int other) {
      return reading.medians([&](cudaStream_t stream) {
        partner_kernel<<<1, 32 * partner_warps, 0, stream>>>(other, 0.999F, reading.device());
      });
    };
    const double alone = summarise(clocks(0)).median;
    std::string sharing;
    std::vector<double> slowdowns;
    for (int other = 1; other < partner_warps; ++other) {
      const double slowdown = summarise(clocks(other)).median / alone;
      if (slowdown < 1.5) continue;
      sharing += " " + std::to_string(other);
      slowdowns.push_back(slowdown);
    }
    report_values(bench_,
                  {theme, "warps beside warp 0", "slowdown", "", "",
                   sharing.empty() ? "no warp slows warp 0" : "warp 0 shares its sub-partition with" + sharing},
                  slowdowns);
  }

  void report_beside(const Resident& resident) {
    bench_.progress("residency: beside " + shape_name(resident.threads, resident.registers));
    for (int threads = 32; threads <= 256; threads += 32) {
      int largest = 0;
      std::string counts;
      for (const int registers : second_registers) {
        const int actual = occupants_.second_registers_of(registers);
        const std::optional<int> ctas = ctas_beside(resident, {threads, registers});
        if (!ctas) continue;
        cases_.push_back({resident, {threads, actual}, *ctas});
        if (*ctas > 0) largest = std::max(largest, actual);
        counts += " " + std::to_string(actual) + ":" + std::to_string(*ctas);
      }
      std::vector<double> value;
      if (!counts.empty()) value.push_back(largest);
      report_values(
          bench_,
          {theme, "beside " + shape_name(resident.threads, resident.registers) + ", CTAs of " + std::to_string(threads),
           "most registers", "", "",
           (largest == 0 ? "none starts; " : "") + ("CTAs that start beside, by registers:" + counts)},
          value);
    }
  }

  void report_rules() {
    std::string answer;
    int most = -1;
    for (const RegisterRule rule : register_rules) {
      int counts = 0;
      int starts = 0;
      for (const Case& one : cases_) {
        const int by_rule = beside(rule, one);
        counts += by_rule == one.ctas ? 1 : 0;
        starts += (by_rule > 0) == (one.ctas > 0) ? 1 : 0;
      }
      const std::string name(register_rule_name(rule));
      const std::string right = "right in " + std::to_string(starts) + " of " + std::to_string(cases_.size()) +
                                " cases whether one starts, in " + std::to_string(counts) + " how many" + miss(rule);
      report_values(bench_, {theme, name, "right", "", "", right}, {share(counts)});
      if (counts > most) answer = name + ": " + right;
      most = std::max(most, counts);
    }
    report_values(bench_, {theme, "rule", "right", "", "", cases_.empty() ? "nothing measured" : answer},
                  {share(most)});
  }

  // Where the hardware puts the warps of CTAs that come to an SM which holds something.
  void report_slots(const Resident& resident, int threads) {
    const Occupant first = first_of(resident);
    const std::optional<Occupants::Records> records = occupants_.run(first, second_of({threads, 16}));
    if (!records) return;
    std::map<unsigned, std::vector<CtaRecord>> of_sm;
    for (const CtaRecord& record : records->second) {
      if (record.start != 0 && record.start < records->together_until) of_sm[record.sm].push_back(record);
    }
    std::map<std::string, int> orders;
    int alike = 0;
    int all = 0;
    for (auto& [sm, ctas] : of_sm) {
      std::sort(ctas.begin(), ctas.end(), [](const CtaRecord& a, const CtaRecord& b) { return a.ticket < b.ticket; });
      std::string order;
      for (const CtaRecord& cta : ctas) {
        if (order.size() < 16) order += " " + std::to_string(cta.first_warp % 4);
        alike += cta.first_warp % 4 == 0 ? 1 : 0;
        ++all;
      }
      ++orders[order];
    }
    const auto common = std::max_element(orders.begin(), orders.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
    std::string note = "%warpid mod 4 of warp 0 of the first CTAs on an SM:";
    if (common == orders.end()) {
      note += " none started";
    } else {
      note += common->first + " on " + std::to_string(common->second) + " of " + std::to_string(of_sm.size()) + " SMs";
    }
    std::vector<double> value;
    if (all > 0) value.push_back(static_cast<double>(alike) / all);
    report_values(
        bench_,
        {theme, "CTAs of " + std::to_string(threads) + " beside " + shape_name(resident.threads, resident.registers),
         "share from slot 0 mod 4", "", "", note},
        value);
  }

 private:
  [[nodiscard]] Occupant first_of(const Resident& resident) const {
    return {.ctas = bench_.sms(),
            .threads = resident.threads,
            .registers = resident.registers,
            .carveout = cudaSharedmemCarveoutMaxShared};
  }
  // As many as the slots could take.
  [[nodiscard]] Occupant second_of(const Resident& second) const {
    return {.ctas = bench_.sms() * std::min(31, 2048 / second.threads),
            .threads = second.threads,
            .registers = second.registers,
            .carveout = cudaSharedmemCarveoutMaxShared};
  }

  // Median over the SMs that hold one resident CTA; the larger of two runs.
  std::optional<int> ctas_beside(const Resident& resident, const Resident& second) {
    std::optional<int> most;
    for (int i = 0; i < 2; ++i) {
      const std::optional<Occupants::Records> records = occupants_.run(first_of(resident), second_of(second));
      if (!records) continue;
      std::map<unsigned, int> residents;
      for (const CtaRecord& record : records->first) ++residents[record.sm];
      std::map<unsigned, int> beside;
      for (const CtaRecord& record : records->second) {
        if (record.start != 0 && record.start < records->together_until) ++beside[record.sm];
      }
      std::vector<int> counts;
      for (const auto& [sm, ctas] : residents) {
        if (ctas == 1) counts.push_back(beside[sm]);
      }
      if (counts.empty()) continue;
      std::nth_element(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2), counts.end());
      most = std::max(most.value_or(0), counts[counts.size() / 2]);
    }
    return most;
  }

  [[nodiscard]] static int beside(RegisterRule rule, const Case& one) {
    const int launched = std::min(31, 2048 / one.second.threads);
    return std::min(launched, perfmodel::ctas_beside(rule, {one.resident.threads / 32, one.resident.registers},
                                                     {one.second.threads / 32, one.second.registers}));
  }

  [[nodiscard]] double share(int right) const {
    return cases_.empty() ? 0 : static_cast<double>(std::max(right, 0)) / static_cast<double>(cases_.size());
  }

  // The first case that the rule has wrong.
  [[nodiscard]] std::string miss(RegisterRule rule) const {
    for (const Case& one : cases_) {
      if (beside(rule, one) == one.ctas) continue;
      return "; wrong, for one, " + shape_name(one.second.threads, one.second.registers) + " beside " +
             shape_name(one.resident.threads, one.resident.registers) + ": " + std::to_string(beside(rule, one)) +
             ", not " + std::to_string(one.ctas);
    }
    return "";
  }

  Bench& bench_;
  Occupants occupants_;
  std::vector<Case> cases_;
};

}  // namespace

void probe_residency(Bench& bench) {
  if (!bench.wanted(theme)) return;
  ResidencyProbe probe(bench);
  probe.report_partners();
  for (const Resident& resident : {Resident{384, 168},
                                   {384, 128},
                                   {384, 152},
                                   {256, 232},
                                   {128, 248},
                                   {512, 96},
                                   {192, 168},
                                   {160, 200},
                                   {96, 248}}) {
    probe.report_beside(resident);
  }
  probe.report_rules();
  for (const int threads : {32, 64, 96, 128}) {
    probe.report_slots({384, 128}, threads);
    probe.report_slots({160, 200}, threads);
  }
}

std::vector<SassExpectation> sass_expectations_residency() {
  return {{.kernel = "partner_kernel", .opcode = "FFMA", .at_least = 16 * partner_chains},
          {.kernel = "occupant_kernel", .opcode = "BAR", .at_least = 1}};
}

}  // namespace perfmodel
