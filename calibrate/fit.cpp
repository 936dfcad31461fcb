#include "calibrate/fit.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "arch/fields.hpp"
#include "calibrate/least_squares.hpp"
#include "model/interval.hpp"
#include "model/predict.hpp"

namespace perfmodel {

namespace {

// A clock that scatters by the power controller's habits says less than a time, and so does a reading of the power.
constexpr double clock_weight = 0.7;
constexpr double power_weight = 0.7;

// A clock that was read over a fraction of a second scatters with the phase of the power controller.
constexpr double passing_clock_weight = 0.2;

// Above this share of the top clock tools show more than tensor work gets: steady attention at a shown 1700 to 1900 MHz
// takes as many microseconds more than cold as if it ran at 1600 to 1730. There the time is compared at the model's
// clock.
constexpr double honest_share = 0.82;

// Rows of other groups' tables rest on protocols that are known less well.
double weight_of(const Measurement& measured) {
  const auto* attention = std::get_if<Attention>(&measured.op.work);
  return attention != nullptr && attention->impl.family == Family::flash3 ? 0.5 : measured.block ? 0.7 : 1.0;
}

struct Answer {
  bool feasible = false;
  Seconds time;
  Hertz clock;  // as the driver's tools show it
  Watts power;
  std::string regime;
  std::string limiter;
};

Answer answer_of(const Machine& machine, const Library& library, const Measurement& measured,
                 std::optional<Hertz> clock, Fidelity fidelity = Fidelity::pipeline) {
  PredictOptions options;
  options.describe = false;
  options.fidelity = fidelity;
  options.clock = clock;
  if (measured.block) {
    const SequenceEstimate sequence = predict(machine, library, *measured.block, options);
    return {true, sequence.total, sequence.clock, sequence.power, std::string(name_of(sequence.regime)), "any"};
  }
  const Estimate estimate = predict(machine, library, measured.op, options);
  return {estimate.feasible(),
          estimate.time,
          estimate.reported_clock,
          estimate.power,
          std::string(name_of(estimate.regime)),
          std::string(limiter_name(estimate.limiter))};
}

// The clock at which to compare times: the measured one, for that spares the kernel physics the scatter of the
// clock. Tools report the clock asked for, which the tensor cores' own ceiling undercuts.
std::optional<Hertz> physics_clock(const Machine& machine, const Measurement& measured) {
  if (!measured.clock || measured.block) {
    return std::nullopt;
  }
  const bool tensor =
      std::holds_alternative<Gemm>(measured.op.work) || std::holds_alternative<Attention>(measured.op.work);
  if (!tensor) {
    return *measured.clock;
  }
  return *measured.clock < honest_share * machine.clock.maximum.value ? measured.clock : std::nullopt;
}

// Observations of one measurement by the closed forms, for a simulated program has no constants of its own: the time,
// at the measured clock where there is one (so that the scatter of the clock does not blur the kernel physics), and
// apart from it the clock and power that the model finds by itself.
class Observations {
 public:
  Observations(const Machine& machine, const Library& library, const std::vector<Measurement>& measurements,
               std::vector<std::size_t> rows, const std::vector<std::string>& keys)
      : machine_(machine), library_(library), measurements_(measurements), rows_(std::move(rows)), keys_(keys) {}

  [[nodiscard]] Eigen::VectorXd operator()(const Eigen::VectorXd& point) const {
    Machine machine = machine_;
    for (std::size_t j = 0; j < keys_.size(); ++j) {
      find_constant(machine, keys_[j])->constant.set(point[static_cast<Eigen::Index>(j)]);
    }
    Eigen::VectorXd residuals = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(3 * rows_.size()));
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      observe(machine, measurements_[rows_[i]], residuals, static_cast<Eigen::Index>(3 * i));
    }
    return residuals;
  }

