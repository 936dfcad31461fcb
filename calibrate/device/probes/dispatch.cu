// The order in which CTAs go to SMs: the first wave, the later ones, two kernels in two streams, and clusters.
#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "calibrate/device/probes/clock_reading.hpp"
#include "calibrate/device/probes/gpc_map.hpp"
#include "calibrate/device/probes/occupants.hpp"
#include "calibrate/device/probes/probes.hpp"
#include "calibrate/sass.hpp"

namespace perfmodel {
namespace {

constexpr const char* theme = "dispatch";
constexpr std::size_t whole_sm = 200 * 1024;  // shared memory that leaves no room for a second such CTA
constexpr int repeats = 5;
constexpr double microsecond_ns = 1e-3;

std::string percent(double share) { return std::to_string(static_cast<int>(100 * share + 0.5)) + " %"; }

std::string list(const std::vector<int>& values, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(values.size(), most); ++i) text += " " + std::to_string(values[i]);
  return text;
}

// Share of neighbouring entries for which `holds`.
template <class Holds>
double share_of_neighbours(const std::vector<int>& values, Holds holds) {
  int count = 0;
  for (std::size_t i = 1; i < values.size(); ++i) count += holds(values[i - 1], values[i]) ? 1 : 0;
  return values.size() < 2 ? 0 : static_cast<double>(count) / static_cast<double>(values.size() - 1);
}

std::vector<int> sms_of(const std::vector<CtaRecord>& records) {
  std::vector<int> sms;
  for (const CtaRecord& record : records) sms.push_back(static_cast<int>(record.sm));
  return sms;
}

class DispatchProbe {
 public:
  explicit DispatchProbe(Bench& bench)
      : bench_(bench), occupants_(bench), gpcs_(gpcs_of(bench)), gpc_of_(static_cast<std::size_t>(bench.sms())) {
    for (std::size_t gpc = 0; gpc < gpcs_.size(); ++gpc) {
      for (const int sm : gpcs_[gpc]) gpc_of_[static_cast<std::size_t>(sm)] = static_cast<int>(gpc);
    }
  }

  void report_gpcs() {
    std::string note = "SM ids of each:";
    for (const std::vector<int>& gpc : gpcs_) note += list(gpc, gpc.size()) + " (" + std::to_string(gpc.size()) + ");";
    report("GPCs", "count", "", {static_cast<double>(gpcs_.size())}, note);
  }

  // Several CTAs an SM, all at once: does each SM get one before any gets two, and in which order?
  void report_first_wave(int ctas_per_sm) {
    bench_.progress("dispatch: first wave");
    std::vector<double> balanced;
    std::vector<double> same_tpc;
    std::vector<double> same_gpc;
    std::vector<double> repeated;
    std::vector<int> before;
    for (int i = 0; i < repeats; ++i) {
      const auto records = occupants_.run({.ctas = bench_.sms() * ctas_per_sm, .threads = 256, .registers = 32}, {});
      if (!records) continue;
      const std::vector<int> sms = sms_of(records->first);
      const std::vector<int> wave(sms.begin(), sms.begin() + bench_.sms());
      balanced.push_back(static_cast<double>(std::set<int>(wave.begin(), wave.end()).size()) / bench_.sms());
      same_tpc.push_back(share_of_neighbours(wave, [](int a, int b) { return a / 2 == b / 2; }));
      same_gpc.push_back(share_of_neighbours(wave, [&](int a, int b) { return gpc(a) == gpc(b); }));
      if (!before.empty()) repeated.push_back(share_alike(before, sms));
      before = sms;
    }
    const std::string name = "first wave, " + std::to_string(ctas_per_sm) + " an SM";
    report(name, "SMs of the first CTAs", "", balanced,
           "different SMs among as many CTAs as there are SMs, as a share");
    report(name, "neighbours on a TPC", "", same_tpc,
           "share of CTAs beside the one before; SM ids:" + list(before, 40));
    report(name, "neighbours on a GPC", "", same_gpc, "GPCs in this order:" + list(gpcs_of_sms(before), 40));
    report(name, "alike from launch to launch", "", repeated, "share of CTAs that come to the same SM again");
    if (!balanced.empty()) report_wave_rule(name, balanced, same_gpc, repeated);
  }

