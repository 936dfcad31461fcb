#include "report/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "support/format.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t shown_advice = 3;

// Of two times in one unit: the number of the first, "1.73" for 1.73 ms beside 1.93 ms.
std::string number_in_unit_of(Seconds time, Seconds other) {
  struct Unit {
    double limit;
    double factor;
  };
  static constexpr std::array<Unit, 3> units{{{0.9995e-6, 1e9}, {0.9995e-3, 1e6}, {0.9995, 1e3}}};
  const auto* const unit = std::ranges::find_if(units, [&](const Unit& u) { return other.si() < u.limit; });
  return format_significant(time.si() * (unit == units.end() ? 1.0 : unit->factor));
}

std::string flop_rate_cell(const Estimate& estimate) {
  if (estimate.flops.si() <= 0.0) return "";
  return format_significant(estimate.flops.si() / estimate.time.si() * 1e-12);
}

std::string byte_rate_cell(const Estimate& estimate) {
  const Bytes bytes = estimate.traffic.dram_read + estimate.traffic.dram_written;
  return fmt::format("{:.2f}", bytes.si() / estimate.time.si() * 1e-12);
}

std::vector<std::string> item_cells(const SequenceItem& item, Seconds total) {
  const std::string& name = item.name;
  const Estimate& estimate = item.estimate;
  if (!estimate.feasible()) return {name, "", "", "infeasible"};
  // Its time is in that of the operator above.
  if (!item.beside.empty())
    return {"  " + name.substr(0, name.find('/')), "beside", "", "", "", "", byte_rate_cell(estimate), ""};
  return {name,
          format_time(estimate.time),
          share_text(estimate.time / total),
          std::string(limiter_name(estimate.limiter)),
          next_text(estimate),
          flop_rate_cell(estimate),
          byte_rate_cell(estimate),
          interval_text(estimate.lower, estimate.upper)};
}

// Rates of several operators together.
std::vector<std::string> sum_cells(const std::string& name, const SequenceEstimate& sequence, bool matmul_only) {
  Flops flops;
  Bytes bytes;
  for (const SequenceItem& item : sequence.items) {
    if (matmul_only && !item.matmul && item.beside.empty()) continue;
    flops += item.estimate.flops;
    bytes += item.estimate.traffic.dram_read + item.estimate.traffic.dram_written;
  }
  const Seconds time = matmul_only ? sequence.matmul : sequence.total;
  const bool any = time > Seconds(0.0);
  return {name,
          format_time(time),
          share_text(time / sequence.total),
          "",
          "",
          any && flops.si() > 0.0 ? format_significant(flops.si() / time.si() * 1e-12) : "",
          any ? fmt::format("{:.2f}", bytes.si() / time.si() * 1e-12) : "",
          matmul_only ? interval_text(sequence.matmul_lower, sequence.matmul_upper)
                      : interval_text(sequence.lower, sequence.upper)};
}

const SequenceItem& longest_item(const SequenceEstimate& sequence) {
  return *std::ranges::max_element(sequence.items, {}, [](const SequenceItem& item) { return item.estimate.time; });
}

// Which operators a table of `most` lines adds up in its last one: none if all fit.
std::vector<bool> shortest_items(const SequenceEstimate& sequence, std::size_t most) {
  const std::size_t count = sequence.items.size();
  std::vector<bool> folded(count, false);
  if (count <= most || most == 0) return folded;
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>{}, [&](std::size_t i) { return sequence.items[i].estimate.time; });
  for (std::size_t i = most - 1; i < count; ++i) folded[order[i]] = true;
  // What runs beside another shares its line's fate.
  for (std::size_t i = 1; i < count; ++i) {
    if (!sequence.items[i].beside.empty()) folded[i] = true;
  }
  return folded;
}

std::string regime_text(Regime regime) { return std::string(name_of(regime)); }

