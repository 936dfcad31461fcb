#include "model/overlap.hpp"

#include <algorithm>
#include <cmath>

#include "model/operation.hpp"

namespace perfmodel {

namespace {

Operator alone(const Operator& op, Work work) {
  Operator lone = op;
  lone.work = std::move(work);
  return lone;
}

// Warps that a sub-partition's registers hold beside so many of another kernel.
bool registers_suffice(const Machine& machine, const Program& gemm, const Program& rng, int rng_ctas) {
  const double partitions = static_cast<double>(machine.limits.sub_partitions.value);
  const auto unit = static_cast<double>(machine.registers.allocation_unit.value);
  const auto warp = [&](int registers) { return std::ceil(registers * 32.0 / unit) * unit; };
  const double used = std::ceil(rng.warps * rng_ctas / partitions) * warp(rng.registers);
  const double wanted = std::ceil(gemm.warps / partitions) * warp(gemm.registers);
  return used + wanted <= static_cast<double>(machine.registers.per_sub_partition.value);
}

// CTAs of the RNG on an SM that has some.
int rng_ctas_on_sm(const Machine& machine, const Prepared& rng) {
  const Kernel& kernel = rng.plan.kernels[0];
  const double wanted = std::ceil(kernel.items / static_cast<double>(machine.sms.value));
  return std::min(rng.residency[0], static_cast<int>(std::max(1.0, wanted)));
}

bool share_an_sm(const Machine& machine, const Overlap& overlap, const Prepared& gemm, const Prepared& rng) {
  if (overlap.carveout == Carveout::standard) {
    return false;
  }
  const Program& matrix = gemm.plan.kernels[0].program;
  const Program& random = rng.plan.kernels[0].program;
  const int ctas = rng_ctas_on_sm(machine, rng);
  const Bytes left = machine.shared_memory.capacity.value - ctas * machine.shared_memory.reserved_per_cta.value;
  return registers_suffice(machine, matrix, random, ctas) &&
         matrix.smem + machine.shared_memory.reserved_per_cta.value <= left &&
         matrix.warps + random.warps * ctas <= machine.limits.warps.value;
}

}  // namespace

Estimate predict_overlap(const Machine& machine, const Library& library, const Operator& op,
                         const PredictOptions& options) {
  const auto& overlap = std::get<Overlap>(op.work);
  const Regime regime = regime_of(op, options.regime);
  const Operator gemm_op = alone(op, overlap.gemm);
  const Operator rng_op = alone(op, overlap.rng);
  Rng full = overlap.rng;
  full.ctas.reset();
  full.threads.reset();
  full.registers.reset();
  const Estimate gemm = predict(machine, library, gemm_op, options);
  const Estimate rng = predict(machine, library, rng_op, options);
  const Estimate full_rng = predict(machine, library, alone(op, full), options);
  for (const Estimate* part : {&gemm, &rng}) {
    if (!part->feasible()) {
      return refused(part->refusal, regime);
    }
  }
  const Prepared prepared_gemm = prepare(machine, library, gemm_op, regime, options);
  const Prepared prepared_rng = prepare(machine, library, rng_op, regime, options);
  const double port = std::max(rng.utilisation.alu, rng.utilisation.issue);

  Estimate both = gemm;
  both.time = share_an_sm(machine, overlap, prepared_gemm, prepared_rng)
                  ? std::max({gemm.time + std::clamp(port, 0.0, 1.0) * rng.time, gemm.time, rng.time})
                  : gemm.time + rng.time;
  const auto shared = [&](double Utilisation::*share) {
    both.utilisation.*share =
        (gemm.time / both.time) * gemm.utilisation.*share + (rng.time / both.time) * rng.utilisation.*share;
    both.executed.*share =
        (gemm.time / both.time) * gemm.executed.*share + (rng.time / both.time) * rng.executed.*share;
  };
  for (const auto share : {&Utilisation::tensor, &Utilisation::fma, &Utilisation::alu, &Utilisation::xu,
                           &Utilisation::issue, &Utilisation::smem, &Utilisation::l2, &Utilisation::dram}) {
    shared(share);
  }
  both.sequence = gemm.time + full_rng.time;
  both.traffic.l2 += rng.traffic.l2;
  both.traffic.dram_written += rng.traffic.dram_written;
  both.limiter = rng.time > gemm.time ? rng.limiter : gemm.limiter;
  both.lower = 0.8 * both.time;
  both.upper = 1.2 * both.time;
  return both;
}

}  // namespace perfmodel
