#include "model/hiding_plans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "support/format.hpp"
#include "workloads/block_graph.hpp"

namespace perfmodel {

namespace {

// A GEMM that a mask may be made beside.
struct Host {
  std::size_t op = 0;
  bool previous = false;
  Seconds alone;  // by the library's kernel
  struct Kernel {
    std::string name;
    Gemm gemm;
    Seconds alone;
  };
  std::vector<Kernel> kernels{};  // the library's own, then those with room
};

struct Shape {
  int ctas_per_sm = 1;
  int threads = 128;
};

// One CTA of 128 threads an SM disturbs a GEMM least, more of them draw faster.
constexpr std::array<Shape, 4> shapes{{{1, 128}, {2, 128}, {1, 256}, {4, 128}}};

struct Offer {
  HiddenLaunch launch;
  Beside outcome;
};

class Planner {
 public:
  Planner(const Machine& machine, const Library& library, const Block& block, std::size_t mask,
          const HidingConditions& conditions)
      : machine_(machine),
        library_(library),
        block_(block),
        mask_(mask),
        rng_(std::get<Rng>(block.operators[mask].op.work)),
        conditions_(conditions) {}

  // Those that the block names, or all that do not wait for the mask in this layer or the one before, the longest
  // first.
  std::vector<Host> hosts(const std::vector<std::size_t>& taken) const {
    const std::vector<std::vector<Wait>> waits = waits_of(block_.operators);
    const BlockOperator& mask = block_.operators[mask_];
    std::vector<Host> found;
    for (std::size_t i = 0; i < block_.operators.size(); ++i) {
      const BlockOperator& op = block_.operators[i];
      const bool fits = std::holds_alternative<Gemm>(op.op.work) && op.stream != mask.stream && op.pass == mask.pass;
      if (!fits || std::ranges::find(taken, i) != taken.end()) {
        continue;
      }
      const bool previous = waits_for(waits, i, mask_);
      if (mask.under.empty() || named(mask, op.op.name, previous)) {
        found.push_back(host(i, previous));
      }
    }
    std::ranges::stable_sort(found, [](const Host& a, const Host& b) { return a.alone > b.alone; });
    return found;
  }

  // Among: all of it beside the longest, shared among the two longest, and among all.
  std::vector<HidingPlan> plans(const std::vector<std::size_t>& taken) const {
    const Seconds in_turn = mask_in_turn(machine_, library_, block_, mask_, conditions_);
    const std::vector<Host> all = hosts(taken);
    std::vector<Weighed> weighed;
    for (const std::size_t count : std::set<std::size_t>{1, 2, all.size()}) {
      if (count <= all.size()) {
        weighed.push_back(weigh(shared(std::span(all).first(count))));
      }
    }
    std::erase_if(weighed, [](const Weighed& one) { return one.plan.launches.empty(); });
    std::ranges::stable_sort(weighed, {}, &Weighed::added);
    HidingPlan last{mask_, {}, weighed.empty() ? "no GEMM could run beside it" : obstacle(weighed.front())};
    std::vector<HidingPlan> sorted;
    for (Weighed& one : weighed) {
      if (one.added < in_turn) {
        sorted.push_back(std::move(one.plan));
      }
    }
    sorted.push_back(std::move(last));
    return sorted;
  }

  [[nodiscard]] HiddenLaunch launch(const Host& host, const Host::Kernel& kernel, const Rng& rng) const {
    return {.mask = mask_,
            .host = host.op,
            .previous = host.previous,
            .gemm = kernel.gemm,
            .kernel = kernel.name,
            .rng = rng};
  }

 private:
  struct Weighed {
    HidingPlan plan;
    std::vector<Beside> outcomes;
    Seconds added;
  };

  [[nodiscard]] Weighed weigh(std::vector<Offer> offers) const {
    Weighed result{{mask_, {}, {}}, {}, Seconds(0.0)};
    for (Offer& offer : offers) {
      result.added += offer.outcome.added();
      result.outcomes.push_back(std::move(offer.outcome));
      result.plan.launches.push_back(std::move(offer.launch));
    }
    return result;
  }

  // "beside previous ffn_up it would add 120 us: GEMMs that leave room take ..."
  [[nodiscard]] std::string obstacle(const Weighed& best) const {
    std::vector<std::string> names;
    for (const HiddenLaunch& launch : best.plan.launches) {
      names.push_back((launch.previous ? "previous " : "") + block_.operators[launch.host].op.name);
    }
    return fmt::format("beside {} it would add {}: {}", fmt::join(names, ", "), format_time(best.added),
                       hiding_obstacle(best.outcomes));
  }

  // A GEMM before the mask's readers may be named as that of this layer or of the one before: it is the same one.
  static bool named(const BlockOperator& mask, const std::string& name, bool previous) {
    return std::ranges::any_of(mask.under,
                               [&](const HostName& host) { return host.name == name && (host.previous || !previous); });
  }