 private:
  void observe(const Machine& machine, const Measurement& measured, Eigen::VectorXd& residuals, Eigen::Index at) const {
    if (measured.time) {
      const Answer answer = answer_of(machine, library_, measured, physics_clock(machine, measured), Fidelity::bound);
      if (answer.feasible) {
        residuals[at] = weight_of(measured) * std::log(answer.time / *measured.time);
      }
    }
    if (measured.clock) {
      const Answer free = answer_of(machine, library_, measured, std::nullopt, Fidelity::bound);
      if (free.feasible) {
        const double weight = measured.power ? clock_weight : passing_clock_weight;
        residuals[at + 1] = weight * std::log(free.clock / *measured.clock);
        residuals[at + 2] = measured.power ? power_weight * std::log(free.power / *measured.power) : 0.0;
      }
    }
  }

  const Machine& machine_;
  const Library& library_;
  const std::vector<Measurement>& measurements_;
  std::vector<std::size_t> rows_;
  const std::vector<std::string>& keys_;
};

std::vector<FitParameter> parameters_of(const Machine& machine, const std::vector<std::string>& keys) {
  Machine copy = machine;
  std::vector<FitParameter> parameters;
  for (const std::string& key : keys) {
    const auto named = find_constant(copy, key);
    if (!named) {
      throw std::logic_error("no constant '" + key + "' to fit");
    }
    parameters.push_back({named->constant.get(), named->field->low, named->field->high});
  }
  return parameters;
}

constexpr std::string_view tiles = "tiles";

// Of a residual class: what a program's author chose.
bool is_tile(const Measurement& measured) { return !measured.block && residual_class(measured.op).ends_with(tiles); }

// Families dealt out to folds in the order of a hash, so that neighbours in a table do not end up together. Those of
// tiles come last, so that a table of them more does not deal the others anew.
std::map<std::string, int> deal(const std::vector<Measurement>& measurements, int folds) {
  std::set<std::string> others;
  for (const Measurement& measured : measurements) {
    if (!is_tile(measured)) others.insert(measured.family);
  }
  std::set<std::tuple<bool, std::uint64_t, std::string>> families;
  for (const Measurement& measured : measurements) {
    std::uint64_t hash = 1469598103934665603ULL;
    for (const char c : measured.family) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    families.emplace(!others.contains(measured.family), hash, measured.family);
  }
  std::map<std::string, int> fold;
  int next = 0;
  for (const auto& [tile, hash, family] : families) {
    fold[family] = next;
    next = (next + 1) % folds;
  }
  return fold;
}

HeldOut hold_out(const Machine& machine, const Library& library, const Measurement& measured, std::size_t index) {
  const Answer answer = answer_of(machine, library, measured, std::nullopt);
  return {index,         answer.time,   answer.clock, answer.power, std::string(residual_class(measured.op)),
          answer.regime, answer.limiter};
}

// Tables of another card only tell how far off a fit is there.
bool learned_from(const Measurement& measured) { return measured.table.find("_other") == std::string::npos; }

// Rows that a fit learns from: a long table says no more by all of its rows than by some hundred spread over it.
std::vector<std::size_t> thinned(const std::vector<Measurement>& measurements, const FitOptions& options) {
  std::map<std::string, std::size_t> rows;
  for (const Measurement& measured : measurements) {
    ++rows[measured.table];
  }
  std::map<std::string, std::size_t> seen;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < measurements.size(); ++i) {
    const std::string& table = measurements[i].table;
    const std::size_t stride =
        rows[table] > options.long_table ? (rows[table] + options.thinned_rows - 1) / options.thinned_rows : 1;
    if (learned_from(measurements[i]) && seen[table]++ % stride == 0) {
      kept.push_back(i);
    }
  }
  return kept;
}

// Leaves out what the model has no program for, and holds the choice of kernels still.
std::vector<Measurement> settled(const Machine& machine, const Library& library, const std::vector<Measurement>& all) {
  std::vector<Measurement> result;
  for (Measurement measured : all) {
    choose_kernels(machine, library, measured.op);
    if (measured.block) {
      choose_kernels(machine, library, *measured.block);
    }
    if (answer_of(machine, library, measured, std::nullopt).feasible) {
      result.push_back(std::move(measured));
    }
  }
  return result;
}

Eigen::VectorXd solve(const Machine& machine, const Library& library, const std::vector<Measurement>& measurements,
                      std::vector<std::size_t> rows, const std::vector<std::string>& keys, int iterations) {
  const Observations observations(machine, library, measurements, std::move(rows), keys);
  LeastSquaresOptions solver;
  solver.iterations = iterations;
  return least_squares(std::cref(observations), parameters_of(machine, keys), solver).point;
}