std::string dropout_text(const Study& study) {
  const Seconds without = study.without_dropout->total;
  const Seconds cost = study.estimate.total - without;
  if (cost <= Seconds(0.0)) return fmt::format("costs nothing: without it {}", format_time(without));
  std::string text =
      fmt::format("costs {} ({}): without it {}", format_time(cost), change_text(cost / without), format_time(without));
  const Seconds matmul = study.without_dropout->matmul;
  if (!study.single && matmul > Seconds(0.0)) {
    text += fmt::format("; matmul operators {} instead of {}", format_time(study.estimate.matmul), format_time(matmul));
  }
  return text;
}

std::string evidence_text(const Evidence& evidence) {
  std::string text = fmt::format("{} of {} constants", evidence.influences.size(), evidence.constants);
  std::string separator = ": ";
  for (const Origin origin :
       {Origin::datasheet, Origin::measured, Origin::derived, Origin::published, Origin::fitted, Origin::assumed}) {
    const std::size_t count = evidence.count(origin);
    if (count == 0) continue;
    text += fmt::format("{}{} {}", separator, count, origin_name(origin));
    separator = ", ";
  }
  return text;
}

// The strongest, and what nobody has measured: the strongest of the assumed.
std::string influences_text(const Evidence& evidence) {
  const auto strongest = std::ranges::find(evidence.influences, false, &Influence::count);
  const auto assumed = std::ranges::find(evidence.influences, Origin::assumed, &Influence::source);
  std::string text;
  if (strongest != evidence.influences.end()) {
    text = fmt::format("most: {} ({}, {:+.2f} % for +1 %)", strongest->key, origin_name(strongest->source),
                       100.0 * strongest->effect);
  }
  if (assumed != evidence.influences.end() && assumed != strongest) {
    text += fmt::format("; assumed: {} ({:+.2f} %)", assumed->key, 100.0 * assumed->effect);
  }
  return text;
}

std::string advice_text(const Advice& advice, Seconds before) {
  return fmt::format("{}: {} ({})", advice.change, format_time(advice.total), change_text(advice.total / before - 1.0));
}

void add_advice(std::vector<Fact>& facts, const Study& study) {
  if (study.advice.empty()) return;
  std::size_t shown = 0;
  for (const bool hardware : {false, true}) {
    // Kernel changes take at most two of the lines, so that the machine's limit is named too.
    const std::size_t most = hardware ? shown_advice : shown_advice - 1;
    for (const Advice& advice : study.advice) {
      if (advice.hardware != hardware || shown >= most) continue;
      facts.push_back({"try", advice_text(advice, study.estimate.total)});
      ++shown;
    }
  }
}

void add_single_facts(std::vector<Fact>& facts, const Estimate& estimate) {
  if (!estimate.kernel.empty()) facts.push_back({"kernel", estimate.kernel});
  facts.push_back({"time", parts_text(estimate.parts)});
  facts.push_back({"busy", utilisation_text(estimate.utilisation)});
  facts.push_back({"traffic", traffic_text(estimate.traffic)});
  if (estimate.sequence > Seconds(0.0)) {
    facts.push_back({"sequence", fmt::format("one after the other {}: overlap takes {}", format_time(estimate.sequence),
                                             change_text(estimate.time / estimate.sequence - 1.0))});
  }
}

std::string calibration_text(const Calibration& calibration) {
  if (!calibration.present()) return "none: no fitted constants, intervals from the model's default";
  return fmt::format("fitted on {}, {}", calibration.machine, calibration.date);
}

}  // namespace

std::string utilisation_text(const Utilisation& use) {
  struct Entry {
    std::string_view name;
    double share;
  };
  std::array<Entry, 8> entries{{{"tensor", use.tensor},
                                {"fma", use.fma},
                                {"alu", use.alu},
                                {"xu", use.xu},
                                {"issue", use.issue},
                                {"smem", use.smem},
                                {"l2", use.l2},
                                {"dram", use.dram}}};
  std::ranges::stable_sort(entries, std::greater<>{}, &Entry::share);
  std::string text;
  for (const Entry& entry : entries) {
    if (entry.share < 0.005) continue;
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", entry.name, 100.0 * entry.share);
  }
  return text;
}

