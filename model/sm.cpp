#include "model/sm.hpp"

#include <algorithm>
#include <cmath>

#include "model/sm_simulate.hpp"

namespace perfmodel {

Limiter limiter_of(Resource resource) {
  switch (resource) {
    case Resource::tensor: return Limiter::tensor;
    case Resource::fma: return Limiter::fma;
    case Resource::alu: return Limiter::alu;
    case Resource::xu: return Limiter::xu;
    case Resource::issue: return Limiter::issue;
    case Resource::smem: return Limiter::smem;
  }
  return Limiter::tensor;
}

namespace {

// One CTA alone: the busiest resource, and the part of the rest that the program does not hide behind it. Work
// contained in another resource's may be what takes longest all the same.
Cycles alone(const Segment& segment) {
  const Cycles largest = segment.busy.largest();
  const Cycles work = largest + segment.serial * (segment.busy.sum() - largest);
  return std::max({segment.interval, work, segment.aside.largest()});
}

}  // namespace

Cycles segment_time(const Segment& segment, int ctas) {
  return std::max(alone(segment),
                  static_cast<double>(ctas) * std::max(segment.busy.largest(), segment.aside.largest()));
}

namespace {

struct Item {
  Cycles time;
  Demand busy;
  Limiter limiter = Limiter::recurrence;
};

// Of the time, what the port of a sub-partition is in use where so many CTAs want it all the time: it idles while all
// their warps there are stalled, which they are independently of each other.
double port_use(const Machine& machine, const Program& program, int ctas) {
  const auto partitions = static_cast<double>(machine.limits.sub_partitions.value);
  const double warps = std::ceil(ctas * program.warps / partitions);
  return program.stalled < 1.0 ? 1.0 - std::pow(program.stalled, warps) : 1.0;
}

// One item of a CTA that shares the SM with `ctas` - 1 of its like: its own dependent course, unless all of them
// together ask for more of a resource than there is. While one waits, the others work.
Item item_of(const Machine& machine, const Program& program, int ctas) {
  Item item;
  Demand shared;
  Cycles own;
  Cycles busiest;
  for (const Segment& segment : program.all()) {
    own += segment.count * alone(segment);
    busiest += segment.count * segment.busy.largest();
    shared += segment.count * segment.busy;
    item.busy += segment.count * segment.busy;
    item.busy += segment.count * segment.aside;
  }
  item.time = std::max(own, static_cast<double>(ctas) / port_use(machine, program, ctas) * shared.largest());
  Cycles most;
  for (const Resource resource : all_resources) {
    if (item.busy[resource] > most) {
      most = item.busy[resource];
      item.limiter = limiter_of(resource);
    }
  }
  // A course that others of its like take as long to share is theirs, not a chain's.
  if (own >= item.time && own > 1.05 * static_cast<double>(ctas) * shared.largest() && own - busiest > most) {
    item.limiter = Limiter::recurrence;
  }
  return item;
}

}  // namespace

// Every resident simulated beside the others. The shorter ones run so many items more that all are there to the end.
SmRates simulated_rates(const Machine& machine, std::span<const Resident> residents) {
  SmRates rates;
  rates.count = static_cast<int>(std::min<std::size_t>(residents.size(), max_residents));
  const auto count = static_cast<std::size_t>(rates.count);
  thread_local Simulator simulator;
  std::array<SmResident, max_residents> set;
  std::array<double, max_residents> alone{};
  double longest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    set[i] = {residents[i].program->code.get(), residents[i].ctas, /*items=*/1};
    alone[i] = simulator.run({&set[i], 1}).time;
    longest = std::max(longest, alone[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    set[i].items = static_cast<int>(std::clamp(std::ceil(4 * longest / std::max(1.0, alone[i])), 4.0, 400.0));
  }
  const SimulationResult result = simulator.run({set.data(), count});
  for (std::size_t i = 0; i < count; ++i) {
    const Item closed = item_of(machine, *residents[i].program, residents[i].ctas);
    ResidentRate& rate = rates.residents[i];
    rate.item = Cycles((result.last_item[i] - result.first_item[i]) / (set[i].items - 1));
    rate.busy = closed.busy;
    const Cycles busiest = static_cast<double>(residents[i].ctas) * closed.busy.largest();
    rate.limiter = busiest.si() >= 0.95 * rate.item.si() ? closed.limiter : Limiter::recurrence;
    for (const Resource resource : all_resources) {
      rates.utilisation[static_cast<std::size_t>(resource)] += residents[i].ctas * (closed.busy[resource] / rate.item);
    }
  }
  return rates;
}

SmRates sm_rates(const Machine& machine, const OperatingPoint&, std::span<const Resident> residents,
                 Fidelity fidelity) {
  const bool programs = std::ranges::all_of(residents, [](const Resident& r) { return r.program->code != nullptr; });
  if (fidelity != Fidelity::bound && programs) {
    return simulated_rates(machine, residents);
  }
  SmRates rates;
  rates.count = static_cast<int>(std::min<std::size_t>(residents.size(), max_residents));
  for (int i = 0; i < rates.count; ++i) {
    const Resident& resident = residents[static_cast<std::size_t>(i)];
    const Item item = item_of(machine, *resident.program, resident.ctas);
    ResidentRate& rate = rates.residents[static_cast<std::size_t>(i)];
    rate.item = item.time;
    rate.busy = item.busy;
    rate.limiter = item.limiter;
    for (const Resource resource : all_resources) {
      rates.utilisation[static_cast<std::size_t>(resource)] += resident.ctas * (item.busy[resource] / item.time);
    }
  }
  // Where the residents together ask for more than a resource has, all of them slow down alike.
  const double most = *std::max_element(rates.utilisation.begin(), rates.utilisation.end());
  if (most > 1.0) {
    for (int i = 0; i < rates.count; ++i) {
      rates.residents[static_cast<std::size_t>(i)].item *= most;
    }
    for (double& share : rates.utilisation) {
      share /= most;
    }
  }
  return rates;
}

}  // namespace perfmodel