Machine with(const Machine& machine, const std::vector<std::string>& keys, const Eigen::VectorXd& point) {
  Machine result = machine;
  for (std::size_t j = 0; j < keys.size(); ++j) {
    find_constant(result, keys[j])->constant.set(point[static_cast<Eigen::Index>(j)], Origin::fitted, "fit");
  }
  return result;
}

// What kernels cost each other on an SM is learned in a stage of its own, from the rows where two run: those rows say
// little of the kernels alone, and would drag their constants along. So would the many tiles of a few programs.
bool speaks_for(const FitStage& stage, const Measurement& measured) {
  if (stage.operators == tiles || is_tile(measured)) return stage.operators == tiles && is_tile(measured);
  const std::string_view kind = measured.block ? "block" : residual_class(measured.op);
  return stage.operators.empty() ? kind != "overlap" : kind.starts_with(stage.operators);
}

// Stage after stage, each with its own rows.
Machine solve_stages(Machine machine, const Library& library, const std::vector<Measurement>& measurements,
                     const std::vector<std::size_t>& rows, const std::vector<FitStage>& stages, int iterations) {
  for (const FitStage& stage : stages) {
    std::vector<std::size_t> own;
    std::ranges::copy_if(rows, std::back_inserter(own),
                         [&](std::size_t row) { return speaks_for(stage, measurements[row]); });
    machine = with(machine, stage.keys, solve(machine, library, measurements, std::move(own), stage.keys, iterations));
  }
  return machine;
}

void cross_validate(const Library& library, const std::vector<FitStage>& stages, const FitOptions& options, Fit& fit) {
  const std::vector<std::size_t> learned = thinned(fit.measurements, options);
  const std::map<std::string, int> fold_of = deal(fit.measurements, options.folds);
  for (int fold = 0; fold < options.folds; ++fold) {
    std::vector<std::size_t> train;
    for (const std::size_t i : learned) {
      if (fold_of.at(fit.measurements[i].family) != fold) {
        train.push_back(i);
      }
    }
    // Starting from the whole fit saves most of the iterations; what it leaks is no more than the start.
    const Machine without =
        solve_stages(fit.machine, library, fit.measurements, train, stages, std::max(3, options.iterations / 4));
    for (std::size_t i = 0; i < fit.measurements.size(); ++i) {
      if (fold_of.at(fit.measurements[i].family) == fold) {
        fit.held_out.push_back(hold_out(without, library, fit.measurements[i], i));
      }
    }
  }
  std::sort(fit.held_out.begin(), fit.held_out.end(),
            [](const HeldOut& a, const HeldOut& b) { return a.measurement < b.measurement; });
}

}  // namespace

Fit fit_machine(const Machine& machine, const Library& library, std::vector<Measurement> measurements,
                const std::vector<FitStage>& stages, const FitOptions& options) {
  Fit fit;
  fit.machine = machine;
  for (const FitStage& stage : stages) fit.keys.insert(fit.keys.end(), stage.keys.begin(), stage.keys.end());
  for (const int iterations : {options.iterations / 2, options.iterations}) {
    fit.measurements = settled(fit.machine, library, measurements);
    fit.machine =
        solve_stages(fit.machine, library, fit.measurements, thinned(fit.measurements, options), stages, iterations);
  }
  if (options.folds >= 2) {
    cross_validate(library, stages, options, fit);
  }
  return fit;
}

