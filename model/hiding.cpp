#include "model/hiding.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "model/operation.hpp"
#include "model/residency.hpp"
#include "workloads/block_graph.hpp"

namespace perfmodel {

namespace {

constexpr double worth_it = 0.995;  // of the time in sequence; less saving is within what nobody could measure

// A GEMM that a mask may be made beside.
struct Host {
  std::size_t op = 0;
  bool previous = false;
  Seconds alone;  // by the library's kernel
};

struct Shape {
  int ctas_per_sm = 1;
  int threads = 128;
};

// One launch of 128 threads an SM disturbs a GEMM least, more of them draw faster.
constexpr std::array<Shape, 4> shapes{{{1, 128}, {2, 128}, {1, 256}, {4, 128}}};

// A launch and the time of the two.
struct Offer {
  HiddenLaunch launch;
  Seconds time;
  bool apart = false;  // the two take turns
};

class Chooser {
 public:
  Chooser(const Machine& machine, const Library& library, const Block& block, std::size_t mask, Regime regime,
          std::optional<Hertz> clock, const PredictOptions& options)
      : machine_(machine),
        library_(library),
        block_(block),
        mask_(mask),
        rng_(std::get<Rng>(block.operators[mask].op.work)),
        regime_(regime),
        options_(options) {
    options_.regime = regime;
    options_.describe = false;
    options_.clock = clock;
  }

  HidingChoice choose(const std::vector<std::size_t>& taken) {
    HidingChoice choice;
    choice.plan.mask = mask_;
    find_hosts(taken);
    in_turn_ = lone(rng_op(full_grid(rng_)));
    if (hosts_.empty()) {
      choice.plan.why = "no GEMM could run beside it";
      return choice;
    }
    choice.conflict = conflict();
    if (choice.conflict) return choice;
    const std::vector<Offer> best = best_offers();
    choice.plan.why = reason(best);
    if (added(best) > worth_it * in_turn_) return choice;
    for (const Offer& offer : best) choice.plan.launches.push_back(offer.launch);
    return choice;
  }

 private:
  // --- what there is ---

  void find_hosts(const std::vector<std::size_t>& taken) {
    const std::vector<std::vector<Wait>> waits = waits_of(block_.operators);
    const BlockOperator& mask = block_.operators[mask_];
    for (std::size_t i = 0; i < block_.operators.size(); ++i) {
      const BlockOperator& op = block_.operators[i];
      const bool fits = std::holds_alternative<Gemm>(op.op.work) && op.stream != mask.stream && op.pass == mask.pass;
      if (!fits || std::ranges::find(taken, i) != taken.end()) continue;
      const bool previous = waits_for(waits, i, mask_);
      if (!mask.under.empty() && !named(mask, op.op.name, previous)) continue;
      hosts_.push_back({i, previous, lone(op.op)});
    }
    // One that cannot run refuses the block by itself.
    std::erase_if(hosts_, [](const Host& host) { return !(host.alone > Seconds(0.0)); });
  }

  // A GEMM before the mask's readers may be named as that of this layer or of the one before: it is the same one.
  static bool named(const BlockOperator& mask, const std::string& name, bool previous) {
    return std::ranges::any_of(mask.under,
                               [&](const HostName& host) { return host.name == name && (host.previous || !previous); });
  }

  [[nodiscard]] Operator as_op(Work work) const {
    Operator op = block_.operators[mask_].op;
    op.work = std::move(work);
    op.regime = regime_;
    return op;
  }

  [[nodiscard]] Operator rng_op(const Rng& rng) const { return as_op(rng); }

  // Zero for what cannot run.
  [[nodiscard]] Seconds lone(const Operator& op) const {
    Operator timed = op;
    timed.regime = regime_;
    const Estimate estimate = predict(machine_, library_, timed, options_);
    return estimate.feasible() ? estimate.time : Seconds(0.0);
  }

  static Rng full_grid(Rng rng) {
    rng.ctas.reset();
    rng.threads.reset();
    rng.registers.reset();
    return rng;
  }

  // --- one launch ---

  [[nodiscard]] std::vector<Rng> grids(std::int64_t elements) const {
    Rng part = rng_;
    part.elements = elements;
    if (rng_.ctas || rng_.threads) return {part};
    std::vector<Rng> all;
    for (const Shape& shape : shapes) {
      part.ctas = static_cast<int>(machine_.sms.value) * shape.ctas_per_sm;
      part.threads = shape.threads;
      all.push_back(part);
    }
    return all;
  }

  struct Kernel {
    std::string name;
    Gemm gemm;
    Seconds alone;
  };

  // The library's own, then those with room.
  const std::vector<Kernel>& kernels(const Host& host) {
    auto found = kernels_.find(host.op);
    if (found != kernels_.end()) return found->second;
    std::vector<Kernel> all;
    Operator op = block_.operators[host.op].op;
    const Gemm gemm = std::get<Gemm>(op.work);
    const bool given = gemm.tile.has_value();
    choose_kernels(machine_, library_, op);
    all.push_back({"", std::get<Gemm>(op.work), host.alone});
    for (const HostKernel& kernel : library_.hosts->all()) {
      if (given || kernel.tensor != tensor_generation_name(machine_.tensor.generation)) continue;
      Operator by = op;
      by.work = run_by(gemm, kernel);
      const Seconds alone = lone(by);
      if (alone > Seconds(0.0)) all.push_back({kernel.name, std::get<Gemm>(by.work), alone});
    }
    return kernels_.emplace(host.op, std::move(all)).first->second;
  }

