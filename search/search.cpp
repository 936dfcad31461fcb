#include "search/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "search/content.hpp"
#include "search/measured_table.hpp"
#include "search/silicon.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

namespace {

using Json = nlohmann::json;

constexpr double rounding = 1e-5;  // throughputs nearer than this, as a share, are equal

// The file, what it names, the machine's constants and the model that a search goes by.
std::string identity_of(const EvolveFile& file, const Machine& machine) {
  const ContentKey machine_key = key_of(machine);
  Content content;
  content.add(std::string_view(file.text)).add(machine_key.high).add(machine_key.low);
  const ContentKey key = content.key();
  return fmt::format("{} {:016x}{:016x}", file.name, key.high, key.low);
}

std::vector<std::unique_ptr<Variation>> make_operators(const EvolveFile& file) {
  std::vector<std::unique_ptr<Variation>> operators;
  for (const VariationKind kind : file.operators) {
    switch (kind) {
      case VariationKind::rules: operators.push_back(make_rule_agent()); break;
      case VariationKind::agent: operators.push_back(make_external_agent(*file.agent)); break;
      case VariationKind::random: operators.push_back(make_random()); break;
      case VariationKind::ranked: operators.push_back(make_ranked(/*with_model=*/true)); break;
      case VariationKind::surrogate: operators.push_back(make_ranked(/*with_model=*/false)); break;
      default: operators.push_back(make_classical(kind));
    }
  }
  return operators;
}

void require_box(const EvolveFile& file, bool unsafe) {
  const bool external = file.agent || (file.silicon && !file.silicon->table);
  if (unsafe || !external) return;
  const std::string why = sandbox_unavailable();
  if (why.empty()) return;
  throw InputError({}, fmt::format("external programs run in a box, and there is none: {}", why),
                   {{{}, "install bubblewrap, or run them unprotected with --unsafe-agent"}});
}

}  // namespace

Search::Search(EvolveFile file, std::shared_ptr<Oracle> oracle, SearchOptions options)
    : file_(std::move(file)),
      options_(std::move(options)),
      oracle_(std::move(oracle)),
      record_((require_box(file_, options_.unsafe), options_.folder), identity_of(file_, oracle_->machine())),
      lineage_(options_.folder.empty() ? nullptr : std::make_unique<Lineage>(options_.folder + "/lineage.git")),
      supervisor_(file_.supervisor, file_.operators.size()),
      random_(file_.seed),
      started_(Clock::now()),
      operators_(make_operators(file_)) {
  if (options_.evaluations > 0) file_.evaluations = options_.evaluations;
  for (ExternalCommand* command :
       {file_.agent ? &*file_.agent : nullptr, file_.silicon ? &file_.silicon->measure : nullptr,
        file_.silicon && file_.silicon->compile ? &*file_.silicon->compile : nullptr}) {
    if (command != nullptr) command->box.unsafe = options_.unsafe;
  }
}

Search::~Search() = default;

double Search::elapsed() const {
  return record_.elapsed() + (fresh_ ? std::chrono::duration<double>(Clock::now() - started_).count() : 0.0);
}

// Before the first thing that no record answers, the search takes its old way again, which costs none of its time.
void Search::ask_afresh() {
  if (!fresh_) started_ = Clock::now();
  fresh_ = true;
  if (file_.time.si() > 0 && elapsed() >= file_.time.si()) throw SearchEnded{"the time is up"};
}

void Search::say(const std::string& line) const {
  if (options_.say) options_.say(line);
}

DesignFacts Search::facts(const Design& design, const Fitness& fitness, bool simulate) const {
  return facts_of(oracle_->machine(), *file_.suite, design, fitness, simulate);
}

std::string Search::outside(const std::string& kind, const std::function<std::string()>& ask) {
  if (std::optional<std::string> recorded = record_.next(kind)) return *recorded;
  ask_afresh();
  std::string answer = ask();
  record_.add(kind, answer, elapsed());
  return answer;
}

