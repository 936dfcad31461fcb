// Two streams of kernels at once on one chip: which CTAs are resident together on which SMs, how much each slows the
// other there, and when each stream ends. An event simulation over groups of alike SMs; a mix of residents is priced
// once.
//
//     const CoRun pair(machine, {{&rng}}, {{&qkv, &projection}}, {.carveout = Carveout::maximum});
//     if (pair.refusal().empty()) pair.at(clock).time
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "model/operation.hpp"

namespace perfmodel {

// How the two streams share the SMs.
enum class Placement : std::uint8_t {
  shared,     // a CTA of either goes wherever it fits beside what is there
  partition,  // `first_sms` SMs are the first stream's, the others the second's
  inside,     // the first stream's threads are extra warps of the second's CTAs
};

struct CoRunOptions {
  Placement placement = Placement::shared;
  // Of the stream that is resident first. Where it is the default one, an SM that runs a CTA of that stream keeps its
  // shared memory at what those CTAs need, until the last of them ends.
  Carveout carveout = Carveout::maximum;
  Seconds delay;          // from the first stream's CTAs being resident to the second stream's first kernel starting
  int first_sms = 0;      // partition: SMs of the first stream, 1 to all but one
  int inside_warps = 4;   // inside: extra warps of each CTA
};

// What became of one stream. Times since the first kernel of either started.
struct CoRunPart {
  Seconds start;        // its first CTA runs
  Seconds end;          // its last kernel has ended
  Seconds alone;        // the same kernels with the chip to themselves, at the same clock
  double slowdown = 1;  // while both run, mean time a unit of its work takes over that alone; 1 if they never do
};

// Both streams at one clock.
struct CoRunCourse {
  Seconds time;                   // until both have ended
  Seconds together;               // while CTAs of both run somewhere
  std::array<CoRunPart, 2> part;  // first, second
  Cycles tensor_free;             // of the time, without work of the tensor cores
};

// The streams prepared and placed; timed at any clock.
class CoRun {
 public:
  // `first` are the operators whose CTAs are resident first, one after the other; `second` follow each other likewise.
  // The operators have to outlive this.
  CoRun(const Machine& machine, std::span<const Prepared* const> first, std::span<const Prepared* const> second,
        const CoRunOptions& options);

  // Why the two cannot run; empty if they can. Never fitting beside each other is no refusal: they take turns.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  // Why no CTA of the second stream's main kernel joins one of the first on an SM; empty where one does.
  [[nodiscard]] const std::string& apart() const { return apart_; }
  // Work of the two together, whatever the order.
  [[nodiscard]] const Load& load() const { return load_; }

  // Times with the SM clock `loaded` while the tensor cores work, and `light` while they do not.
  [[nodiscard]] CoRunCourse at(Hertz loaded, Hertz light) const;

 private:
  const Machine& machine_;
  std::vector<const Prepared*> first_;
  std::vector<const Prepared*> second_;
  CoRunOptions options_;
  std::string refusal_;
  std::string apart_;
  Load load_;
};

// What becomes of the two, with the clock and the power that they find by themselves.
struct CoRunEstimate {
  CoRunCourse course;
  Seconds sequence;  // the first stream and then the second, each by itself
  Limiter limiter = Limiter::launch;
  Hertz clock;  // mean over the course
  ClockLimit clock_limit = ClockLimit::top;
  Watts power;
  std::string refusal;  // why it cannot run; empty if it can
  std::string apart;    // why the two never share an SM; empty where they do

  [[nodiscard]] bool feasible() const { return refusal.empty(); }
};

// `first` is resident first; either may be any operator but an overlap and a block row.
CoRunEstimate co_run(const Machine& machine, const Library& library, const Operator& first, const Operator& second,
                     const CoRunOptions& options, const PredictOptions& predict_options);

}  // namespace perfmodel
