#include "model/proposals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "workloads/kernel_program.hpp"

namespace perfmodel {

namespace {

Proposal proposal(const Situation& now, std::string symptom, std::string change, Work work, std::vector<Edit> edits) {
  Operator op = now.op;
  op.work = std::move(work);
  return {std::move(symptom), std::move(change), std::move(edits), std::move(op)};
}

Attention recompiled(Attention attention) {
  attention.registers.reset();
  attention.spills.reset();
  attention.smem.reset();
  return attention;
}

void propose_attention_tiles(const Situation& now, const Attention& given, std::vector<Proposal>& out) {
  if (!given.cta_m || !given.cta_n) return;
  struct Tile {
    int m, n;
  };
  for (const Tile& tile : {Tile{*given.cta_m / 2, *given.cta_n},
                           {*given.cta_m * 2, *given.cta_n},
                           {*given.cta_m, *given.cta_n / 2},
                           {*given.cta_m, *given.cta_n * 2}}) {
    if (std::min(tile.m, tile.n) < 16 || std::max(tile.m, tile.n) > 256) continue;
    Attention changed = recompiled(given);
    changed.cta_m = tile.m;
    changed.cta_n = tile.n;
    const bool smaller = tile.m * tile.n < *given.cta_m * *given.cta_n;
    std::string symptom = now.course.spills > 0 && smaller
                              ? fmt::format("{} registers of a thread spill", now.course.spills)
                              : limiter_symptom(now.found);
    out.push_back(proposal(now, std::move(symptom), fmt::format("tiles of {} x {}", tile.m, tile.n), changed,
                           {{"cta_m", std::to_string(tile.m)}, {"cta_n", std::to_string(tile.n)}}));
  }
}

void propose_attention_counts(const Situation& now, const Attention& given, std::vector<Proposal>& out) {
  const auto add = [&](std::string_view key, std::optional<int> Attention::*field, int value, std::string symptom) {
    Attention changed = recompiled(given);
    changed.*field = value;
    out.push_back(proposal(now, std::move(symptom), fmt::format("{} {} instead of {}", value, key, *(given.*field)),
                           changed, {{std::string(key), std::to_string(value)}}));
  };
  if (given.warps) {
    const std::string symptom = now.course.spills > 0 ? fmt::format("{} registers of a thread spill", now.course.spills)
                                                      : limiter_symptom(now.found);
    if (*given.warps < 16) add("warps", &Attention::warps, 2 * *given.warps, symptom);
    if (*given.warps > 4) add("warps", &Attention::warps, *given.warps / 2, limiter_symptom(now.found));
  }
  if (given.stages) {
    const auto rows = static_cast<double>(given.cta_n.value_or(64) * (given.head_dim + given.head_dim_v));
    const std::string room = room_symptom(now, bytes_of(given.dtype, rows));
    if (!room.empty()) add("stages", &Attention::stages, *given.stages + 1, room);
    if (*given.stages > 1) add("stages", &Attention::stages, *given.stages - 1, limiter_symptom(now.found));
  }
}

// Distinct values near `now` that a parameter of that range may take.
std::vector<double> neighbours(double now, double low, double high) {
  const bool whole = now == std::floor(now) && low == std::floor(low) && high - low >= 2;
  // Registers and tile sides come in eights, rings in ones.
  const double step = !whole ? (high - low) / 8 : high - low > 64 ? 8 : 1;
  std::set<double> values;
  for (const double value : {now - step, now + step, whole ? now - 2 * step : now, whole ? now + 2 * step : now}) {
    const double inside = std::clamp(value, low, high);
    if (inside != now) values.insert(inside);
  }
  return {values.begin(), values.end()};
}

double current(const KernelProgram& program, const PipelineParameter& parameter) {
  const auto own = std::ranges::find(program.settings(), parameter.name, &ProgramSetting::name);
  return own == program.settings().end() ? parameter.value : own->value;
}

}  // namespace

void propose_attention(const Situation& now, std::vector<Proposal>& out) {
  const auto& given = std::get<Attention>(now.op.work);
  propose_attention_tiles(now, given, out);
  propose_attention_counts(now, given, out);
  for (const Family family : {Family::cudnn, Family::flash2, Family::flash3, Family::fa4, Family::avo}) {
    if (family == given.impl.family) continue;
    Attention changed = recompiled(given);
    changed.cta_m.reset();
    changed.cta_n.reset();
    changed.stages.reset();
    changed.warps.reset();
    changed.impl = {family, {}};
    out.push_back(proposal(now, limiter_symptom(now.found), fmt::format("the kernel of {}", name_of(family)), changed,
                           {{"impl", std::string(name_of(family))}}));
  }
}

void propose_rng(const Situation& now, std::vector<Proposal>& out) {
  const auto& given = std::get<Rng>(now.op.work);
  const auto sms = static_cast<int>(now.machine.sms.value);
  std::string symptom = wave_symptom(now);
  if (symptom.empty() && now.main().kernel.items < sms) {
    symptom = fmt::format("{:.0f} CTAs on {} SMs", now.main().kernel.items, sms);
  }
  if (symptom.empty()) symptom = limiter_symptom(now.found);
  struct Grid {
    int ctas, threads;
  };
  for (const Grid& grid : {Grid{8 * sms, 256}, {4 * sms, 256}, {sms, 1024}, {4 * sms, 512}}) {
    if (given.ctas.value_or(8 * sms) == grid.ctas && given.threads.value_or(256) == grid.threads) continue;
    Rng changed = given;
    changed.ctas = grid.ctas;
    changed.threads = grid.threads;
    out.push_back(proposal(now, symptom, fmt::format("{} CTAs of {} threads", grid.ctas, grid.threads), changed,
                           {{"ctas", std::to_string(grid.ctas)}, {"threads", std::to_string(grid.threads)}}));
  }
}

void propose_overlap(const Situation& now, std::vector<Proposal>& out) {
  const auto& given = std::get<Overlap>(now.op.work);
  const auto sms = static_cast<int>(now.machine.sms.value);
  if (given.carveout == Carveout::standard) {
    Overlap changed = given;
    changed.carveout = Carveout::maximum;
    out.push_back(proposal(now, "an SM that runs the RNG at the default carve-out takes no CTA of the GEMM",
                           "the largest carve-out for the RNG", changed, {{"rng_carveout", "max"}}));
  }
  if (given.order == Order::gemm_first) {
    Overlap changed = given;
    changed.order = Order::rng_first;
    out.push_back(proposal(now, "the RNG that starts later piles up on the first SMs that free up", "the RNG first",
                           changed, {{"order", "rng_first"}}));
  }
  for (const int threads : {128, 256}) {
    Overlap changed = given;
    changed.carveout = Carveout::maximum;
    changed.rng.ctas = sms;
    changed.rng.threads = threads;
    if (changed == given) continue;
    out.push_back(proposal(
        now, limiter_symptom(now.found), fmt::format("one RNG CTA of {} threads an SM, the largest carve-out", threads),
        changed,
        {{"rng_carveout", "max"}, {"rng_ctas", std::to_string(sms)}, {"rng_threads", std::to_string(threads)}}));
  }
}

void propose_program(const Situation& now, std::vector<Proposal>& out) {
  const KernelProgram& program = *now.op.program;
  const Pipeline pipeline = program.pipeline();
  const Bytes held = now.main().kernel.program.smem;
  for (const PipelineParameter& parameter : pipeline.parameters) {
    if (!parameter.low || !parameter.high) continue;
    const double value = current(program, parameter);
    for (const double next : neighbours(value, *parameter.low, *parameter.high)) {
      Operator op = now.op;
      op.program = std::make_shared<const KernelProgram>(program.with({parameter.name, next}));
      Bytes more;
      try {
        more = op.program->pipeline().smem() - pipeline.smem();
      } catch (const InputError&) {
        continue;  // a tile that the program's other sizes do not go with
      }
      std::string symptom = more.si() > 0 ? room_symptom(now, more) : limiter_symptom(now.found);
      if (symptom.empty() || held + more > now.machine.shared_memory.maximum_per_cta.value) continue;
      const std::string text = fmt::format("{:.6g}", next);
      out.push_back({std::move(symptom),
                     fmt::format("{} {} instead of {:.6g}", parameter.name, text, value),
                     {{parameter.name, text}},
                     std::move(op)});
    }
  }
}

}  // namespace perfmodel