Fitness Search::ask_model(const Design& design) {
  const std::string key = key_of(design);
  if (std::optional<Fitness> recorded = record_.score(key)) return *recorded;
  ask_afresh();
  const Score score = oracle_->score(*file_.suite, candidate_of(design));
  Fitness fitness;
  fitness.refusal = score.refusal;
  double upper = 0;
  for (const ConfigurationScore& each : score.configurations) {
    fitness.tflops.push_back(score.feasible() ? each.throughput.si() / 1e12 : 0.0);
    fitness.limiters.emplace_back(limiter_name(each.limiter));
    if (score.feasible()) upper += std::log(each.throughput.si() / 1e12 * each.time.si() / each.lower.si());
  }
  if (score.feasible()) {
    fitness.geomean = geometric_mean(fitness.tflops);
    fitness.upper = std::exp(upper / static_cast<double>(fitness.tflops.size()));
    for (const std::string_view name : names_of(score.defer)) fitness.defer.emplace_back(name);
  } else {
    fitness.overrun = overrun(facts(design, fitness, /*simulate=*/false).facts);
  }
  record_.add_score(key, fitness);
  return fitness;
}

Fitness Search::ask_silicon(const Design& design) {
  if (measurements_ >= file_.silicon->budget) throw SearchEnded{"the budget of measurements is spent"};
  ++measurements_;
  if (file_.silicon->table) return file_.silicon->table->fitness(*file_.suite, design);
  const std::uint64_t hidden = random_.bits() >> 12U;
  report();
  return read_fitness(
      outside("silicon", [&] { return fitness_json(measure(file_.silicon->measure, *file_.suite, design, hidden)); }));
}

// As good as the model's best within the margin; or, where the model is not to be trusted, possibly as good.
bool Search::worth_measuring(const Fitness& fitness) const {
  if (!fitness.correct()) return false;
  if (fitness.geomean >= (1 - file_.silicon->margin) * best_model_) return true;
  return !fitness.defer.empty() && fitness.upper >= best_model_;
}

const Compiled& Search::compile_once(const Design& design) {
  const std::string key = key_of(design);
  if (const auto found = compiled_.find(key); found != compiled_.end()) return found->second;
  Compiled compiled;
  if (!file_.silicon->compiled.empty()) {
    compiled = file_.silicon->table->compiled(*file_.suite, design, file_.silicon->compiled);
  } else {
    const Json answer = Json::parse(outside("compiler", [&] {
      const Compiled found = compile(*file_.silicon->compile, *file_.suite, design);
      Json json{{"refusal", found.refusal}, {"columns", Json::object()}};
      for (const Setting& column : found.columns) json["columns"][column.name] = column.value;
      return json.dump();
    }));
    compiled.refusal = answer["refusal"].get<std::string>();
    for (const auto& [name, value] : answer["columns"].items()) compiled.columns.push_back({name, value.get<double>()});
  }
  report();
  return compiled_.emplace(key, std::move(compiled)).first->second;
}

Fitness Search::compiled(const Design& design) {
  if (!compiles()) return ask_model(design);
  const Compiled& found = compile_once(design);
  if (!found.refusal.empty()) return refused(found.refusal, file_.suite->size());
  Design known = design;
  for (const Setting& column : found.columns) set(known, column.name, column.value);
  return ask_model(known);
}

Design Search::as_compiled(const Design& design) {
  Design known = design;
  if (!compiles()) return known;
  for (const Setting& column : compile_once(design).columns) set(known, column.name, column.value);
  if (known.program.empty()) {
    std::erase_if(known.settings, [](const Setting& setting) { return !find_kernel_column(setting.name); });
  }
  return known;
}

// Coverage, feasibility and the model first; the compiler and silicon for what is worth it.
Fitness Search::judged_fitness(const Design& design) {
  Fitness fitness = ask_model(design);
  if (!file_.silicon || !fitness.correct()) {
    best_model_ = std::max(best_model_, fitness.geomean);
    return fitness;
  }
  const MeasuredTable* table = file_.silicon->table.get();
  if (table != nullptr && !table->covers(*file_.suite, design)) {
    return refused("the table has no row of this design", file_.suite->size());
  }
  if (worth_measuring(fitness)) fitness = compiled(design);
  if (!fitness.correct()) return fitness;
  const bool measured = worth_measuring(fitness);
  best_model_ = std::max(best_model_, fitness.geomean);
  if (measured) return ask_silicon(design);
  // On silicon's scale, so that operators compare like with like.
  if (best_.fitness.measured && best_model_ > 0) {
    const double scale = best_.fitness.geomean / best_model_;
    fitness.geomean *= scale;
    for (double& value : fitness.tflops) value *= scale;
  }
  return fitness;
}