  // One CTA an SM at a time, of unlike lengths.
  void report_later_waves() {
    bench_.progress("dispatch: later waves");
    std::vector<double> in_order;
    std::vector<double> earliest;
    std::vector<double> delays;
    for (int i = 0; i < repeats; ++i) {
      const auto records = occupants_.run(queue_of(6, 20'000, 20'000), {}, bench_.sms());
      if (!records) continue;
      const std::vector<CtaRecord>& ctas = records->first;
      in_order.push_back(share_in_order(ctas));
      std::map<unsigned, std::vector<CtaRecord>> of_sm;
      for (const CtaRecord& cta : ctas) of_sm[cta.sm].push_back(cta);
      std::vector<double> gaps;
      for (auto& [sm, own] : of_sm) add_gaps(own, gaps);
      delays.push_back(summarise(gaps).median);
      earliest.push_back(share_to_earliest(ctas));
    }
    report("later waves", "starts in order of blockIdx", "", in_order, "share of CTAs that start after the one before");
    report("later waves", "to the SM that is free first", "", earliest,
           "share of CTAs whose SM is the one that had waited longest, within 1 us");
    report("later waves", "from end to start", "us", delays, "between two CTAs of an SM");
    if (in_order.empty()) return;
    const double share = summarise(earliest).median;
    rule("later CTAs", share,
         share > 0.9 ? "a CTA goes to the SM that frees first, in the order of blockIdx"
                     : "not simply to the SM that frees first");
  }

