#include "calibrate/interference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

namespace perfmodel {
namespace {

constexpr double noticeable = 0.05;       // slower by less than this is no slower
constexpr double shared_bandwidth = 128;  // bytes a clock and SM

using Cases = std::vector<Interference>;
using Value = std::function<double(const Interference&)>;

double mma_loss(const Interference& c) { return c.mma_slowdown - 1; }
double work_loss(const Interference& c) { return c.work_slowdown - 1; }

bool plain(const Interference& c) { return !c.extra_first && c.lead == 0; }
bool is(const Interference& c, const char* kind) { return c.mma.ends_with(kind); }

Cases chosen(const Cases& cases, const std::function<bool(const Interference&)>& wanted) {
  Cases result;
  std::ranges::copy_if(cases, std::back_inserter(result), wanted);
  return result;
}

double mean(const Cases& cases, const Value& value) {
  double sum = 0;
  for (const Interference& c : cases) sum += value(c);
  return sum / static_cast<double>(cases.size());
}

// Pearson's; 0 where either does not vary.
double correlation(const Cases& cases, const Value& x, const Value& y) {
  const double mean_x = mean(cases, x), mean_y = mean(cases, y);
  double xx = 0, yy = 0, xy = 0;
  for (const Interference& c : cases) {
    xx += (x(c) - mean_x) * (x(c) - mean_x);
    yy += (y(c) - mean_y) * (y(c) - mean_y);
    xy += (x(c) - mean_x) * (y(c) - mean_y);
  }
  return xx * yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

std::string label(const Interference& c) { return fmt::format("{} warps of {} beside {}", c.warps, c.work, c.mma); }

const Interference& worst(const Cases& cases, const Value& value) {
  return *std::ranges::max_element(cases, {}, value);
}

// Both sides of a comparison that differs in one thing alone.
struct Pair {
  Interference first, second;
};

std::vector<Pair> paired(const Cases& firsts, const Cases& seconds, const std::function<bool(const Pair&)>& alike) {
  std::vector<Pair> pairs;
  for (const Interference& first : firsts) {
    for (const Interference& second : seconds) {
      const bool same = first.work == second.work && first.groups == second.groups && first.warps == second.warps;
      if (same && alike({first, second})) pairs.push_back({first, second});
    }
  }
  return pairs;
}

// How many times slower the first of the pairs are than the second, on average, and the same of the extra warps.
struct Ratios {
  double mma = 0, work = 0;
};

Ratios ratios(const std::vector<Pair>& pairs) {
  Ratios result;
  for (const Pair& pair : pairs) {
    result.mma += pair.first.mma_slowdown / pair.second.mma_slowdown;
    result.work += pair.first.work_slowdown / pair.second.work_slowdown;
  }
  result.mma /= static_cast<double>(pairs.size());
  result.work /= static_cast<double>(pairs.size());
  return result;
}

// Which of the loads goes with a loss best.
std::optional<InterferenceRule> explained(const Cases& all, const char* name, const char* who, const Value& loss) {
  const Cases cases = chosen(all, [](const Interference& c) { return plain(c) && is(c, "ss"); });
  if (cases.size() < 3) return std::nullopt;
  const Interference& most = worst(cases, loss);
  if (loss(most) < noticeable) {
    return InterferenceRule{
        name, 1 + loss(most),
        fmt::format("nothing slows {}: at most {:.2f} times, {}", who, 1 + loss(most), label(most))};
  }
  struct Cause {
    const char* name;
    Value load;
    double r = 0;
  };
  std::array causes{Cause{"issue slots", [](const Interference& c) { return c.load.issue; }},
                    Cause{"register reads", [](const Interference& c) { return c.load.operands; }},
                    Cause{"shared-memory bytes", [](const Interference& c) { return c.load.shared_bytes; }},
                    Cause{"number of warps", [](const Interference& c) { return static_cast<double>(c.warps); }}};
  for (Cause& cause : causes) cause.r = correlation(cases, cause.load, loss);
  std::ranges::stable_sort(causes, [](const Cause& a, const Cause& b) { return a.r > b.r; });
  std::string text = fmt::format("{} slowed up to {:.2f} times ({}); goes best with", who, 1 + loss(most), label(most));
  for (const Cause& cause : causes) text += fmt::format(" {} r={:.2f},", cause.name, cause.r);
  text.pop_back();
  return InterferenceRule{name, causes.front().r, text};
}

// Whether full issue slots slow wgmma at all.
std::optional<InterferenceRule> issue_rule(const Cases& all) {
  const Cases cases = chosen(all, [](const Interference& c) { return plain(c) && is(c, "ss") && c.load.issue > 0.8; });
  if (cases.empty()) return std::nullopt;
  const double loss = mean(cases, mma_loss);
  const char* verdict = loss < noticeable ? "no: full issue slots do not slow wgmma" : "full issue slots slow wgmma";
  return InterferenceRule{
      "issue slots", 1 + loss,
      fmt::format("{}: {:.2f} times beside work that alone takes over 0.8 of them, {} cases; worst {}", verdict,
                  1 + loss, cases.size(), label(worst(cases, mma_loss)))};
}

std::optional<InterferenceRule> age_rule(const Cases& all) {
  const auto pairs = paired(chosen(all, [](const Interference& c) { return c.extra_first; }), chosen(all, plain),
                            [](const Pair& p) { return p.first.mma == p.second.mma; });
  if (pairs.empty()) return std::nullopt;
  const Ratios ratio = ratios(pairs);
  const char* verdict = ratio.mma > 1 + noticeable   ? "lower warps go first"
                        : ratio.mma < 1 - noticeable ? "higher warps go first"
                                                     : "no difference";
  return InterferenceRule{
      "age", ratio.mma,
      fmt::format("{}: with the extra warps below those of wgmma, wgmma takes {:.2f} and they {:.2f} times as long as "
                  "above, {} pairs",
                  verdict, ratio.mma, ratio.work, pairs.size())};
}

std::optional<InterferenceRule> arrival_rule(const Cases& all) {
  const auto pairs = paired(chosen(all, [](const Interference& c) { return c.lead > 0; }),
                            chosen(all, [](const Interference& c) { return c.lead < 0; }),
                            [](const Pair& p) { return p.first.mma == p.second.mma; });
  if (pairs.empty()) return std::nullopt;
  const Ratios ratio = ratios(pairs);
  const char* verdict = std::abs(ratio.mma - 1) < noticeable ? "no difference" : "it matters who began first";
  return InterferenceRule{
      "arrival", ratio.mma,
      fmt::format(
          "{}: with the extra warps begun first, wgmma takes {:.2f} and they {:.2f} times as long as begun last, "
          "{} pairs",
          verdict, ratio.mma, ratio.work, pairs.size())};
}

// The same columns but another way for the operands to come.
bool same_columns(const Pair& pair) {
  return pair.first.mma.substr(0, pair.first.mma.find(' ')) == pair.second.mma.substr(0, pair.second.mma.find(' '));
}

std::optional<InterferenceRule> operand_rule(const Cases& all, const char* kind, const char* name, const char* what) {
  const auto pairs = paired(chosen(all, [&](const Interference& c) { return plain(c) && is(c, kind); }),
                            chosen(all, [](const Interference& c) { return plain(c) && is(c, "ss"); }), same_columns);
  if (pairs.empty()) return std::nullopt;
  const Ratios ratio = ratios(pairs);
  return InterferenceRule{
      name, ratio.mma,
      fmt::format("{}: slowed {:.2f}, the extra warps {:.2f} times as much as with operands that stay "
                  "in shared memory, {} pairs",
                  what, ratio.mma, ratio.work, pairs.size())};
}

std::optional<InterferenceRule> shared_memory_rule(const Cases& all) {
  const Cases cases = chosen(
      all, [](const Interference& c) { return plain(c) && c.load.shared_bytes + c.mma_bytes > shared_bandwidth; });
  if (cases.empty()) return std::nullopt;
  const Value together = [](const Interference& c) {
    return c.mma_bytes / c.mma_slowdown + c.load.shared_bytes / c.work_slowdown;
  };
  const Interference& most = worst(cases, together);
  const double mma = mean(cases, [](const Interference& c) { return c.mma_slowdown; });
  const double work = mean(cases, [](const Interference& c) { return c.work_slowdown; });
  const char* verdict = std::abs(mma - work) < noticeable * (mma + work) ? "shared evenly"
                        : mma < work                                     ? "wgmma goes first"
                                                                         : "the extra warps go first";
  return InterferenceRule{
      "shared memory", together(most),
      fmt::format("{}: wgmma slowed {:.2f}, loads {:.2f} times where both want more than {:.0f} B/clk; together up to "
                  "{:.0f} B/clk, {}",
                  verdict, mma, work, shared_bandwidth, together(most), label(most))};
}

std::optional<InterferenceRule> who_pays_rule(const Cases& all) {
  const Cases cases = chosen(all, plain);
  if (cases.empty()) return std::nullopt;
  const double mma = 1 + mean(cases, mma_loss), work = 1 + mean(cases, work_loss);
  const char* verdict = std::max(mma, work) < 1 + noticeable ? "neither"
                        : mma > work + noticeable            ? "wgmma pays"
                        : work > mma + noticeable            ? "the extra warps pay"
                                                             : "both pay alike";
  return InterferenceRule{
      "who slows whom", work / mma,
      fmt::format("{}: wgmma slowed {:.2f} times, the extra warps {:.2f} times, mean of {} cases; "
                  "most {} and {}",
                  verdict, mma, work, cases.size(), label(worst(cases, mma_loss)), label(worst(cases, work_loss)))};
}

}  // namespace

std::vector<InterferenceRule> interference_rules(const std::vector<Interference>& cases) {
  std::vector<InterferenceRule> rules;
  const auto add = [&](std::optional<InterferenceRule> rule) {
    if (rule) rules.push_back(std::move(*rule));
  };
  add(who_pays_rule(cases));
  add(explained(cases, "what slows wgmma", "wgmma", mma_loss));
  add(explained(cases, "what slows the extra warps", "the extra warps", work_loss));
  add(issue_rule(cases));
  add(age_rule(cases));
  add(arrival_rule(cases));
  add(operand_rule(cases, "rs", "register operands", "wgmma with A from registers"));
  add(operand_rule(cases, "fed", "fed loop", "wgmma that waits for the copy engine"));
  add(shared_memory_rule(cases));
  return rules;
}

}  // namespace perfmodel
