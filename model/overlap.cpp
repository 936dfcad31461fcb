#include "model/overlap.hpp"

#include <algorithm>
#include <array>

#include "model/co_run.hpp"
#include "model/interval.hpp"
#include "model/operation.hpp"

namespace perfmodel {

namespace {

// The tables' protocol: the GEMM is let go when every CTA of the RNG has reported, and the RNG a while after the GEMM,
// by a kernel of one warp that itself waits until the GEMM's CTAs are dispatched.
constexpr Seconds gemm_after_rng{12e-6};
constexpr Seconds rng_after_gemm{30e-6};

Operator alone(const Operator& op, Work work) {
  Operator lone = op;
  lone.work = std::move(work);
  return lone;
}

Rng full_grid(Rng rng) {
  rng.ctas.reset();
  rng.threads.reset();
  rng.registers.reset();
  return rng;
}

// Threads of an extra warpgroup where a table gives none.
constexpr int inside_threads = 128;

Operator mask_of(const Operator& op, const Prepared& gemm) {
  const auto& overlap = std::get<Overlap>(op.work);
  Operator mask = alone(op, overlap.rng);
  if (overlap.order != Order::inside) return mask;
  return inside_of(mask, gemm, static_cast<int>(overlap.rng.threads.value_or(inside_threads)) / 32);
}

CoRunEstimate course_of(const Machine& machine, const Overlap& overlap, const Prepared& gemm, const Prepared& rng,
                        Regime regime, const PredictOptions& options) {
  const bool rng_first = overlap.order != Order::gemm_first;
  const std::array<const Prepared*, 1> first{rng_first ? &rng : &gemm};
  const std::array<const Prepared*, 1> second{rng_first ? &gemm : &rng};
  // Only the carve-out of what is there first matters, and the RNG's is the one that tables give.
  CoRunOptions co;
  if (overlap.order == Order::inside) {
    co.placement = Placement::inside;
    return co_run(machine, CoRun(machine, first, second, co), regime, options);
  }
  co.carveout = rng_first ? overlap.carveout : Carveout::maximum;
  co.delay = rng_first ? gemm_after_rng : rng_after_gemm;
  return co_run(machine, CoRun(machine, first, second, co), regime, options);
}

// Shares of the whole time that both together keep busy: cycles of the one and of the other over all cycles.
void add_utilisation(Estimate& both, const Estimate& part) {
  const double weight = (part.time * part.clock) / (both.time * both.clock);
  const auto add = [&](Utilisation Estimate::*which) {
    for (const auto share : {&Utilisation::tensor, &Utilisation::fma, &Utilisation::alu, &Utilisation::xu,
                             &Utilisation::issue, &Utilisation::smem, &Utilisation::l2, &Utilisation::dram}) {
      (both.*which).*share = std::min(1.0, (both.*which).*share + weight * (part.*which).*share);
    }
  };
  add(&Estimate::utilisation);
  add(&Estimate::executed);
}

void add_part(Estimate& both, const Estimate& part) {
  add_utilisation(both, part);
  both.traffic.smem += part.traffic.smem;
  both.traffic.l2 += part.traffic.l2;
  both.traffic.dram_read += part.traffic.dram_read;
  both.traffic.dram_written += part.traffic.dram_written;
  both.parts.launch += part.parts.launch;
  both.parts.fill += part.parts.fill;
  both.parts.tail += part.parts.tail;
  both.flops += part.flops;
  both.roofline = std::max(both.roofline, part.roofline);
  for (int i = 0; i < limiter_count; ++i) {
    const auto limiter = static_cast<Limiter>(i);
    both.bounds[limiter] += part.bounds[limiter];
  }
}

}  // namespace

Estimate predict_overlap(const Machine& machine, const Library& library, const Operator& op,
                         const PredictOptions& options) {
  const auto& overlap = std::get<Overlap>(op.work);
  const Regime regime = regime_of(op, options.regime);
  const Operator gemm_op = alone(op, overlap.gemm);
  const Prepared prepared_gemm = prepare(machine, library, gemm_op, regime, options);
  if (!prepared_gemm.feasible()) return refused(prepared_gemm.plan.refusal, regime);
  const Operator rng_op = mask_of(op, prepared_gemm);
  const Prepared prepared_rng = prepare(machine, library, rng_op, regime, options);
  if (!prepared_rng.feasible()) return refused(prepared_rng.plan.refusal, regime);
  const CoRunEstimate pair = course_of(machine, overlap, prepared_gemm, prepared_rng, regime, options);
  if (!pair.feasible()) {
    return refused(pair.refusal, regime);
  }
  const Estimate gemm =
      summarise(machine, gemm_op, prepared_gemm, clock_of(machine, gemm_op, prepared_gemm, regime, options), regime);
  const Estimate rng =
      summarise(machine, rng_op, prepared_rng, clock_of(machine, rng_op, prepared_rng, regime, options), regime);
  const Estimate full_rng = predict(machine, library, alone(op, full_grid(overlap.rng)), options);

  Estimate both;
  both.time = pair.course.time;
  both.regime = regime;
  both.clock = pair.clock;
  both.reported_clock = gemm.reported_clock;
  both.clock_limit = pair.clock_limit;
  both.power = pair.power;
  both.sequence = gemm.time + full_rng.time;
  both.kernel = gemm.kernel;
  add_part(both, gemm);
  add_part(both, rng);
  both.parts.steady = std::max(Seconds(0), both.time - both.parts.launch - both.parts.fill - both.parts.tail);
  const bool rng_first = overlap.order != Order::gemm_first;
  const bool rng_last = pair.course.part[rng_first ? 0 : 1].end > pair.course.part[rng_first ? 1 : 0].end;
  const Estimate& last = rng_last ? rng : gemm;
  both.limiter = last.limiter;
  both.second = rng_last ? gemm.limiter : rng.limiter;
  set_interval(machine, op, both);
  return both;
}

}  // namespace perfmodel
