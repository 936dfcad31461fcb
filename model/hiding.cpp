#include "model/hiding.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "model/co_run.hpp"
#include "model/operation.hpp"

namespace perfmodel {

namespace {

PredictOptions lone_options(const HidingConditions& conditions) {
  PredictOptions options;
  options.regime = conditions.regime;
  options.fidelity = conditions.fidelity;
  options.describe = false;
  options.clock = conditions.clock;
  return options;
}

Rng full_grid(Rng rng) {
  rng.ctas.reset();
  rng.threads.reset();
  rng.registers.reset();
  return rng;
}

}  // namespace

Seconds time_alone(const Machine& machine, const Library& library, Operator op, Work work,
                   const HidingConditions& conditions) {
  op.work = std::move(work);
  op.regime = conditions.regime;
  const Estimate estimate = predict(machine, library, op, lone_options(conditions));
  return estimate.feasible() ? estimate.time : Seconds(0.0);
}

Beside beside(const Machine& machine, const Library& library, const Block& block, const HiddenLaunch& launch,
              const HidingConditions& conditions) {
  const PredictOptions options = lone_options(conditions);
  Operator gemm = block.operators[launch.host].op;
  Operator mask = block.operators[launch.mask].op;
  Beside result;
  result.library = time_alone(machine, library, gemm, gemm.work, conditions);
  gemm.work = launch.gemm;
  mask.work = launch.rng;
  const Prepared prepared_gemm = prepare(machine, library, gemm, conditions.regime, options);
  const Prepared prepared_mask = prepare(machine, library, mask, conditions.regime, options);
  const std::array<const Prepared*, 1> first{&prepared_mask};
  const std::array<const Prepared*, 1> second{&prepared_gemm};
  CoRunOptions sharing;
  sharing.carveout = Carveout::maximum;
  const CoRun pair(machine, first, second, sharing);
  if (!pair.refusal().empty()) {
    result.apart = pair.refusal();
    return result;
  }
  const CoRunCourse course = co_run(machine, pair, conditions.regime, options).course;
  result.mask = course.part[0].alone;
  result.kernel = course.part[1].alone;
  result.both = course.time;
  result.mask_end = course.part[0].end;
  result.apart = course.met ? "" : pair.apart().empty() ? "the one has ended when the other starts" : pair.apart();
  return result;
}

Seconds mask_in_turn(const Machine& machine, const Library& library, const Block& block, std::size_t mask,
                     const HidingConditions& conditions) {
  const Operator& op = block.operators[mask].op;
  return time_alone(machine, library, op, full_grid(std::get<Rng>(op.work)), conditions);
}

std::string hiding_obstacle(const std::vector<Beside>& launches) {
  Seconds library;
  Seconds kernel;
  Seconds both;
  for (const Beside& launch : launches) {
    library += launch.library;
    kernel += launch.kernel;
    both += launch.both;
  }
  if (std::ranges::none_of(launches, [](const Beside& launch) { return launch.apart.empty(); })) {
    return "they take turns: " + launches.front().apart;
  }
  std::string text;
  if (kernel > 1.005 * library) {
    text = fmt::format("GEMMs that leave room take {:.0f} % longer than the library's, and ",
                       100.0 * (kernel / library - 1.0));
  }
  return text + fmt::format("beside the mask kernel {:.0f} % longer", 100.0 * (both / kernel - 1.0));
}

}  // namespace perfmodel
