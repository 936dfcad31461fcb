#include "model/chip.hpp"

#include <algorithm>
#include <cmath>

#include "model/norm.hpp"
#include "model/pricing.hpp"

namespace perfmodel {

namespace {

// SM time of one item when `ctas` CTAs of the kernel share its SM.
ResidentRate rate_at(const Machine& machine, const Kernel& kernel, int ctas, Fidelity fidelity) {
  const std::array<Resident, 1> residents = {Resident{&kernel.program, ctas}};
  return sm_rates(machine, OperatingPoint{}, residents, fidelity).residents[0];
}

struct Waves {
  Cycles busiest;  // SM time of the SM that ends last
  Cycles even;     // the same if the items spread evenly over all SMs
  ResidentRate rate;
};

// Persistent CTAs take items in turn: the busiest runs one more than the others.
Waves persistent_waves(const Machine& machine, const Kernel& kernel, int residency, Fidelity fidelity) {
  const auto sms = static_cast<double>(machine.sms.value);
  const auto ctas = static_cast<double>(kernel.ctas);
  const int per_sm = std::clamp(static_cast<int>(std::ceil(ctas / sms)), 1, residency);
  Waves waves;
  waves.rate = rate_at(machine, kernel, per_sm, fidelity);
  waves.busiest = std::ceil(kernel.items / ctas) * waves.rate.item;
  waves.even = kernel.items / (sms * per_sm) * waves.rate.item;
  return waves;
}

// A grid fills the SMs again and again; the last wave may be partial, and then its CTAs have the SM more to
// themselves.
Waves grid_waves(const Machine& machine, const Kernel& kernel, int residency, Fidelity fidelity) {
  const auto sms = static_cast<double>(machine.sms.value);
  const double slots = sms * residency;
  const int per_sm = std::clamp(static_cast<int>(std::ceil(kernel.items / sms)), 1, residency);
  Waves waves;
  waves.rate = rate_at(machine, kernel, per_sm, fidelity);
  waves.even = kernel.items / (sms * per_sm) * waves.rate.item;
  const double full = std::floor(kernel.items / slots);
  const double rest = kernel.items - full * slots;
  waves.busiest = full * waves.rate.item;
  if (rest > 0) {
    const int last = static_cast<int>(std::ceil(rest / sms));
    waves.busiest += last == per_sm ? waves.rate.item : rate_at(machine, kernel, last, fidelity).item;
  }
  return waves;
}

// Items that lowering has scheduled already.
Waves scheduled(const Machine& machine, const Kernel& kernel, Fidelity fidelity) {
  Waves waves;
  waves.rate = rate_at(machine, kernel, 1, fidelity);
  waves.busiest = kernel.makespan;
  waves.even = std::min(kernel.makespan, kernel.items / static_cast<double>(machine.sms.value) * waves.rate.item);
  return waves;
}

Waves waves_of(const Machine& machine, const Kernel& kernel, int residency, Fidelity fidelity) {
  if (kernel.makespan.si() > 0) {
    return scheduled(machine, kernel, fidelity);
  }
  return kernel.schedule == Schedule::persistent ? persistent_waves(machine, kernel, residency, fidelity)
                                                 : grid_waves(machine, kernel, residency, fidelity);
}

}  // namespace

Seconds overlapped_time(const Machine& machine, Seconds sm, Seconds l2, Seconds dram, double exponent) {
  return norm(norm(sm, l2, machine.l2.overlap.value), dram, exponent > 0 ? exponent : machine.dram.overlap.value);
}

namespace {

// Of SM time and memory. A simulation whose loads share the L2's bandwidth among the SMs is only bounded by it.
Seconds together(const Machine& machine, const KernelWork& work, Seconds sm) {
  return work.l2_inside
             ? std::max(work.memory.l2, overlapped_time(machine, sm, Seconds(0), work.memory.dram, work.overlap))
             : overlapped_time(machine, sm, work.memory.l2, work.memory.dram, work.overlap);
}

// Share of the items that the last wave has.
double last_wave(const Machine& machine, const Kernel& kernel, int residency) {
  const double slots = residency * static_cast<double>(machine.sms.value);
  const double at_once = kernel.schedule == Schedule::persistent ? static_cast<double>(kernel.ctas) : slots;
  const double before = std::ceil(kernel.items / at_once) - 1;
  return std::clamp((kernel.items - before * at_once) / kernel.items, 0.0, 1.0);
}

}  // namespace

KernelWork kernel_work(const Machine& machine, const Kernel& kernel, int residency, const L2State& state,
                       Fidelity fidelity) {
  KernelWork work;
  if (kernel.empty()) {
    work.launch = kernel.latency;
    return work;
  }
  const Waves waves = waves_of(machine, kernel, residency, fidelity);
  work.launch = machine.launch.kernel.value;
  work.fill = kernel.latency;
  work.busiest = waves.busiest;
  work.even = waves.even;
  work.busy = kernel.items * waves.rate.busy;
  work.limiter = waves.rate.limiter;
  work.memory = memory_time(machine, kernel, state, last_wave(machine, kernel, residency));
  work.overlap = kernel.overlap;
  work.l2_inside = kernel.l2_inside || (fidelity != Fidelity::bound && kernel.program.code != nullptr);
  return work;
}

Seconds duration(const Machine& machine, const KernelWork& work, Hertz clock) {
  return work.launch + work.fill + together(machine, work, work.busiest / clock);
}

KernelTime kernel_time(const Machine& machine, const KernelWork& work, Hertz clock) {
  KernelTime result;
  result.time = duration(machine, work, clock);
  const Seconds whole = result.time - work.launch - work.fill;
  const Seconds even = together(machine, work, work.even / clock);
  result.steady = std::min(whole, even);
  result.tail = whole - result.steady;
  const auto sms = static_cast<double>(machine.sms.value);
  for (const Resource resource : all_resources) {
    Seconds& bound = result.bounds[limiter_of(resource)];
    bound = std::max(bound, work.busy[resource] / (sms * clock));
  }
  result.bounds[Limiter::l2] = work.memory.l2;
  result.bounds[Limiter::dram] = work.memory.dram;
  if (work.limiter == Limiter::recurrence) {
    result.bounds[Limiter::recurrence] = work.even / clock;
  }
  result.bounds[Limiter::fill] = work.fill;
  result.bounds[Limiter::launch] = work.launch;
  result.bounds[Limiter::wave] = result.tail;
  return result;
}

Bytes shared_memory_bytes(const Machine& machine, const Kernel& kernel, const KernelWork& work) {
  return Bytes(work.busy[Resource::smem] * pipe_rate(machine, Resource::smem)) + kernel.beside_port;
}

}  // namespace perfmodel