namespace {

constexpr std::size_t smallest_class = 10;

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<ResidualQuantiles> residual_quantiles(const std::vector<Measurement>& measurements,
                                                  const std::vector<HeldOut>& held_out) {
  struct Class {
    std::string op, regime, limiter;
    auto operator<=>(const Class&) const = default;
  };
  struct Rows {
    std::vector<double> errors;
    std::set<std::string> families;
  };
  std::map<Class, Rows> classes;
  for (const HeldOut& row : held_out) {
    const Measurement& measured = measurements[row.measurement];
    if (!measured.time || row.predicted.si() <= 0) {
      continue;
    }
    const double error = *measured.time / row.predicted - 1.0;
    for (const Class& key :
         {Class{row.op, row.regime, row.limiter}, Class{row.op, row.regime, "any"}, Class{row.op, "any", "any"}}) {
      classes[key].errors.push_back(error);
      classes[key].families.insert(measured.family);
    }
  }
  for (auto& [key, rows] : classes) std::sort(rows.errors.begin(), rows.errors.end());
  std::vector<ResidualQuantiles> result;
  for (const auto& [key, rows] : classes) {
    const auto& [errors, families] = rows;
    if (errors.size() < smallest_class) {
      continue;
    }
    double low = quantile(errors, 0.05);
    double high = quantile(errors, 0.95);
    if (families.size() < smallest_class && key.limiter != "any") {
      // Rows of one shape err alike: a few shapes, however many their rows, do not narrow what to expect of the next.
      const std::vector<double>& all = classes.at({key.op, key.regime, "any"}).errors;
      low = std::min(low, quantile(all, 0.05));
      high = std::max(high, quantile(all, 0.95));
    }
    result.push_back(
        {key.op, key.regime, key.limiter, static_cast<std::int64_t>(errors.size()), low, quantile(errors, 0.5), high});
  }
  return result;
}

const std::vector<FitStage>& fit_stages(const Machine& machine) {
  // H100's tables have a clock beside each time, so that one fit can tell the two apart; B200's have none.
  static const std::vector<FitStage> hopper = {
      {"",
       {"transfer.iteration",
        "transfer.prologue",
        "transfer.cold_prologue",
        "clock.plateau",
        "dram.overlap",
        "launch.grid",
        "launch.cold_code",
        "launch.reduction",
        "launch.scale",
        "power.voltage_slope",
        "power.tensor_cycle",
        "power.tensor_fp8",
        "power.zeros",
        "power.mma_sync",
        "code.cudnn_fwd.softmax",
        "code.cudnn_fwd.dropout",
        "code.cudnn_fwd.tile",
        "code.cudnn_fwd.serial",
        "code.cudnn_bwd.softmax",
        "code.cudnn_bwd.tile",
        "code.cudnn_bwd.serial",
        "code.flash2_fwd.softmax",
        "code.flash2_fwd.dropout",
        "code.flash2_fwd.tile",
        "code.flash2_fwd.tensor",
        "code.flash2_bwd.softmax",
        "code.flash2_bwd.dropout",
        "code.flash2_bwd.iteration",
        "code.flash3_fwd.tile",
        "code.flash3_fwd.start"}},
      {"tiles", {"tiles.columns", "tiles.onset", "tiles.latency", "tiles.around", "l2.overlap", "tiles.first_touch"}},
      {"overlap", {"contention.turn"}}};
  static const std::vector<FitStage> blackwell = {
      {"gemm", {"transfer.iteration", "l2.overlap", "dram.overlap", "dram.ramp", "launch.graph", "launch.reduction"}},
      {"attention",
       {"code.fa4_fwd.serial",  "code.fa4_fwd.tile",      "code.fa4_bwd.tensor",  "code.fa4_bwd.tile",
        "code.avo_fwd.serial",  "code.cudnn_fwd.serial",  "code.cudnn_fwd.tile",  "code.cudnn_bwd.tensor",
        "code.cudnn_bwd.tile",  "code.gluon_fwd.serial",  "code.gluon_fwd.tile",  "code.triton_fwd.tensor",
        "code.triton_fwd.tile", "code.flash2_fwd.tensor", "code.flash2_fwd.tile", "code.flash2_bwd.tensor",
        "code.flash2_bwd.tile", "code.trtllm_fwd.serial", "code.trtllm_fwd.tile", "code.trtllm_fwd.start"}}};
  return machine.tensor.generation == TensorGeneration::tcgen05 ? blackwell : hopper;
}

std::vector<std::string> fitted_keys(const Machine& machine) {
  std::vector<std::string> keys;
  for (const FitStage& stage : fit_stages(machine)) keys.insert(keys.end(), stage.keys.begin(), stage.keys.end());
  return keys;
}

}  // namespace perfmodel
