#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "model/lower.hpp"
#include "model/pricing.hpp"
#include "model/residency.hpp"

namespace perfmodel {

namespace {

constexpr int warp = 32;

// A lone warp of a sub-partition cannot fill its port: each call's rounds wait for each other.
Cycles lone_warp_interval(const Machine& machine, const Demand& thread_demand, int rounds, int bits) {
  const auto partitions = static_cast<double>(machine.limits.sub_partitions.value);
  const double calls = bits / 4.0;
  return warp * partitions * thread_demand.largest() + calls * rounds * machine.transfer.round_stall.value;
}

}  // namespace

// Grid-stride: every thread makes the same number of words, give or take one. Work of a sub-partition's warps adds up
// on its own quarter of the pipes, so that a number of warps that four does not divide leaves some of them idle.
Plan lower_rng(const Machine& machine, const Library& library, const Rng& rng, const LowerOptions& options) {
  const auto sms = static_cast<double>(machine.sms.value);
  const int threads = rng.threads.value_or(256);
  const double ctas = rng.ctas.value_or(static_cast<int>(8 * machine.sms.value));
  const double words = std::ceil(static_cast<double>(rng.elements) / 32.0);
  const auto partitions = static_cast<double>(machine.limits.sub_partitions.value);

  Kernel kernel;
  kernel.items = ctas;
  kernel.ctas = static_cast<std::int64_t>(ctas);
  kernel.program.warps = (threads + warp - 1) / warp;
  kernel.program.registers = rng.registers.value_or(32);

  const SequenceCounts& word = library.mask_words->counts(rng.rounds, rng.bits);
  const Demand one_thread = price(machine, word.instructions, 1.0);
  const int fits = std::max(1, residency(machine, kernel.program).ctas);
  const double resident = std::min<double>(fits, std::ceil(ctas / sms));
  const double warps = resident * kernel.program.warps;
  const double occupied = std::ceil(warps / partitions) * partitions / resident;

  Segment loop;
  loop.count = std::ceil(words / (ctas * threads));
  loop.busy = occupied * warp * one_thread;
  loop.interval = lone_warp_interval(machine, one_thread, rng.rounds, rng.bits);
  kernel.program.add(loop);
  kernel.held = words * (one_thread - executed(machine, word.instructions, 1.0));
  kernel.output = Bytes(4.0 * words);
  kernel.l2_written = kernel.output;
  kernel.latency = machine.launch.grid.value;
  kernel.instructions = words * energy_weight(machine, word.instructions);
  Plan plan;
  plan.add(kernel);
  if (options.describe) {
    plan.description = fmt::format("{:.0f} CTAs of {} threads", ctas, threads);
  }
  return plan;
}

}  // namespace perfmodel