// Correct and no worse than the best; on silicon better than the incumbent, measured again now, by more than both
// vary.
bool Search::accept(const Member& member) {
  const Fitness& fitness = member.fitness;
  if (!fitness.correct()) return false;
  if (file_.silicon) {
    if (!fitness.measured || fitness.geomean <= best_.fitness.geomean) return false;
    if (file_.silicon->table) return true;  // what is written there does not vary
    const Fitness again = ask_silicon(best_.design);
    if (!again.correct()) return true;  // the incumbent fails on inputs that this one passed
    const double before = best_.fitness.geomean;
    const double drift = std::fabs(again.geomean - before) / before;
    best_.fitness.geomean = (before + again.geomean) / 2;
    const double spread = std::max({fitness.spread, again.spread, drift, file_.gain});
    return fitness.geomean > (1 + spread) * std::max(before, again.geomean);
  }
  if (file_.mode == SearchMode::population) {
    if (population_.size() < static_cast<std::size_t>(file_.population)) return true;
    return fitness.geomean >
           std::ranges::min(population_, {}, [](const Member& m) { return m.fitness.geomean; }).fitness.geomean;
  }
  if (gains(fitness)) return true;
  return file_.gain <= 0 && fitness.geomean >= best_.fitness.geomean && supervisor_.takes_equals();
}

// By more than rounding, and more than the file asks for.
bool Search::gains(const Fitness& fitness) const {
  return fitness.correct() && fitness.geomean > (1 + std::max(file_.gain, rounding)) * best_.fitness.geomean;
}

void Search::enter_population(const Member& member) {
  if (population_.size() >= static_cast<std::size_t>(file_.population)) {
    const auto worst = std::ranges::min_element(population_, {}, [](const Member& m) { return m.fitness.geomean; });
    population_.erase(worst);
  }
  population_.push_back(member);
}

void Search::commit(Member& member, const Offspring& proposal) {
  member.version = static_cast<int>(versions_.size());
  const Member& from = *parent_;
  const std::string change = member.version == 0 ? "start" : difference(from.design, member.design);
  std::vector<WorkFile> files = files_of(member.design);
  versions_.push_back(member);
  say(fmt::format("version {}: {:.1f} TFLOPS, {}", member.version, member.fitness.geomean, change));
  if (lineage_ == nullptr) return;
  if (member.version < static_cast<int>(lineage_->versions().size())) {
    // Committed before the search was killed.
    const LineageVersion& there = lineage_->versions()[static_cast<std::size_t>(member.version)];
    for (const WorkFile& file : files) {
      if (lineage_->file(there, file.name) == file.bytes) continue;
      throw RuntimeError(fmt::format("version {} of the lineage in '{}' is not the one that this search made",
                                     member.version, lineage_->folder()));
    }
  } else {
    Json score{{"version", member.version},
               {"from", member.version == 0 ? -1 : from.version},
               {"operator", member.version == 0 ? "start" : operators_[operator_]->name()},
               {"change", change},
               {"evaluations", evaluations_},
               {"measurements", measurements_},
               {"seconds", std::round(elapsed() * 1000) / 1000},
               {"geomean", member.fitness.geomean},
               {"fitness", Json::parse(fitness_json(member.fitness))}};
    for (const auto& [key, text] : {std::pair{"rule", &proposal.rule}, std::pair{"because", &proposal.because},
                                    std::pair{"source", &proposal.source}, std::pair{"notes", &proposal.notes}}) {
      if (!text->empty()) score[key] = *text;
    }
    const DesignFacts found = facts(member.design, member.fitness);
    score["limiter"] = found.limiter;
    score["cycle"] = found.cycle;
    files.push_back({"score.json", score.dump(1, ' ', false, Json::error_handler_t::replace) + "\n"});
    lineage_->commit(files, fmt::format("{}\n\n{:.1f} TFLOPS\n", change.substr(0, 200), member.fitness.geomean));
  }
}

