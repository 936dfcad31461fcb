// How the SM divides its memory between L1 and shared memory: what starts beside a kernel that runs, which carve-out
// the driver picks, and what a CTA waits for that does not fit into it.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/occupants.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/sass.hpp"

namespace perfmodel {
namespace {

constexpr const char* theme = "carveout";
constexpr std::size_t kib = 1024;
constexpr int largest_kib = 227;  // of a CTA
constexpr double microsecond_ns = 1e-3;

// The first kernel, the second's preference, and what the SMs were left with before.
struct Setting {
  int first_threads = 128;
  std::size_t first_kib = 0;  // dynamic shared memory of a CTA
  int first_ctas = 1;         // an SM
  int first_carveout = cudaSharedmemCarveoutDefault;
  int second_carveout = cudaSharedmemCarveoutDefault;
  int left = cudaSharedmemCarveoutMaxL1;
};

std::string preference_name(int carveout) {
  if (carveout == cudaSharedmemCarveoutDefault) return "default";
  return std::to_string(carveout) + " %";
}

std::string name_of(const Setting& setting) {
  return std::to_string(setting.first_ctas) + " an SM of " + std::to_string(setting.first_threads) + " threads, " +
         std::to_string(setting.first_kib) + " KiB, " + preference_name(setting.first_carveout) + ", after " +
         preference_name(setting.left) + "; second " + preference_name(setting.second_carveout);
}

struct Outcome {
  double beside = 0;                 // share of the second's CTAs that started before the first left
  std::vector<double> microseconds;  // of the others, from the end of the SM's last first CTA to the start
};

// What the answers are computed from.
struct Evidence {
  Setting setting;
  int largest = -1;  // KiB that start beside, -1 for none
};

class CarveoutProbe {
 public:
  explicit CarveoutProbe(Bench& bench) : bench_(bench), occupants_(bench) {}

  // The most shared memory that a second CTA may ask for and still start beside.
  void report_largest(const Setting& setting) {
    bench_.progress("carve-out: " + name_of(setting));
    const std::optional<int> largest = largest_beside(setting);
    std::vector<double> value;
    std::string note = "dynamic, of a CTA of 128 threads";
    if (largest) {
      evidence_.push_back({setting, *largest});
      value.push_back(std::max(*largest, 0));
      if (*largest < 0) note = "none starts beside, not even without shared memory";
      if (*largest == 0) note = "one starts beside only without shared memory of its own";
      if (*largest > 0)
        note += "; so the carve-out is " + std::to_string(carveout_of(setting, *largest)) + " KiB or more";
    }
    report_values(bench_, {theme, name_of(setting), "most beside", "KiB", "", note}, value);
  }

  // When one that does not fit starts after all.
  void report_wait(const Setting& setting, std::size_t second_kib) {
    const std::optional<Outcome> outcome = outcome_of(setting, second_kib);
    if (!outcome) return;
    const std::string name = name_of(setting) + " " + std::to_string(second_kib) + " KiB";
    report_values(bench_, {theme, name, "share beside", "", "", "CTAs that started before the first kernel left"},
                  {outcome->beside});
    if (outcome->microseconds.empty()) return;
    report_values(bench_, {theme, name, "wait", "us", "", "of the others, from the end of the SM's last first CTA"},
                  {summarise(outcome->microseconds).median});
  }

  void report_answers() {
    int same = 0;
    int pairs = 0;
    for (const Evidence& a : evidence_) {
      for (const Evidence& b : evidence_) {
        if (a.setting.second_carveout != cudaSharedmemCarveoutDefault) continue;
        if (b.setting.second_carveout != cudaSharedmemCarveoutMaxShared || !same_first(a.setting, b.setting)) continue;
        ++pairs;
        same += a.largest == b.largest ? 1 : 0;
      }
    }
    answer("the second's preference", same, pairs, "makes no difference to what starts beside", "does");
    report_first_rule();
    report_capacity_rule();
  }

 private:
  static bool same_first(const Setting& a, const Setting& b) {
    return a.first_threads == b.first_threads && a.first_kib == b.first_kib && a.first_ctas == b.first_ctas &&
           a.first_carveout == b.first_carveout && a.left == b.left;
  }

  // Shared memory of the first's CTAs and of one that still starts, each with the 1 KiB that the system takes.
  static int carveout_of(const Setting& setting, int largest) {
    return setting.first_ctas * (static_cast<int>(setting.first_kib) + 1) + largest + 1;
  }

  void answer(const std::string& what, int holds, int of, const std::string& yes, const std::string& no) {
    std::vector<double> value;
    if (of > 0) value.push_back(static_cast<double>(holds) / of);
    const std::string note = what + (2 * holds > of ? " " + yes : " " + no) + " (" + std::to_string(holds) + " of " +
                             std::to_string(of) + " cases)";
    report_values(bench_, {theme, "rule: " + what, "share of cases", "", "", of > 0 ? note : "nothing measured"},
                  value);
  }

  // Whether what a kernel without preference leaves depends on what the SM had before.
  void report_first_rule() {
    int same = 0;
    int pairs = 0;
    for (const Evidence& a : evidence_) {
      for (const Evidence& b : evidence_) {
        Setting other = b.setting;
        other.left = a.setting.left;
        if (a.setting.left != cudaSharedmemCarveoutMaxL1 || b.setting.left == a.setting.left) continue;
        if (a.setting.second_carveout != b.setting.second_carveout || !same_first(a.setting, other)) continue;
        ++pairs;
        same += a.largest == b.largest ? 1 : 0;
      }
    }
    answer("the carve-out that the SM had before the first kernel", same, pairs, "makes no difference",
           "stays in part");
  }