  // A second kernel in its own stream while the first has CTAs that wait for room.
  void report_two_kernels(const std::string& name, bool small, bool urgent) {
    bench_.progress("dispatch: " + name);
    Occupant second{.ctas = bench_.sms(),
                    .threads = 128,
                    .registers = 32,
                    .shared_bytes = small ? 0 : whole_sm,
                    .carveout = cudaSharedmemCarveoutMaxShared,
                    .urgent = urgent,
                    .stay_nanoseconds = 20'000};
    std::vector<double> early;
    std::vector<double> first_start;
    for (int i = 0; i < repeats; ++i) {
      const auto records = occupants_.run(queue_of(5, 60'000, 20'000), second, bench_.sms());
      if (!records) continue;
      unsigned last = 0;
      unsigned long long begin = ~0ULL;
      unsigned long long end = 0;
      for (const CtaRecord& cta : records->first) {
        last = std::max(last, cta.ticket);
        begin = std::min(begin, cta.start);
        end = std::max(end, cta.start);
      }
      int before = 0;
      unsigned long long first = ~0ULL;
      for (const CtaRecord& cta : records->second) {
        before += cta.ticket < last ? 1 : 0;
        first = std::min(first, cta.start);
      }
      early.push_back(static_cast<double>(before) / second.ctas);
      first_start.push_back(static_cast<double>(first - begin) / static_cast<double>(end - begin));
    }
    if (early.empty()) return;
    const double share = summarise(early).median;
    report(name, "started early", "", early, "share of the second's CTAs that start before the first's last CTA");
    report(name, "first start", "", first_start, "of the second, as a share of the time to the first's last start");
    rule(name, share,
         share > 0.5
             ? "the second starts while CTAs of the first still wait (" + percent(share) + " of its CTAs)"
             : "the second starts when all CTAs of the first are dispatched (" + percent(1 - share) + " of its CTAs)");
  }

  // As many clusters as there could be, one CTA an SM: the SMs that a GPC's size leaves idle.
  void report_clusters(int cluster) {
    bench_.progress("dispatch: clusters of " + std::to_string(cluster));
    int room = 0;
    for (const std::vector<int>& gpc : gpcs_) room += static_cast<int>(gpc.size()) / cluster * cluster;
    Occupant first = queue_of(2, 60'000, 0);
    first.cluster = cluster;
    first.ctas = bench_.sms() * 2 / cluster * cluster;
    std::vector<double> used;
    std::vector<double> consecutive;
    std::vector<int> order;
    for (int i = 0; i < repeats; ++i) {
      const auto records = occupants_.run(first, {}, cluster);
      if (!records) continue;
      unsigned long long first_end = ~0ULL;
      for (const CtaRecord& cta : records->first) first_end = std::min(first_end, cta.end);
      int running = 0;
      order.clear();
      for (const CtaRecord& cta : records->first) {
        running += cta.start < first_end ? 1 : 0;
        order.push_back(static_cast<int>(cta.sm));
      }
      used.push_back(running);
      consecutive.push_back(share_of_pairs(order));
    }
    if (used.empty()) return;
    const std::string name = "clusters of " + std::to_string(cluster);
    report(name, "SMs at once", "", used,
           "of " + std::to_string(bench_.sms()) + "; whole clusters in every GPC come to " + std::to_string(room));
    report(name, "pairs on a TPC", "", consecutive, "share of CTAs 2i and 2i + 1; SM ids:" + list(order, 32));
    std::vector<int> leaders;
    for (std::size_t i = 0; i < order.size(); i += static_cast<std::size_t>(cluster)) leaders.push_back(gpc(order[i]));
    const double sms = summarise(used).median;
    rule(name, sms / bench_.sms(),
         std::to_string(static_cast<int>(sms)) + " SMs hold clusters at once, " +
             (static_cast<int>(sms) == room ? "as" : "not as") +
             " whole clusters a GPC give; GPCs of the clusters:" + list(leaders, 24));
  }

 private:
  [[nodiscard]] int gpc(int sm) const { return gpc_of_[static_cast<std::size_t>(sm)]; }
  [[nodiscard]] std::vector<int> gpcs_of_sms(const std::vector<int>& sms) const {
    std::vector<int> result;
    for (const int sm : sms) result.push_back(gpc(sm));
    return result;
  }

  // More CTAs than the card holds, one an SM at a time.
  [[nodiscard]] Occupant queue_of(int waves, std::uint32_t stay, std::uint32_t more) const {
    return {.ctas = waves * bench_.sms(),
            .threads = 128,
            .registers = 32,
            .shared_bytes = whole_sm,
            .carveout = cudaSharedmemCarveoutMaxShared,
            .stay_nanoseconds = stay,
            .more_nanoseconds = more};
  }

  static double share_alike(const std::vector<int>& a, const std::vector<int>& b) {
    int alike = 0;
    for (std::size_t i = 0; i < a.size(); ++i) alike += a[i] == b[i] ? 1 : 0;
    return static_cast<double>(alike) / static_cast<double>(a.size());
  }

  static double share_of_pairs(const std::vector<int>& sms) {
    int pairs = 0;
    for (std::size_t i = 1; i < sms.size(); i += 2) pairs += sms[i - 1] / 2 == sms[i] / 2 ? 1 : 0;
    return 2.0 * pairs / static_cast<double>(sms.size());
  }

  // Tickets are drawn a moment after the start, so that CTAs that start together may change places: by time.
  [[nodiscard]] double share_in_order(const std::vector<CtaRecord>& ctas) const {
    int rising = 0;
    int all = 0;
    for (auto i = static_cast<std::size_t>(bench_.sms()) + 1; i < ctas.size(); ++i, ++all) {
      rising += ctas[i].start + 100 >= ctas[i - 1].start ? 1 : 0;
    }
    return static_cast<double>(rising) / std::max(all, 1);
  }

  static void add_gaps(std::vector<CtaRecord>& own, std::vector<double>& gaps) {
    std::sort(own.begin(), own.end(), [](const CtaRecord& a, const CtaRecord& b) { return a.start < b.start; });
    for (std::size_t i = 1; i < own.size(); ++i) {
      if (own[i].start >= own[i - 1].end) {
        gaps.push_back(microsecond_ns * static_cast<double>(own[i].start - own[i - 1].end));
      }
    }
  }

  // Follows the CTAs in the order of blockIdx: the SM of each should be the one whose last CTA ended first.
  [[nodiscard]] double share_to_earliest(const std::vector<CtaRecord>& ctas) const {
    std::vector<unsigned long long> free_at(static_cast<std::size_t>(bench_.sms()), 0);
    int right = 0;
    int all = 0;
    for (std::size_t i = 0; i < ctas.size(); ++i) {
      unsigned long long& own = free_at[ctas[i].sm];
      if (i >= free_at.size()) {
        ++all;
        right += own <= *std::min_element(free_at.begin(), free_at.end()) + 1000 ? 1 : 0;
      }
      own = ctas[i].end;
    }
    return static_cast<double>(right) / std::max(all, 1);
  }

  void report_wave_rule(const std::string& name, const std::vector<double>& balanced,
                        const std::vector<double>& same_gpc, const std::vector<double>& repeated) {
    const double spread = summarise(balanced).median;
    const double gpcs = summarise(same_gpc).median;
    const double fixed = summarise(repeated).median;
    rule(name, spread,
         std::string(spread > 0.99 ? "every SM gets one CTA before any gets two"
                                   : "some SMs get two before others one") +
             (gpcs < 0.25 ? ", in turn over the GPCs" : ", with neighbours in one GPC") +
             (fixed > 0.95 ? ", in an order that is always the same" : ", in an order that changes"));
  }

  void report(const std::string& case_name, const char* quantity, const char* unit, const std::vector<double>& values,
              const std::string& note) {
    if (values.empty()) return;
    report_values(bench_, {theme, case_name, quantity, unit, "", note}, values);
  }

  void rule(const std::string& what, double share, const std::string& text) {
    report("rule: " + what, "share", "", {share}, text);
  }

  Bench& bench_;
  Occupants occupants_;
  std::vector<std::vector<int>> gpcs_;
  std::vector<int> gpc_of_;
};

}  // namespace

void probe_dispatch(Bench& bench) {
  if (!bench.wanted(theme)) return;
  DispatchProbe probe(bench);
  probe.report_gpcs();
  for (const int ctas_per_sm : {1, 2, 4}) probe.report_first_wave(ctas_per_sm);
  probe.report_later_waves();
  probe.report_two_kernels("two kernels that each fill an SM", false, false);
  probe.report_two_kernels("two kernels, the second urgent", false, true);
  probe.report_two_kernels("two kernels, the second fits beside", true, false);
  probe.report_two_kernels("two kernels, the second fits beside and is urgent", true, true);
  for (const int cluster : {2, 4, 8}) probe.report_clusters(cluster);
}

std::vector<SassExpectation> sass_expectations_dispatch() {
  return {{.kernel = "occupant_kernel", .opcode = "CS2R", .at_least = 3}};
}

}  // namespace perfmodel