void Search::consider(Member member, const Offspring& proposal) {
  const bool gained = gains(member.fitness);
  const bool no_worse = member.fitness.geomean >= best_.fitness.geomean;
  const bool accepted = accept(member);
  if (accepted) commit(member, proposal);
  if (accepted && file_.mode == SearchMode::population) enter_population(member);
  supervisor_.judged(/*repeated=*/false, !member.fitness.correct(), accepted, accepted && gained);
  const bool onward = accepted || (!file_.silicon && member.fitness.geomean > work_.fitness.geomean);
  if (member.fitness.correct() && onward) work_ = member;
  if (accepted && no_worse) best_ = std::move(member);
}

const Fitness* Search::known(const Design& design) const {
  const auto found = known_.find(key_of(design));
  return found == known_.end() ? nullptr : &found->second;
}

Fitness Search::judge(const Offspring& proposal) {
  check_budgets();
  const std::string key = key_of(proposal.design);
  if (const auto found = known_.find(key); found != known_.end()) {
    supervisor_.judged(/*repeated=*/true, false, false, false);
    return found->second;
  }
  ++evaluations_;
  Member member{proposal.design, judged_fitness(proposal.design), -1};
  const Fitness fitness = member.fitness;
  known_.emplace(key, fitness);
  if (fitness.measured || !file_.silicon) judged_.push_back(member);
  note_step(fitness);
  consider(std::move(member), proposal);
  report();
  return fitness;
}

void Search::note_step(const Fitness& fitness) {
  const bool comparable = fitness.correct() && (fitness.measured || !file_.silicon);
  if (!comparable || (!steps_.empty() && fitness.geomean <= steps_.back().geomean)) return;
  steps_.push_back({evaluations_, measurements_, fitness.geomean});
  if (options_.target > 0 && fitness.geomean >= options_.target) throw SearchEnded{"the target is reached"};
}

void Search::check_budgets() {
  if (evaluations_ >= file_.evaluations) throw SearchEnded{"the budget of evaluations is spent"};
}

SearchProgress Search::so_far() const {
  return {evaluations_,
          file_.evaluations,
          measurements_,
          static_cast<int>(compiled_.size()),
          static_cast<int>(versions_.size()),
          best_.fitness.geomean,
          start_.fitness.geomean,
          std::string(operators_[operator_]->name())};
}

void Search::report() {
  if (!options_.progress) return;
  options_.progress(so_far());
}

// Everything that may vary gets the value that the program has, so that like designs read alike.
Design Search::written_out(Design design) const {
  const DesignFacts found = facts(design, {}, /*simulate=*/false);
  for (const Variable& variable : file_.variables) {
    const auto value = found.parameters.find(variable.name);
    if (!setting_of(design, variable.name) && value != found.parameters.end())
      set(design, variable.name, value->second);
  }
  for (const MoveKind kind : file_.moves) {
    const auto has = std::ranges::find(design.moves, kind, &Move::kind);
    if (has != design.moves.end()) continue;
    Move move;
    move.kind = kind;
    if (kind == MoveKind::persistent) move.value = found.facts.find("persistent")->second > 0 ? 1 : 0;
    if (kind == MoveKind::order) move.value = found.facts.find("longest_first")->second > 0 ? 1 : 0;
    if (kind != MoveKind::branchless) design.moves.push_back(move);
  }
  std::ranges::stable_sort(design.moves, {}, &Move::kind);
  return design;
}

bool Search::in_table(const Design& design) const {
  return !file_.silicon || !file_.silicon->table || file_.silicon->table->fitness(*file_.suite, design).correct();
}

// What the operator would begin with; or one that the model does not refuse and a table of measurements has, if a
// thousand throws give one.
Design Search::chosen_start() {
  if (std::optional<Design> design = operators_.front()->beginning(*this); design && in_table(*design)) return *design;
  Design design = written_out(file_.start);
  for (int i = 0; i < 1000; ++i) {
    std::vector<double> shares(file_.variables.size() + file_.moves.size());
    for (double& share : shares) share = random_.share();
    Design thrown = design_at(file_, design, shares);
    if (in_table(thrown) && ask_model(thrown).correct()) return thrown;
  }
  return design;
}