  // Whether a first kernel with the largest carve-out leaves all the rest to the second, and one without does not.
  void report_capacity_rule() {
    int full = 0;
    int maxima = 0;
    int less = 0;
    int defaults = 0;
    for (const Evidence& one : evidence_) {
      const int rest = std::min(largest_kib, 228 - carveout_of(one.setting, 0));
      const bool all = one.largest >= rest;
      if (one.setting.first_carveout == cudaSharedmemCarveoutMaxShared) {
        ++maxima;
        full += all ? 1 : 0;
      }
      if (one.setting.first_carveout == cudaSharedmemCarveoutDefault) {
        ++defaults;
        less += all ? 0 : 1;
      }
    }
    answer("a first kernel with the largest carve-out", full, maxima, "leaves all the rest to a second one",
           "leaves less than the rest");
    answer("a first kernel without preference", less, defaults, "leaves a second one less than the rest",
           "leaves all the rest");
  }

  // Each run needs an SM as it was left before; 0 to 227 KiB by halving. -1: nothing starts beside.
  std::optional<int> largest_beside(const Setting& setting) {
    const auto starts = [&](int size) -> std::optional<bool> {
      const std::optional<Outcome> outcome = outcome_of(setting, static_cast<std::size_t>(size));
      if (!outcome) return std::nullopt;
      return outcome->beside > 0.5;
    };
    int fits = -1;
    int too_much = largest_kib + 1;
    while (too_much - fits > 1) {
      const int middle = (fits + too_much) / 2;
      const std::optional<bool> started = starts(middle);
      if (!started) return std::nullopt;
      (*started ? fits : too_much) = middle;
    }
    return fits;
  }

  std::optional<Outcome> outcome_of(const Setting& setting, std::size_t second_kib) {
    occupants_.leave_carveout(setting.left);
    const Occupant first{.ctas = bench_.sms() * setting.first_ctas,
                         .threads = setting.first_threads,
                         .registers = 32,
                         .shared_bytes = setting.first_kib * kib,
                         .carveout = setting.first_carveout};
    const Occupant second{.ctas = bench_.sms(),
                          .threads = 128,
                          .registers = 32,
                          .shared_bytes = second_kib * kib,
                          .carveout = setting.second_carveout};
    const std::optional<Occupants::Records> records = occupants_.run(first, second);
    if (!records) return std::nullopt;
    std::map<unsigned, unsigned long long> end;
    for (const CtaRecord& record : records->first) end[record.sm] = std::max(end[record.sm], record.end);
    Outcome outcome;
    for (const CtaRecord& record : records->second) {
      if (record.start < records->together_until) {
        outcome.beside += 1.0 / static_cast<double>(records->second.size());
      } else if (record.start > end[record.sm]) {
        outcome.microseconds.push_back(microsecond_ns * static_cast<double>(record.start - end[record.sm]));
      }
    }
    return outcome;
  }

  Bench& bench_;
  Occupants occupants_;
  std::vector<Evidence> evidence_;
};

std::vector<Setting> settings() {
  std::vector<Setting> result;
  constexpr int none = cudaSharedmemCarveoutDefault;
  constexpr int most = cudaSharedmemCarveoutMaxShared;
  for (const int left : {static_cast<int>(cudaSharedmemCarveoutMaxL1), most}) {
    for (const int first : {none, most}) {
      for (const int second : {none, most}) {
        for (const std::size_t size : {std::size_t{0}, std::size_t{16}, std::size_t{100}}) {
          result.push_back({.first_kib = size, .first_carveout = first, .second_carveout = second, .left = left});
        }
      }
    }
  }
  for (const int percent : {0, 25, 50, 75}) result.push_back({.first_carveout = percent, .second_carveout = most});
  // What the driver picks by the CTAs that an SM could hold.
  for (const int threads : {64, 256, 512, 1024}) result.push_back({.first_threads = threads});
  for (const std::size_t size : {std::size_t{1}, std::size_t{4}, std::size_t{32}, std::size_t{64}, std::size_t{200}}) {
    result.push_back({.first_kib = size});
    result.push_back({.first_threads = 512, .first_kib = size});
  }
  for (const int ctas : {2, 4, 8}) result.push_back({.first_ctas = ctas});
  return result;
}

}  // namespace

void probe_carveout(Bench& bench) {
  if (!bench.wanted(theme)) return;
  CarveoutProbe probe(bench);
  for (const Setting& setting : settings()) probe.report_largest(setting);
  probe.report_answers();
  constexpr int most = cudaSharedmemCarveoutMaxShared;
  // A GEMM's shared memory beside a kernel without any, and the other way round.
  for (const int first : {static_cast<int>(cudaSharedmemCarveoutDefault), most}) {
    for (const int second : {static_cast<int>(cudaSharedmemCarveoutDefault), most}) {
      probe.report_wait({.first_carveout = first, .second_carveout = second}, 200);
      probe.report_wait({.first_kib = 200, .first_carveout = first, .second_carveout = second}, 0);
    }
  }
  probe.report_wait({.first_kib = 200, .second_carveout = cudaSharedmemCarveoutMaxL1}, 0);
}

std::vector<SassExpectation> sass_expectations_carveout() {
  return {{.kernel = "occupant_kernel", .opcode = "CS2R", .at_least = 1}};
}

}  // namespace perfmodel
