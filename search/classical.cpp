// Operators that know nothing of kernels: random designs, and differential evolution, CMA-ES and NSGA-II of pagmo2 over
// the variables' ranges. A step is one generation.
#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>

#include "search/search.hpp"
#include "support/diagnostic.hpp"

#ifdef PERFMODEL_PAGMO
#include <pagmo/algorithms/cmaes.hpp>
#include <pagmo/algorithms/de.hpp>
#include <pagmo/algorithms/nsga2.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#endif

namespace perfmodel {

namespace {

std::size_t dimensions(const EvolveFile& file) { return file.variables.size() + file.moves.size(); }

class RandomDesigns final : public Variation {
 public:
  [[nodiscard]] std::string_view name() const override { return "random"; }

  bool step(Search& search) override {
    constexpr int most_throws = 2000;  // in search of a design that is new
    for (int i = 0; i < most_throws; ++i) {
      std::vector<double> shares(dimensions(search.file()));
      for (double& share : shares) share = search.random().share();
      const Design design = design_at(search.file(), search.file().start, shares);
      if (search.known(design) != nullptr) continue;
      search.judge({design, "", "", "", ""});
      return true;
    }
    return false;
  }
};

#ifdef PERFMODEL_PAGMO

// What pagmo minimises: minus the throughput; of a design that does not fit or is wrong, how far it is from fitting, so
// that there is a slope to go down. An exception must come out of pagmo as it went in.
struct Landscape {
  Search* search = nullptr;
  bool several = false;  // an objective a configuration
  std::exception_ptr* failed = nullptr;

  [[nodiscard]] pagmo::vector_double fitness(const pagmo::vector_double& shares) const {
    try {
      const Fitness found = search->judge({design_at(search->file(), search->file().start, shares), "", "", "", ""});
      const double penalty = found.correct() ? 0 : 1 + std::min(1e6, found.overrun);
      if (!several) return {found.correct() ? -found.geomean : penalty};
      pagmo::vector_double objectives;
      for (const double value : found.tflops) objectives.push_back(found.correct() ? -value : penalty);
      return objectives;
    } catch (...) {
      if (!*failed) *failed = std::current_exception();
      throw;
    }
  }
  [[nodiscard]] std::pair<pagmo::vector_double, pagmo::vector_double> get_bounds() const {
    const std::size_t n = dimensions(search->file());
    return {pagmo::vector_double(n, 0.0), pagmo::vector_double(n, 1.0)};
  }
  [[nodiscard]] pagmo::vector_double::size_type get_nobj() const { return several ? search->file().suite->size() : 1; }
};

class Classical final : public Variation {
 public:
  explicit Classical(VariationKind kind) : kind_(kind) {}

  [[nodiscard]] std::string_view name() const override { return variation_names[static_cast<std::size_t>(kind_)]; }

  bool step(Search& search) override {
    failed_ = nullptr;
    try {
      if (!population_) start(search);
      population_ = algorithm_->evolve(*population_);
    } catch (...) {
      population_.reset();
      std::rethrow_exception(failed_ ? failed_ : std::current_exception());
    }
    return true;
  }

  void widen() override { population_.reset(); }

 private:
  // Around the start of the search, or thrown anew after a stall. NSGA-II wants a multiple of four.
  void start(Search& search) {
    const auto seed = static_cast<unsigned>(search.random().bits() >> 33U);
    const std::size_t size = 4 * std::max<std::size_t>(4, (dimensions(search.file()) + 2) / 3);
    switch (kind_) {
      case VariationKind::cmaes:
        algorithm_.emplace(pagmo::cmaes(1, -1, -1, -1, -1, 0.3, 0, 0, /*memory=*/true, /*force_bounds=*/true, seed));
        break;
      case VariationKind::nsga2: algorithm_.emplace(pagmo::nsga2(1, 0.95, 10, 1.0 / 8, 50, seed)); break;
      default: algorithm_.emplace(pagmo::de(1, 0.8, 0.9, 2, 0, 0, seed)); break;
    }
    population_.emplace(pagmo::problem(Landscape{&search, kind_ == VariationKind::nsga2, &failed_}), 0U, seed);
    const Member& from = search.parent();
    population_->push_back(
        shares_of(search.file(), from.design, search.facts(from.design, from.fitness, false).parameters));
    while (population_->size() < size) {
      pagmo::vector_double shares(dimensions(search.file()));
      for (double& share : shares) share = search.random().share();
      population_->push_back(shares);
    }
  }

  VariationKind kind_;
  std::optional<pagmo::algorithm> algorithm_;
  std::optional<pagmo::population> population_;
  std::exception_ptr failed_;
};

#endif

}  // namespace

std::unique_ptr<Variation> make_random() { return std::make_unique<RandomDesigns>(); }

std::unique_ptr<Variation> make_classical(VariationKind kind) {
#ifdef PERFMODEL_PAGMO
  return std::make_unique<Classical>(kind);
#else
  throw InputError({},
                   "the operator '" + std::string(variation_names[static_cast<std::size_t>(kind)]) +
                       "' needs pagmo2, which this program was built without",
                   {{{}, "install libpagmo-dev and build again"}});
#endif
}

}  // namespace perfmodel
