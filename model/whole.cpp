#include "model/whole.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

namespace perfmodel {

namespace {

void add_scaled(Utilisation& sum, const Utilisation& part, double weight) {
  sum.tensor += weight * part.tensor;
  sum.fma += weight * part.fma;
  sum.alu += weight * part.alu;
  sum.xu += weight * part.xu;
  sum.issue += weight * part.issue;
  sum.smem += weight * part.smem;
  sum.l2 += weight * part.l2;
  sum.dram += weight * part.dram;
}

void add_traffic(Traffic& sum, const Traffic& part) {
  sum.smem += part.smem;
  sum.l2 += part.l2;
  sum.dram_read += part.dram_read;
  sum.dram_written += part.dram_written;
}

void add_item(Estimate& sum, const Estimate& part, double weight) {
  for (int i = 0; i < limiter_count; ++i) {
    const auto limiter = static_cast<Limiter>(i);
    sum.bounds[limiter] += part.bounds[limiter];
  }
  sum.parts.launch += part.parts.launch;
  sum.parts.fill += part.parts.fill;
  sum.parts.steady += part.parts.steady;
  sum.parts.tail += part.parts.tail;
  add_scaled(sum.utilisation, part.utilisation, weight);
  add_scaled(sum.executed, part.executed, weight);
  add_traffic(sum.traffic, part.traffic);
  sum.flops += part.flops;
}

}  // namespace

std::string refusal_of(const SequenceEstimate& sequence) {
  if (sequence.conflict) return sequence.conflict->message;
  const auto refused =
      std::ranges::find_if(sequence.items, [](const SequenceItem& item) { return !item.estimate.feasible(); });
  if (refused == sequence.items.end()) return {};
  if (sequence.items.size() == 1) return refused->estimate.refusal;
  return fmt::format("{}: {}", refused->name, refused->estimate.refusal);
}

std::vector<LimiterShare> limiter_shares(const SequenceEstimate& sequence) {
  PerLimiter<Seconds> held;
  for (const SequenceItem& item : sequence.items) {
    if (item.beside.empty()) held[item.estimate.limiter] += item.estimate.time;
  }
  std::vector<LimiterShare> shares;
  for (int i = 0; i < limiter_count; ++i) {
    const auto limiter = static_cast<Limiter>(i);
    if (held[limiter] > Seconds(0.0)) shares.push_back({limiter, held[limiter]});
  }
  std::ranges::stable_sort(shares, std::greater<>{}, &LimiterShare::time);
  return shares;
}

Estimate flattened(const SequenceEstimate& sequence) {
  if (sequence.items.size() == 1) return sequence.items.front().estimate;
  Estimate whole;
  whole.time = sequence.total;
  whole.lower = sequence.lower;
  whole.upper = sequence.upper;
  whole.clock = sequence.clock;
  whole.clock_limit = sequence.clock_limit;
  whole.power = sequence.power;
  whole.regime = sequence.regime;
  whole.roofline = sequence.roofline;
  whole.refusal = refusal_of(sequence);
  if (!whole.feasible()) {
    whole.limiter = Limiter::infeasible;
    return whole;
  }
  for (const SequenceItem& item : sequence.items) {
    if (item.beside.empty()) {
      add_item(whole, item.estimate, item.estimate.time / sequence.total);
    } else {
      add_traffic(whole.traffic, item.estimate.traffic);
    }
  }
  const std::vector<LimiterShare> shares = limiter_shares(sequence);
  if (!shares.empty()) whole.limiter = whole.second = shares.front().limiter;
  if (shares.size() > 1) {
    whole.second = shares[1].limiter;
    whole.slack = 1.0 - shares[1].time / shares.front().time;
  }
  return whole;
}

}  // namespace perfmodel