std::string parts_text(const Parts& parts) {
  return fmt::format("launch {}, fill {}, steady {}, tail {}", format_time(parts.launch), format_time(parts.fill),
                     format_time(parts.steady), format_time(parts.tail));
}

std::string traffic_text(const Traffic& traffic) {
  return fmt::format("DRAM {} read, {} written; L2 {}; shared memory {}", format_bytes(traffic.dram_read),
                     format_bytes(traffic.dram_written), format_bytes(traffic.l2), format_bytes(traffic.smem));
}

std::string interval_text(Seconds lower, Seconds upper) {
  return fmt::format("{} to {}", number_in_unit_of(lower, upper), format_time(upper));
}

std::string next_text(const Estimate& estimate) {
  if (estimate.second == estimate.limiter) return "";
  return fmt::format("{} ({:.0f} %)", limiter_name(estimate.second), 100.0 * estimate.slack);
}

std::string share_text(double share) {
  if (!std::isfinite(share)) return "";
  return share < 0.01 ? fmt::format("{:.1f} %", 100.0 * share) : fmt::format("{:.0f} %", 100.0 * share);
}

std::string change_text(double change) {
  return std::abs(change) < 0.0995 ? fmt::format("{:+.1f} %", 100.0 * change)
                                   : fmt::format("{:+.0f} %", 100.0 * change);
}

std::string clock_text(const SequenceEstimate& estimate, Hertz top, Watts limit) {
  const double clock = estimate.clock.si() * 1e-6;
  const double maximum = top.si() * 1e-6;
  const std::string falls = fmt::format("the SM clock to {:.0f} of {:.0f} MHz", clock, maximum);
  switch (estimate.clock_limit) {
    case ClockLimit::top: return fmt::format("the SM clock stays at its maximum of {:.0f} MHz", maximum);
    case ClockLimit::tensor: return "tensor work limits " + falls;
    case ClockLimit::droop: return "the sudden load pulls " + falls;
    case ClockLimit::activity: return "busy tensor cores pull " + falls;
    case ClockLimit::power:
      return fmt::format("the {:.0f} W limit holds the clock at {:.0f} of {:.0f} MHz", limit.si(), clock, maximum);
  }
  return {};
}

std::string held_text(const std::optional<HeldLoad>& held, Watts limit) {
  if (!held) return {};
  return fmt::format(", over the {} limit, which takes longer to act: repeated for long {} at {:.0f} MHz, {}",
                     format_power(limit), format_power(held->power), held->clock.si() * 1e-6, format_time(held->total));
}

std::string host_text(const HiddenPart& part) { return (part.previous ? "previous " : "") + part.host; }

std::string hiding_text(const Hiding& hiding) {
  if (hiding.parts.empty()) {
    return fmt::format("{} takes a turn of its own, {}: {}", hiding.mask, format_time(hiding.in_turn), hiding.why);
  }
  std::vector<std::string> hosts;
  for (const HiddenPart& part : hiding.parts) {
    const std::string kernel = part.kernel.empty() ? "" : part.kernel + ", ";
    const std::string share = hiding.parts.size() > 1 ? fmt::format("{} ", share_text(part.share)) : "";
    hosts.push_back(
        fmt::format("{}beside {} ({}{} CTAs of {} threads)", share, host_text(part), kernel, part.ctas, part.threads));
  }
  return fmt::format("{} of {} of {} hidden: {}; {}", share_text(hiding.hidden()), format_time(hiding.in_turn),
                     hiding.mask, fmt::join(hosts, ", "), hiding.why);
}

