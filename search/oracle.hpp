// The fitness oracle: candidates scored on a suite, on one machine. A bad candidate is an answer, never an exception;
// the same question gets the same bits whatever the threads, the order and the cache.
//
//     Oracle oracle(load_machine("b200"), load_library());
//     const Score score = oracle.score(*shipped_suite("avo_mha"), ProgramCandidate{"fa4_forward", {}, {{"emulated",
//     0.25}}}); score.geomean, score.configurations[0].limiter, score.defer.any()
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "arch/machine.hpp"
#include "model/estimate.hpp"
#include "search/candidate.hpp"
#include "search/score.hpp"
#include "search/suite.hpp"
#include "workloads/library.hpp"

namespace perfmodel {

struct OracleOptions {
  std::size_t cache_bytes = std::size_t{64} << 20U;
  std::size_t most_programs = 64;  // kept read and checked, of distinct structure
};

struct ScoreOptions {
  Fidelity fidelity = Fidelity::pipeline;
  // Candidates whose bound gives a geometric mean below (1 - cut) * incumbent are not simulated. Zero: all are.
  FlopsPerSecond incumbent;
  double cut = 0.02;
};

class Oracle {
 public:
  Oracle(Machine machine, Library library, const OracleOptions& options = {});
  ~Oracle();
  Oracle(Oracle&&) noexcept;

  // Safe to call from several threads.
  Score score(const Suite& suite, const Candidate& candidate, const ScoreOptions& options = {});

  // Scores in the order of the candidates, by that many threads (0: as many as there are cores).
  std::vector<Score> score(const Suite& suite, std::span<const Candidate> candidates, const ScoreOptions& options,
                           unsigned threads);

  [[nodiscard]] const Machine& machine() const;
  [[nodiscard]] const Library& library() const;
  [[nodiscard]] std::size_t cache_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perfmodel
