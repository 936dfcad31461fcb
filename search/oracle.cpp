#include "search/oracle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <utility>

#include "model/predict.hpp"
#include "model/program_runs.hpp"
#include "search/content.hpp"
#include "search/kernel_row.hpp"
#include "search/program_store.hpp"
#include "search/score_cache.hpp"
#include "support/diagnostic.hpp"
#include "support/suggest.hpp"

namespace perfmodel {

namespace {

// A simulation that ends so much later than the bounds say waits for something that the bounds do not see.
constexpr double far_from_bound = 0.5;

Score refusal(std::string why, std::size_t configurations) {
  Score score;
  score.configurations.resize(configurations);
  score.refusal = std::move(why);
  return score;
}

ConfigurationScore scored(const Machine& machine, const Operator& op, const Estimate& estimate) {
  ConfigurationScore score;
  score.time = estimate.time;
  score.lower = estimate.lower;
  score.upper = estimate.upper;
  score.limiter = estimate.limiter;
  score.second = estimate.second;
  score.slack = estimate.slack;
  score.throughput = FlopsPerSecond(useful_work(op) / estimate.time.si());
  score.defer = defer_reasons(machine, op, estimate);
  return score;
}

void finish(Score& score, Stage stage) {
  double logs = 0;
  score.stage = stage;
  for (const ConfigurationScore& each : score.configurations) {
    logs += std::log(each.throughput.si());
    score.defer.add(each.defer);
  }
  // The mean of one is itself, whatever logarithms round.
  score.geomean = score.configurations.size() == 1
                      ? score.configurations.front().throughput
                      : FlopsPerSecond(std::exp(logs / static_cast<double>(score.configurations.size())));
}

// A time that is no time would be the best of all scores.
bool is_time(const Estimate& estimate) { return std::isfinite(estimate.time.si()) && estimate.time.si() > 0; }

}  // namespace

struct Oracle::State {
  Machine machine;
  Library library;
  ScoreCache cache;
  ProgramStore programs;
  ContentKey machine_key;
  std::uint64_t id;  // of no other oracle

  State(Machine m, Library l, const OracleOptions& options)
      : machine(std::move(m)),
        library(std::move(l)),
        cache(options.cache_bytes),
        programs(options.most_programs),
        machine_key(key_of(machine)),
        id(next_id()) {}

  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> next{1};
    return next++;
  }

  ContentKey key(const Suite& suite, const Candidate& candidate, const ScoreOptions& options) {
    thread_local Content content;
    content.clear();
    content.add(machine_key.high).add(machine_key.low).add(suite.key().high).add(suite.key().low);
    content.add(options.fidelity).add(options.incumbent.si()).add(options.cut);
    add(content, candidate);
    return content.key();
  }

  // Scores every configuration by `predict`; the first refusal is that of the candidate.
  template <class Predict>
  Score all(const Suite& suite, Stage stage, const Predict& predict) {
    Score score;
    score.configurations.reserve(suite.size());
    for (std::size_t i = 0; i < suite.size(); ++i) {
      auto row = predict(suite.configurations()[i]);
      std::string why = std::move(row.second.refusal);
      if (why.empty() && !is_time(row.second)) why = "the model gives no time";
      if (!why.empty()) {
        if (suite.size() > 1) why = fmt::format("configuration {}: {}", i, why);
        return refusal(std::move(why), suite.size());
      }
      score.configurations.push_back(scored(machine, row.first, row.second));
    }
    finish(score, stage);
    return score;
  }

  Score at(const Suite& suite, const KernelColumns& columns, Fidelity fidelity) {
    const PredictOptions options{.regime = Regime::warm, .fidelity = fidelity, .describe = false, .clock = {}};
    const Stage stage = fidelity == Fidelity::bound ? Stage::bound : Stage::pipeline;
    return all(suite, stage, [&](const Operator& configuration) {
      KernelRow row = kernel_row(configuration, columns);
      Estimate estimate;
      if (row.refusal.empty()) {
        estimate = perfmodel::predict(machine, library, row.op, options);
      } else {
        estimate.refusal = std::move(row.refusal);
      }
      return std::pair{std::move(row.op), std::move(estimate)};
    });
  }

  Score at(const Suite& suite, const PipelineFile& file, ProgramRuns& runs, Fidelity fidelity) {
    const PredictOptions options{.regime = Regime::warm, .fidelity = fidelity, .describe = false, .clock = {}};
    const Stage stage = fidelity == Fidelity::bound ? Stage::bound : Stage::pipeline;
    return all(suite, stage, [&](const Operator& op) {
      return std::pair<const Operator&, Estimate>{op, predict_program(machine, file, runs, op, options)};
    });
  }