  [[nodiscard]] Host host(std::size_t index, bool previous) const {
    Operator op = block_.operators[index].op;
    const Gemm asked = std::get<Gemm>(op.work);
    choose_kernels(machine_, library_, op);
    Host host{index, previous, time_alone(machine_, library_, op, op.work, conditions_)};
    host.kernels.push_back({"", std::get<Gemm>(op.work), host.alone});
    for (const HostKernel& kernel : library_.hosts->all()) {
      // A GEMM whose tile is given keeps it.
      if (asked.tile || kernel.tensor != tensor_generation_name(machine_.tensor.generation)) {
        continue;
      }
      const Gemm gemm = run_by(asked, kernel);
      const Seconds alone = time_alone(machine_, library_, op, gemm, conditions_);
      if (alone > Seconds(0.0)) {
        host.kernels.push_back({kernel.name, gemm, alone});
      }
    }
    return host;
  }

  // Shared out by the time that the GEMMs take, in whole words.
  [[nodiscard]] std::vector<Offer> shared(std::span<const Host> hosts) const {
    constexpr std::int64_t word = 32;
    Seconds all;
    for (const Host& host : hosts) {
      all += host.alone;
    }
    std::vector<Offer> offers;
    std::int64_t left = rng_.elements;
    for (std::size_t i = 0; i < hosts.size() && left > 0; ++i) {
      const auto part = static_cast<std::int64_t>(hosts[i].alone / all * static_cast<double>(rng_.elements));
      const std::int64_t elements = i + 1 == hosts.size() ? left : std::min(left, std::max(word, part / word * word));
      left -= elements;
      std::optional<Offer> best = best_offer(hosts[i], elements);
      if (!best) {
        return {};
      }
      offers.push_back(*std::move(best));
    }
    return offers;
  }

  [[nodiscard]] std::vector<Rng> grids(std::int64_t elements) const {
    Rng part = rng_;
    part.elements = elements;
    if (rng_.ctas || rng_.threads) {
      return {part};
    }
    std::vector<Rng> all;
    for (const Shape& shape : shapes) {
      part.ctas = static_cast<int>(machine_.sms.value) * shape.ctas_per_sm;
      part.threads = shape.threads;
      all.push_back(part);
    }
    return all;
  }

  // The kernel and grid of least time for that part of the mask beside that GEMM; nothing if no grid can run.
  [[nodiscard]] std::optional<Offer> best_offer(const Host& host, std::int64_t elements) const {
    std::optional<Offer> best;
    for (const Host::Kernel& kernel : host.kernels) {
      for (const Rng& rng : grids(elements)) {
        if (best && kernel.alone >= best->outcome.both) {
          break;
        }
        Offer next{launch(host, kernel, rng), {}};
        next.outcome = beside(machine_, library_, block_, next.launch, conditions_);
        if (!(next.outcome.both > Seconds(0.0))) {
          continue;
        }
        if (!best || next.outcome.both < best->outcome.both) {
          best = std::move(next);
        }
      }
    }
    return best;
  }

  const Machine& machine_;
  const Library& library_;
  const Block& block_;
  std::size_t mask_;
  Rng rng_;
  HidingConditions conditions_;
};

}  // namespace

std::vector<HidingPlan> hiding_plans(const Machine& machine, const Library& library, const Block& block,
                                     std::size_t mask, const std::vector<std::size_t>& taken,
                                     const HidingConditions& conditions) {
  return Planner(machine, library, block, mask, conditions).plans(taken);
}

std::optional<Conflict> grid_conflict(const Machine& machine, const Library& library, const Block& block,
                                      std::size_t mask, const HidingConditions& conditions) {
  const BlockOperator& op = block.operators[mask];
  const Rng& rng = std::get<Rng>(op.op.work);
  if (op.under.empty() || !(rng.ctas || rng.threads)) {
    return std::nullopt;
  }
  const Planner planner(machine, library, block, mask, conditions);
  for (const Host& host : planner.hosts({})) {
    const bool never = std::ranges::all_of(host.kernels, [&](const Host::Kernel& kernel) {
      return !beside(machine, library, block, planner.launch(host, kernel, rng), conditions).apart.empty();
    });
    if (!never) {
      continue;
    }
    const std::string& name = block.operators[host.op].op.name;
    const Gemm& gemm = host.kernels.front().gemm;
    return Conflict{
        fmt::format("no CTA of '{}' ({} threads) ever fits on an SM beside one of '{}' ({} threads of {} "
                    "registers)",
                    op.op.name, rng.threads.value_or(256), name, gemm.threads.value_or(0), gemm.registers.value_or(0)),
        op.op.name, name};
  }
  return std::nullopt;
}

}  // namespace perfmodel
