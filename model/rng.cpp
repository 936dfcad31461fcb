#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "model/lower.hpp"
#include "model/pricing.hpp"
#include "model/residency.hpp"

namespace perfmodel {

namespace {

constexpr int warp = 32;

// How much of the time a warp that has its sub-partition to itself is stalled. Where nobody has counted, it stalls in
// every round of the longest chain.
double stalled_share(const Machine& machine, Cycles port, const SequenceCounts& word) {
  const double lone =
      word.lone > 0 ? word.lone : port.si() + word.chain_of("imad_wide") * machine.transfer.round_stall.value.si();
  return lone > port.si() ? 1.0 - port.si() / lone : 0.0;
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

  const SequenceCounts& word = library.mask_words->counts(rng);
  const Demand one_thread = price(machine, word.instructions, 1.0);
  const int fits = std::max(1, residency(machine, kernel.program).ctas);
  const double resident = std::min<double>(fits, std::ceil(ctas / sms));
  const double stacked = std::ceil(resident * kernel.program.warps / partitions);  // warps of a sub-partition
  const Cycles port = warp * partitions * one_thread.largest();                    // a word of one warp
  kernel.program.stalled = stalled_share(machine, port, word);
  kernel.program.multiply = word.of("imad_wide") / (one_thread.largest() * pipe_rate(machine, Resource::alu));

  Segment loop;
  loop.count = std::ceil(words / (ctas * threads) * stacked) / stacked;
  loop.busy = stacked * partitions / resident * warp * one_thread;
  kernel.program.add(loop);
  kernel.held = words * (one_thread - executed(machine, word.instructions, 1.0));
  kernel.output = mask_bytes(rng.form, 32.0 * words);
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