  [[nodiscard]] Offer offer(const Host& host, const Kernel& kernel, const Rng& rng) const {
    Overlap overlap;
    overlap.gemm = kernel.gemm;
    overlap.rng = rng;
    overlap.carveout = Carveout::maximum;
    const Estimate both = predict(machine_, library_, as_op(overlap), options_);
    const Seconds sum = kernel.alone + lone(rng_op(rng));
    Offer result;
    result.launch = {.mask = mask_,
                     .host = host.op,
                     .previous = host.previous,
                     .gemm = kernel.gemm,
                     .kernel = kernel.name,
                     .rng = rng,
                     .stretch = both.time / sum,
                     .slowdown = both.time / host.alone};
    result.time = both.feasible() ? both.time : 2.0 * sum;
    result.apart = std::abs(both.time / sum - 1.0) < 1e-3;
    return result;
  }

  // The best kernel and grid for that part of the mask beside that GEMM.
  Offer best_offer(const Host& host, std::int64_t elements) {
    std::optional<Offer> best;
    for (const Kernel& kernel : kernels(host)) {
      for (const Rng& rng : grids(elements)) {
        if (best && kernel.alone > best->time) break;
        Offer next = offer(host, kernel, rng);
        if (!best || next.time < best->time) best = std::move(next);
      }
    }
    return *best;
  }

  // --- the whole mask ---

  [[nodiscard]] const Host& host_of(const Offer& offer) const {
    return *std::ranges::find(hosts_, offer.launch.host, &Host::op);
  }

  [[nodiscard]] Seconds added(const std::vector<Offer>& offers) const {
    Seconds sum;
    for (const Offer& offer : offers) sum += offer.time - host_of(offer).alone;
    return sum;
  }

  // Shared out among some GEMMs by the time that they take, in whole words.
  std::vector<Offer> shared(const std::vector<Host>& among) {
    Seconds all;
    for (const Host& host : among) all += host.alone;
    std::vector<Offer> offers;
    std::int64_t left = rng_.elements;
    for (std::size_t i = 0; i < among.size(); ++i) {
      constexpr std::int64_t word = 32;
      const auto part = static_cast<std::int64_t>(among[i].alone / all * static_cast<double>(rng_.elements));
      const std::int64_t elements = i + 1 == among.size() ? left : std::min(left, std::max(word, part / word * word));
      left -= elements;
      if (elements > 0) offers.push_back(best_offer(among[i], elements));
    }
    return offers;
  }

  // Among: each GEMM alone, all of them, and the best two.
  std::vector<Offer> best_offers() {
    struct Single {
      Host host;
      Seconds added;
    };
    std::vector<Offer> best;
    std::vector<Single> singles;
    const auto keep = [&](std::vector<Offer> offers) {
      if (best.empty() || added(offers) < added(best)) best = std::move(offers);
    };
    for (const Host& host : hosts_) {
      std::vector<Offer> one{best_offer(host, rng_.elements)};
      singles.push_back({host, added(one)});
      keep(std::move(one));
    }
    if (hosts_.size() > 1) keep(shared(hosts_));
    if (hosts_.size() > 2) {
      std::ranges::stable_sort(singles, {}, &Single::added);
      keep(shared({singles[0].host, singles[1].host}));
    }
    return best;
  }

  // --- words ---

  // A grid and a GEMM both asked for by name, of which no CTA ever joins the other's.
  std::optional<Conflict> conflict() {
    const BlockOperator& mask = block_.operators[mask_];
    if (mask.under.empty() || !(rng_.ctas || rng_.threads)) return std::nullopt;
    for (const Host& host : hosts_) {
      const std::vector<Kernel>& all = kernels(host);
      const bool never =
          std::ranges::all_of(all, [&](const Kernel& kernel) { return offer(host, kernel, rng_).apart; });
      if (!never) continue;
      const Gemm& gemm = all.front().gemm;
      return Conflict{
          fmt::format("no CTA of '{}' ({} threads) ever fits on an SM beside one of '{}' ({} threads of {} registers)",
                      mask.op.name, rng_.threads.value_or(256), block_.operators[host.op].op.name,
                      gemm.threads.value_or(0), gemm.registers.value_or(0)),
          mask.op.name, block_.operators[host.op].op.name};
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string reason(const std::vector<Offer>& best) const {
    Seconds hosts;
    Seconds kernels;
    Seconds time;
    bool apart = true;
    for (const Offer& offer : best) {
      hosts += host_of(offer).alone;
      time += offer.time;
      apart = apart && offer.apart;
      const auto& all = kernels_.at(offer.launch.host);
      kernels += std::ranges::find(all, offer.launch.kernel, &Kernel::name)->alone;
    }
    if (apart)
      return "no kernel of these GEMMs that is worth its own time leaves a CTA of the mask kernel room on an SM";
    std::string text;
    if (kernels > 1.005 * hosts) {
      text = fmt::format("GEMMs that leave room take {:.0f} % longer than the library's, and ",
                         100.0 * (kernels / hosts - 1.0));
    }
    return text + fmt::format("beside the mask kernel {:.0f} % longer", 100.0 * (time / kernels - 1.0));
  }

  const Machine& machine_;
  const Library& library_;
  const Block& block_;
  std::size_t mask_;
  Rng rng_;
  Regime regime_;
  PredictOptions options_;
  Seconds in_turn_;
  std::vector<Host> hosts_;
  std::map<std::size_t, std::vector<Kernel>> kernels_;
};

}  // namespace

HidingChoice choose_hiding(const Machine& machine, const Library& library, const Block& block, std::size_t mask,
                           Regime regime, std::optional<Hertz> clock, const std::vector<std::size_t>& taken,
                           const PredictOptions& options) {
  return Chooser(machine, library, block, mask, regime, clock, options).choose(taken);
}

}  // namespace perfmodel