void Search::begin() {
  start_.design = options_.random_start ? chosen_start() : written_out(file_.start);
  start_.fitness = ask_model(start_.design);
  best_model_ = start_.fitness.geomean;
  if (start_.fitness.correct() && file_.silicon) start_.fitness = ask_silicon(start_.design);
  if (!start_.fitness.correct()) {
    throw InputError({}, fmt::format("the start of the search scores zero: {}", start_.fitness.refusal));
  }
  known_.emplace(key_of(start_.design), start_.fitness);
  parent_ = &start_;
  commit(start_, {});
  best_ = work_ = start_;
  judged_.push_back(start_);
  note_step(start_.fitness);
  population_ = {start_};
}

// A single line goes on from where it is; a population gives the better of two drawn.
void Search::choose_parent() {
  if (file_.mode == SearchMode::single) {
    parent_ = &work_;
    return;
  }
  const Member& a = population_[random_.below(population_.size())];
  const Member& b = population_[random_.below(population_.size())];
  work_ = a.fitness.geomean >= b.fitness.geomean ? a : b;
  parent_ = &work_;
}

// An earlier version, the later the likelier, with a third of its variables thrown anew.
void Search::retreat() {
  const std::size_t count = versions_.size();
  const std::size_t index = std::max(random_.below(count), random_.below(count));
  Member from = versions_[index];
  const DesignFacts found = facts(from.design, from.fitness, /*simulate=*/false);
  std::vector<double> shares = shares_of(file_, from.design, found.parameters);
  for (int attempt = 0; attempt < 16; ++attempt) {
    std::vector<double> thrown = shares;
    for (double& share : thrown) {
      if (random_.share() < 1.0 / 3) share = random_.share();
    }
    Member member{design_at(file_, from.design, thrown), {}, -1};
    if (known(member.design) != nullptr) continue;
    parent_ = &from;
    const Fitness fitness = judge({member.design, "", fmt::format("thrown anew from version {}", index), "", ""});
    if (!fitness.correct()) continue;
    member.fitness = fitness;
    work_ = std::move(member);
    return;
  }
  work_ = std::move(from);
}

void Search::redirect(Redirection redirection) {
  say(fmt::format("supervisor: {}; {}", supervisor_.reason(),
                  redirection_names[static_cast<std::size_t>(redirection)]));
  switch (redirection) {
    case Redirection::none: return;
    case Redirection::widen: operators_[operator_]->widen(); return;
    case Redirection::rotate:
      operator_ = (operator_ + 1) % operators_.size();
      work_ = best_;
      return;
    case Redirection::retreat:
      for (const auto& each : operators_) each->widen();
      retreat();
      return;
    case Redirection::give_up: break;
  }
  throw SearchEnded{fmt::format("the supervisor gave up: {}", supervisor_.reason())};
}

std::optional<Design> Variation::beginning(Search& /*search*/) { return std::nullopt; }

SearchResult Search::run() {
  SearchResult result;
  result.resumed = record_.resumed();
  try {
    begin();
    while (true) {
      check_budgets();
      choose_parent();
      if (!operators_[operator_]->step(*this)) supervisor_.exhausted();
      if (const Redirection redirection = supervisor_.redirect(); redirection != Redirection::none)
        redirect(redirection);
    }
  } catch (const SearchEnded& ended) {
    result.ended = ended.why;
  }
  result.steps = steps_;
  record_.add("end", Json{{"why", result.ended}}.dump(), elapsed());
  result.progress = so_far();
  return result;
}

Design design_at(const EvolveFile& file, const Design& from, const std::vector<double>& shares) {
  Design design = from;
  for (std::size_t i = 0; i < file.variables.size(); ++i) {
    set(design, file.variables[i].name, value_at(file.variables[i], shares[i]));
  }
  for (std::size_t i = 0; i < file.moves.size(); ++i) {
    set(design, file.moves[i], shares[file.variables.size() + i] >= 0.5 ? 1 : 0);
  }
  return design;
}

std::vector<double> shares_of(const EvolveFile& file, const Design& design, const Facts& parameters) {
  std::vector<double> shares;
  for (const Variable& variable : file.variables) {
    const auto own = setting_of(design, variable.name);
    const auto found = parameters.find(variable.name);
    shares.push_back(share_of(variable, own                         ? *own
                                        : found == parameters.end() ? variable.values.front()
                                                                    : found->second));
  }
  for (const MoveKind kind : file.moves) shares.push_back(move_of(design, kind) != 0 ? 0.75 : 0.25);
  return shares;
}

}  // namespace perfmodel