std::vector<std::string> verdict_lines(const Study& study) {
  const SequenceEstimate& estimate = study.estimate;
  const std::string refusal = refusal_of(estimate);
  if (!refusal.empty()) {
    return {fmt::format("{} cannot run on {}: {}", study.name, study.machine_name, refusal)};
  }
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} takes {} (90 % interval {}) on {}, {}.", study.name, format_time(estimate.total),
                              interval_text(estimate.lower, estimate.upper), study.machine_name,
                              regime_text(estimate.regime)));
  const std::string clock = clock_text(estimate, study.top_clock, study.power_limit);
  const SequenceItem& longest = longest_item(estimate);
  if (study.single) {
    lines.push_back(fmt::format("Limited by {}; {}.", limiter_name(longest.estimate.limiter), clock));
  } else {
    lines.push_back(fmt::format("{} is {} of it, limited by {}; {}.", longest.name,
                                share_text(longest.estimate.time / estimate.total),
                                limiter_name(longest.estimate.limiter), clock));
  }
  return lines;
}

std::vector<Fact> facts_of(const Study& study) {
  std::vector<Fact> facts;
  const SequenceEstimate& estimate = study.estimate;
  if (!refusal_of(estimate).empty()) return facts;
  if (study.single) add_single_facts(facts, study.only().estimate);
  if (study.without_dropout) facts.push_back({"dropout", dropout_text(study)});
  for (const Hiding& hiding : estimate.hiding) facts.push_back({"hiding", hiding_text(hiding)});
  if (estimate.mask > Bytes(0.0))
    facts.push_back({"mask", fmt::format("{} until its last reader", format_bytes(estimate.mask))});
  facts.push_back({"clock", fmt::format("{}; mean power {}{}", clock_text(estimate, study.top_clock, study.power_limit),
                                        format_power(estimate.power), held_text(study.held, study.power_limit))});
  facts.push_back(
      {"roofline", fmt::format("{} by the datasheet's peaks alone, {} of the prediction",
                               format_time(estimate.roofline), share_text(estimate.roofline / estimate.total))});
  facts.push_back({"rests on", evidence_text(study.evidence)});
  if (!study.evidence.influences.empty()) facts.push_back({"rests on", influences_text(study.evidence)});
  if (!study.calibration.present()) facts.push_back({"fit", calibration_text(study.calibration)});
  for (const std::string& note : study.notes) facts.push_back({"note", note});
  add_advice(facts, study);
  return facts;
}

Grid operator_grid(const SequenceEstimate& sequence, std::size_t most) {
  Grid grid;
  grid.column("operator", Grid::Align::left).column("time").column("share").column("limiter", Grid::Align::left);
  grid.column("next (slack)", Grid::Align::left).column("TFLOPS").column("TB/s").column("90 % interval");
  const std::vector<bool> folded_away = shortest_items(sequence, most);
  Seconds rest;
  std::size_t folded = 0;
  for (std::size_t i = 0; i < sequence.items.size(); ++i) {
    const SequenceItem& item = sequence.items[i];
    if (folded_away[i]) {
      if (!item.beside.empty()) continue;
      ++folded;
      rest += item.estimate.time;
    } else {
      grid.row(item_cells(item, sequence.total));
    }
  }
  if (folded > 0) {
    grid.row({fmt::format("{} others", folded), format_time(rest), share_text(rest / sequence.total)});
  }
  grid.row(sum_cells("total", sequence, /*matmul_only=*/false));
  if (sequence.matmul > Seconds(0.0)) grid.row(sum_cells("matmul", sequence, /*matmul_only=*/true));
  return grid;
}

Grid bound_grid(const Estimate& estimate) {
  Grid grid;
  grid.column("bound", Grid::Align::left).column("alone").column("of the time");
  std::vector<Limiter> limiters;
  limiters.reserve(limiter_count);
  for (int i = 0; i < limiter_count; ++i) limiters.push_back(static_cast<Limiter>(i));
  std::ranges::stable_sort(limiters, std::greater<>{}, [&](Limiter limiter) { return estimate.bounds[limiter]; });
  for (const Limiter limiter : limiters) {
    const Seconds bound = estimate.bounds[limiter];
    if (bound <= Seconds(0.0)) continue;
    grid.row({std::string(limiter_name(limiter)), format_time(bound), share_text(bound / estimate.time)});
  }
  return grid;
}

}  // namespace perfmodel
