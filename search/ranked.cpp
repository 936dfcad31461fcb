// The model's order first: every design that the file allows is asked of the model, and the one that promises most is
// compiled, where there is a compiler, and judged next. What silicon says of the designs judged so far corrects the
// promise of those like them: a Gaussian process over the variables, whose prior mean is the model and whose prior
// width is the model's own interval (Rasmussen and Williams, Gaussian Processes for Machine Learning, chapter 2;
// expected improvement: Jones, Schonlau, Welch 1998).
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <unordered_map>
#include <unordered_set>

#include "search/search.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t most_designs = 20000;  // larger spaces are sampled
constexpr double plain_width = 0.2;  // standard deviation of the log of a throughput, where the model gives none
constexpr double noise = 0.01;       // of a measurement, as a share
constexpr std::array<double, 3> reaches{0.5, 0.25, 1.0};  // of what one design says of others, in ranges of a variable
constexpr std::array<double, 2> scales{1.0, 3.0};         // of the model's interval, where it was too sure
constexpr std::array<double, 3> trusts{1.0, 0.5, 0.0};    // in the model's differences between designs
constexpr double doubt = 2.3;            // log of the odds, ten to one, against a scale or a trust other than one
constexpr std::size_t most_known = 400;  // that the process looks back on

struct Promise {
  Design design;
  Eigen::VectorXd at;  // shares of the variables' ranges
  double mean = 0;     // log of the throughput
  double width = plain_width;
  bool compiled = false;  // the compiler was asked
};

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

class Ranked final : public Variation {
 public:
  explicit Ranked(bool with_model) : with_model_(with_model) {}

  [[nodiscard]] std::string_view name() const override { return with_model_ ? "ranked" : "surrogate"; }

  bool step(Search& search) override {
    if (promises_.empty()) collect(search);
    std::erase_if(promises_, [&](const Promise& promise) { return search.known(promise.design) != nullptr; });
    if (promises_.empty()) return false;
    const std::optional<Design> design = most_gain(search);
    if (!design) return false;
    search.judge({*design, "", "", "", ""});
    return true;
  }

  // What the model puts first.
  std::optional<Design> beginning(Search& search) override {
    if (!with_model_) return std::nullopt;
    if (promises_.empty()) collect(search);
    return first_compiled(search, [](const Promise& promise) { return promise.mean; });
  }

  void widen() override { promises_.clear(); }