  // Coverage and feasibility, then the bound, then the simulation; each only if the one before left it in the race.
  template <class At>
  Score cascade(const ScoreOptions& options, bool bound_first, const At& at_fidelity) {
    if (options.fidelity == Fidelity::bound) return at_fidelity(Fidelity::bound);
    if (!bound_first && options.incumbent.si() <= 0) return at_fidelity(options.fidelity);
    Score bound = at_fidelity(Fidelity::bound);
    if (!bound.feasible()) return bound;
    if (bound.geomean < (1 - options.cut) * options.incumbent) {
      bound.cut = true;
      return bound;
    }
    Score score = at_fidelity(options.fidelity);
    if (!bound_first || !score.feasible()) return score;
    for (std::size_t i = 0; i < score.configurations.size(); ++i) {
      ConfigurationScore& each = score.configurations[i];
      if (each.time.si() > (1 + far_from_bound) * bound.configurations[i].time.si()) {
        each.defer.add(DeferReason::disagreement);
        score.defer.add(DeferReason::disagreement);
      }
    }
    return score;
  }

  // Those of this thread that have run the program last, since candidates of a few structures come in turn.
  ProgramRuns& runs_of(const std::shared_ptr<const StoredProgram>& program) {
    constexpr std::size_t kept = 8;
    struct Entry {
      std::uint64_t oracle = 0;
      std::shared_ptr<const StoredProgram> program;
      std::unique_ptr<ProgramRuns> runs;
    };
    thread_local std::vector<Entry> latest;  // the last used first
    const auto found = std::ranges::find_if(
        latest, [&](const Entry& entry) { return entry.oracle == id && entry.program == program; });
    if (found != latest.end()) {
      std::rotate(latest.begin(), found, found + 1);
      return *latest.front().runs;
    }
    if (latest.size() == kept) latest.pop_back();
    latest.insert(latest.begin(), Entry{id, program, std::make_unique<ProgramRuns>()});
    return *latest.front().runs;
  }

  Score program_score(const Suite& suite, const ProgramCandidate& candidate, const ScoreOptions& options) {
    const std::size_t count = suite.size();
    const std::shared_ptr<const StoredProgram> program = programs.get(candidate);
    if (program->file == nullptr) return refusal(program->refusal, count);
    thread_local std::vector<SequenceParameter> settings;
    settings.clear();
    for (const Setting& setting : candidate.settings) {
      if (std::ranges::find(program->parameters, setting.name) == program->parameters.end()) {
        const std::string near = nearest_name(setting.name, program->parameters);
        return refusal(fmt::format("the program has no parameter '{}'{}", setting.name,
                                   near.empty() ? "" : fmt::format(", did you mean '{}'?", near)),
                       count);
      }
      if (!std::isfinite(setting.value)) return refusal(fmt::format("'{}' is no number", setting.name), count);
      settings.push_back({setting.name, setting.value});
    }
    ProgramRuns& runs = runs_of(program);
    runs.start(machine, *program->file, settings);
    return cascade(options, /*bound_first=*/true,
                   [&](Fidelity fidelity) { return at(suite, *program->file, runs, fidelity); });
  }

  Score fresh(const Suite& suite, const Candidate& candidate, const ScoreOptions& options) {
    try {
      if (const auto* program = std::get_if<ProgramCandidate>(&candidate)) {
        return program_score(suite, *program, options);
      }
      const auto& columns = std::get<KernelColumns>(candidate);
      return cascade(options, /*bound_first=*/false, [&](Fidelity fidelity) { return at(suite, columns, fidelity); });
    } catch (const InputError& error) {
      const std::vector<Diagnostic>& found = error.diagnostics().all();
      return refusal(found.empty() ? "unreadable" : found.front().message, suite.size());
    }
  }
};

Oracle::Oracle(Machine machine, Library library, const OracleOptions& options)
    : state_(std::make_unique<State>(std::move(machine), std::move(library), options)) {}
Oracle::~Oracle() = default;
Oracle::Oracle(Oracle&&) noexcept = default;

const Machine& Oracle::machine() const { return state_->machine; }
const Library& Oracle::library() const { return state_->library; }
std::size_t Oracle::cache_bytes() const { return state_->cache.bytes(); }

Score Oracle::score(const Suite& suite, const Candidate& candidate, const ScoreOptions& options) {
  const ContentKey key = state_->key(suite, candidate, options);
  if (const std::shared_ptr<const Score> known = state_->cache.find(key)) return *known;
  Score score = state_->fresh(suite, candidate, options);
  state_->cache.insert(key, std::make_shared<const Score>(score));
  return score;
}

std::vector<Score> Oracle::score(const Suite& suite, std::span<const Candidate> candidates, const ScoreOptions& options,
                                 unsigned threads) {
  std::vector<Score> scores(candidates.size());
  constexpr std::size_t chunk = 64;
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (;;) {
      const std::size_t begin = next.fetch_add(chunk);
      if (begin >= candidates.size()) return;
      const std::size_t end = std::min(candidates.size(), begin + chunk);
      for (std::size_t i = begin; i < end; ++i) scores[i] = score(suite, candidates[i], options);
    }
  };
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t useful = (candidates.size() + chunk - 1) / chunk;
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min<std::size_t>(threads, useful); ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  return scores;
}

}  // namespace perfmodel
