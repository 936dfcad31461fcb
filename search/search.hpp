// A search: designs proposed by operators, judged by the model and, where there is one, by silicon, and committed to
// the lineage when they are correct and no worse than the best. It can be killed at any moment and goes on where it
// was.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "search/evolve_file.hpp"
#include "search/facts.hpp"
#include "search/fitness.hpp"
#include "search/lineage.hpp"
#include "search/oracle.hpp"
#include "search/random.hpp"
#include "search/search_record.hpp"
#include "search/supervisor.hpp"

namespace perfmodel {

// A design that was judged.
struct Member {
  Design design;
  Fitness fitness;
  int version = -1;  // its number in the lineage, -1 where it is none
};

// What an operator proposes, and why, for those who read the lineage.
struct Offspring {
  Design design;
  std::string rule;  // of the knowledge base
  std::string because;
  std::string source;
  std::string notes;  // an agent's own words
};

struct SearchProgress {
  int evaluations = 0;
  int most_evaluations = 0;
  int measurements = 0;
  int compilations = 0;
  int versions = 0;
  double best = 0;  // TFLOPS, geometric mean
  double start = 0;
  std::string operation;  // of the operator at work
};

struct SearchOptions {
  std::string folder;   // of the lineage and the journal; "": nothing is kept
  bool unsafe = false;  // external programs without bubblewrap
  int evaluations = 0;  // instead of the file's; 0: the file's
  double target = 0;    // TFLOPS at which the search has found enough; 0: none
  // Instead of the file's start one that the operator chooses, or that the seed throws where it has no opinion.
  bool random_start = false;
  std::function<void(const SearchProgress&)> progress;  // often; may throw to end the program
  std::function<void(const std::string&)> say;          // a line of what happened
};

// A design that came out best so far, and when.
struct SearchStep {
  int evaluations = 0;
  int measurements = 0;
  double geomean = 0;
};

struct SearchResult {
  SearchProgress progress;
  std::vector<SearchStep> steps;  // where the best of all designs judged so far got better, correct ones alone
  std::string ended;              // why
  bool resumed = false;
};

struct SearchEnded {
  std::string why;
};

class Variation;

class Search {
 public:
  // Throws InputError for a folder that holds another search, for a start that scores zero, and for external programs
  // where there is no box for them.
  Search(EvolveFile file, std::shared_ptr<Oracle> oracle, SearchOptions options);
  ~Search();

  SearchResult run();

  // ---- for operators ----

  // What to vary.
  [[nodiscard]] const Member& parent() const { return *parent_; }
  // Judges a design; commits it where that is deserved, and goes on from it where it is better than the parent. The
  // fitness is the model's where silicon was not asked, on silicon's scale. Throws SearchEnded when a budget is spent.
  Fitness judge(const Offspring& proposal);
  // What a design was judged before; null if it was not.
  [[nodiscard]] const Fitness* known(const Design& design) const;
  DesignFacts facts(const Design& design, const Fitness& fitness, bool simulate = true) const;
  // An answer from outside: the recorded one where the search takes its way again, else what `ask` gives.
  std::string outside(const std::string& kind, const std::function<std::string()>& ask);
  Random& random() { return random_; }
  [[nodiscard]] const EvolveFile& file() const { return file_; }
  [[nodiscard]] const Oracle& oracle() const { return *oracle_; }
  // Null where nothing is kept.
  [[nodiscard]] const Lineage* lineage() const { return lineage_.get(); }
  // Every design judged on silicon or, without it, by the model, in order.
  [[nodiscard]] const std::vector<Member>& judged() const { return judged_; }
  // The model's word on a design, which counts as no evaluation.
  Fitness model(const Design& design) { return ask_model(design); }
  // Whether the search has a compiler, or a table that says what one would.
  [[nodiscard]] bool compiles() const { return file_.silicon && file_.silicon->compiles(); }
  // The same once the compiler has spoken, where the search has one: each design is compiled once, when first asked
  // for.
  Fitness compiled(const Design& design);
  // A design with what the compiler said of it, and without what neither the model nor the machine code shows: equals
  // are one kernel.
  Design as_compiled(const Design& design);
  [[nodiscard]] int measurements() const { return measurements_; }
  [[nodiscard]] const SearchOptions& options() const { return options_; }
  [[nodiscard]] const Member& best() const { return best_; }
  [[nodiscard]] int evaluations() const { return evaluations_; }
  void say(const std::string& line) const;

 private:
  using Clock = std::chrono::steady_clock;

  void begin();
  Fitness ask_model(const Design& design);
  const Compiled& compile_once(const Design& design);
  Fitness ask_silicon(const Design& design);
  bool worth_measuring(const Fitness& fitness) const;
  Fitness judged_fitness(const Design& design);
  bool accept(const Member& member);
  [[nodiscard]] bool gains(const Fitness& fitness) const;
  [[nodiscard]] Design written_out(Design design) const;
  [[nodiscard]] bool in_table(const Design& design) const;
  Design chosen_start();
  void consider(Member member, const Offspring& proposal);
  void commit(Member& member, const Offspring& proposal);
  void enter_population(const Member& member);
  void choose_parent();
  void redirect(Redirection redirection);
  void retreat();
  void note_step(const Fitness& fitness);
  void check_budgets();
  [[nodiscard]] SearchProgress so_far() const;
  void report();
  [[nodiscard]] double elapsed() const;
  void ask_afresh();

  EvolveFile file_;
  SearchOptions options_;
  std::shared_ptr<Oracle> oracle_;
  SearchRecord record_;
  std::unique_ptr<Lineage> lineage_;
  Supervisor supervisor_;
  Random random_;
  Clock::time_point started_;
  bool fresh_ = false;  // past what the record remembers

  std::vector<std::unique_ptr<Variation>> operators_;
  std::size_t operator_ = 0;
  std::unordered_map<std::string, Fitness> known_;
  std::unordered_map<std::string, Compiled> compiled_;
  Member start_;
  Member best_;
  Member work_;  // that a single line goes on from: the best, or where a retreat led
  std::vector<Member> population_;
  std::vector<Member> versions_;
  std::vector<Member> judged_;
  std::vector<SearchStep> steps_;
  const Member* parent_ = nullptr;
  double best_model_ = 0;  // the best that the model gave any design
  int evaluations_ = 0;
  int measurements_ = 0;
};

// ---- operators ----

class Variation {
 public:
  Variation() = default;
  Variation(const Variation&) = delete;
  Variation& operator=(const Variation&) = delete;
  virtual ~Variation() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  // Has at least one design judged; false where there is nothing left to propose.
  virtual bool step(Search& search) = 0;
  // A design that it would begin with, if it has an opinion; nothing is judged.
  virtual std::optional<Design> beginning(Search& search);
  // Told to look further than before.
  virtual void widen() {}
};

std::unique_ptr<Variation> make_rule_agent();
std::unique_ptr<Variation> make_external_agent(ExternalCommand command);
std::unique_ptr<Variation> make_random();
// The model's order, corrected by what was judged so far (a Gaussian process over the variables); or that process
// alone.
std::unique_ptr<Variation> make_ranked(bool with_model);
// Differential evolution, CMA-ES or NSGA-II of pagmo2. Throws InputError where the program was built without it.
std::unique_ptr<Variation> make_classical(VariationKind kind);

// The design whose variables and moves stand at these shares of their ranges, in the order of the file.
Design design_at(const EvolveFile& file, const Design& from, const std::vector<double>& shares);
std::vector<double> shares_of(const EvolveFile& file, const Design& design, const Facts& parameters);

}  // namespace perfmodel