 private:
  // All designs, or a sample of them, with what the model says. Designs that it refuses are left out.
  void collect(Search& search) {
    const EvolveFile& file = search.file();
    std::vector<std::size_t> sizes;
    double count = 1;
    for (const Variable& variable : file.variables) {
      sizes.push_back(variable.continuous ? 16 : variable.values.size());
      count *= static_cast<double>(sizes.back());
    }
    sizes.insert(sizes.end(), file.moves.size(), 2);
    count *= std::exp2(static_cast<double>(file.moves.size()));
    const bool all = count <= static_cast<double>(most_designs);
    const std::size_t number = all ? static_cast<std::size_t>(count) : most_designs;
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < number; ++i) {
      std::vector<double> shares;
      std::size_t rest = i;
      for (const std::size_t size : sizes) {
        const std::size_t index = all ? rest % size : search.random().below(size);
        shares.push_back((static_cast<double>(index) + 0.5) / static_cast<double>(size));
        rest /= size;
      }
      add(search, shares, seen);
    }
    // Equals in any order: which comes first is the seed's.
    for (std::size_t i = promises_.size(); i > 1; --i) std::swap(promises_[i - 1], promises_[search.random().below(i)]);
  }

  void add(Search& search, const std::vector<double>& shares, std::unordered_set<std::string>& seen) {
    Promise promise;
    promise.design = design_at(search.file(), search.file().start, shares);
    if (!seen.insert(key_of(promise.design)).second) return;
    const Fitness fitness = search.model(promise.design);
    if (!fitness.correct()) return;
    if (with_model_) take_word(promise, fitness);
    promise.compiled = !search.compiles();
    if (with_model_ && !promise.compiled) promise.width = std::max(2 * promise.width, plain_width);
    promise.at = position(search, promise.design);
    promises_.push_back(std::move(promise));
  }

  // The interval's upper end is 1.645 standard deviations away; what the model does not trust is twice as wide, and so
  // is what was not compiled yet: its registers and spills are a guess.
  static void take_word(Promise& promise, const Fitness& fitness) {
    promise.mean = std::log(fitness.geomean);
    const double width =
        fitness.upper > fitness.geomean ? std::log(fitness.upper / fitness.geomean) / 1.645 : plain_width;
    promise.width = fitness.defer.empty() ? width : std::max(2 * width, plain_width);
  }

  // Of a grid the place among its values from 0 to 1, so that doublings are as far apart as steps.
  static Eigen::VectorXd position(const Search& search, const Design& design) {
    const EvolveFile& file = search.file();
    Eigen::VectorXd at(static_cast<Eigen::Index>(file.variables.size() + file.moves.size()));
    Eigen::Index i = 0;
    for (const Variable& variable : file.variables) {
      const double value = setting_of(design, variable.name).value_or(variable.values.front());
      if (variable.continuous) {
        at(i++) = share_of(variable, value);
      } else {
        const auto index = std::ranges::find(variable.values, snapped(variable, value)) - variable.values.begin();
        at(i++) = static_cast<double>(index) / static_cast<double>(variable.values.size() - 1);
      }
    }
    for (const MoveKind kind : file.moves) at(i++) = move_of(design, kind) == 0 ? 0 : 1;
    return at;
  }

  // Settings that come out as the same kernel, register caps that do not bind for instance, are one point: that of the
  // first of them.
  const Eigen::VectorXd& place(Search& search, const Design& design, const Eigen::VectorXd& at) {
    return places_.emplace(key_of(search.as_compiled(design)), at).first->second;
  }

  struct Known {
    std::vector<Promise> designs;
    Eigen::VectorXd residual;  // log of what silicon said over what was promised
  };

  // What has been judged; a design that failed says nothing of the throughput of others.
  Known known(Search& search) {
    Known known;
    std::vector<double> logs;
    const std::vector<Member>& judged = search.judged();
    const std::size_t first = judged.size() > most_known ? judged.size() - most_known : 0;
    for (std::size_t i = first; i < judged.size(); ++i) {
      if (!judged[i].fitness.correct()) continue;
      Promise promise;
      promise.at = position(search, judged[i].design);
      if (with_model_) {
        const Fitness model = search.compiled(judged[i].design);
        if (!model.correct()) continue;  // it ran, and the model thinks that it cannot
        take_word(promise, model);
        promise.at = place(search, judged[i].design, promise.at);
      }
      logs.push_back(std::log(judged[i].fitness.geomean) - promise.mean);
      known.designs.push_back(std::move(promise));
    }
    known.residual = Eigen::Map<Eigen::VectorXd>(logs.data(), static_cast<Eigen::Index>(logs.size()));
    return known;
  }

  static double alike(const Promise& a, const Promise& b, double reach) {
    return a.width * b.width * std::exp(-0.5 * (a.at - b.at).squaredNorm() / (reach * reach));
  }

  struct Process {
    Eigen::LLT<Eigen::MatrixXd> factor;
    Eigen::VectorXd weights;
    double reach = 0.5;
    double scale = 1;   // of the widths
    double trust = 1;   // how much of the model's differences between designs is believed
    double offset = 0;  // by which all designs differ from their promise
    double evidence = -1e300;
  };

  static Process fit(const Known& known, double reach, double scale, double trust) {
    const Eigen::Index n = known.residual.size();
    Eigen::MatrixXd covariance(n, n);
    Eigen::VectorXd observed(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const Promise& one = known.designs[static_cast<std::size_t>(i)];
      observed(i) = known.residual(i) + (1 - trust) * one.mean;
      for (Eigen::Index j = 0; j <= i; ++j) {
        covariance(i, j) = covariance(j, i) =
            scale * scale * alike(one, known.designs[static_cast<std::size_t>(j)], reach);
      }
      covariance(i, i) += noise * noise;
    }
    Process process;
    process.reach = reach;
    process.scale = scale;
    process.trust = trust;
    process.factor.compute(covariance);
    const Eigen::VectorXd ones = Eigen::VectorXd::Ones(n);
    const Eigen::VectorXd solved = process.factor.solve(ones);
    process.offset = solved.dot(observed) / solved.sum();
    const Eigen::VectorXd left = observed - process.offset * ones;
    process.weights = process.factor.solve(left);
    process.evidence = -0.5 * left.dot(process.weights) - process.factor.matrixLLT().diagonal().array().log().sum();
    return process;
  }

  // What makes what is known likeliest; the model's word as it is where that makes no difference.
  Process fit(const Known& known) const {
    Process best;
    for (const double trust : trusts) {
      for (const double scale : scales) {
        for (const double reach : reaches) {
          Process process = fit(known, reach, scale, trust);
          if (with_model_) process.evidence -= (trust < 1 ? doubt : 0) + (scale > 1 ? doubt : 0);
          if (process.evidence > best.evidence + 1e-9) best = std::move(process);
        }
      }
      if (!with_model_) break;
    }
    return best;
  }

  // The promise of the largest worth whose design the compiler has seen: the first in order is compiled, which changes
  // its promise and so its place, until the first one is one that was. Designs that it refuses are dropped.
  template <typename Worth>
  std::optional<Design> first_compiled(Search& search, const Worth& worth) {
    std::vector<double> worths;
    for (const Promise& promise : promises_) worths.push_back(worth(promise));
    while (!promises_.empty()) {
      const auto first = std::ranges::max_element(worths);
      const auto index = first - worths.begin();
      Promise& promise = promises_[static_cast<std::size_t>(index)];
      if (promise.compiled || !with_model_) return promise.design;
      promise.compiled = true;
      const Fitness fitness = search.compiled(promise.design);
      if (fitness.correct()) {
        take_word(promise, fitness);
        promise.at = place(search, promise.design, promise.at);
        *first = worth(promise);
      } else {
        promises_.erase(promises_.begin() + index);
        worths.erase(first);
      }
    }
    return std::nullopt;
  }

  // The design with the largest expected improvement over the best one known.
  std::optional<Design> most_gain(Search& search) {
    const Known seen = known(search);
    if (seen.designs.empty()) return first_compiled(search, [](const Promise& promise) { return promise.mean; });
    double incumbent = -1e300;
    for (std::size_t i = 0; i < seen.designs.size(); ++i) {
      incumbent = std::max(incumbent, seen.designs[i].mean + seen.residual(static_cast<Eigen::Index>(i)));
    }
    const Process process = fit(seen);
    return first_compiled(search,
                          [&](const Promise& promise) { return expected_gain(promise, seen, process, incumbent); });
  }

  static double expected_gain(const Promise& promise, const Known& seen, const Process& process, double incumbent) {
    Eigen::VectorXd row(seen.residual.size());
    for (Eigen::Index j = 0; j < row.size(); ++j) {
      row(j) = process.scale * process.scale * alike(promise, seen.designs[static_cast<std::size_t>(j)], process.reach);
    }
    const double mean = process.trust * promise.mean + process.offset + row.dot(process.weights);
    const Eigen::VectorXd half = process.factor.matrixL().solve(row);
    const double prior = process.scale * promise.width;
    const double width = std::sqrt(std::max(1e-12, prior * prior - half.squaredNorm()));
    const double z = (mean - incumbent) / width;
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    return width * (z * normal_cdf(z) + density);
  }

  bool with_model_;
  std::vector<Promise> promises_;
  std::unordered_map<std::string, Eigen::VectorXd> places_;
};

}  // namespace

std::unique_ptr<Variation> make_ranked(bool with_model) { return std::make_unique<Ranked>(with_model); }

}  // namespace perfmodel
