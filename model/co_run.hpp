// Two streams of kernels at once on one chip: which CTAs are resident together on which SMs, how much each slows the
// other there, and when each stream ends. An event simulation over groups of alike SMs (chip_events.hpp) whose mixes of
// CTAs run at the rates of interference.hpp.
//
//     const CoRun pair(machine, {{&rng}}, {{&qkv, &projection}}, {.carveout = Carveout::maximum});
//     if (pair.refusal().empty()) pair.at(clock, clock).time
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "model/chip_events.hpp"
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
  // Of the stream that is resident first. Where it is the default one, an SM that runs CTAs of that stream keeps its
  // shared memory at what those CTAs need, until the last of them ends.
  Carveout carveout = Carveout::maximum;
  Seconds delay{};  // from all CTAs of the first stream's first kernel being dispatched to the second stream's beginning
  int first_sms = 0;  // partition: SMs of the first stream, 1 to all but one
};

// What became of one stream. Times since the first kernel of either started.
struct CoRunPart {
  Seconds start;        // its first CTA runs
  Seconds end;          // its last kernel has ended
  Seconds alone;        // the same kernels with the chip to themselves, at the same clock
  double shared = 0;    // share of its work that it does while the other is at work too
  double slowdown = 1;  // in that time, times as long as alone; infinite if it got no turn
};

// Both streams at one clock.
struct CoRunCourse {
  Seconds time;                   // until both have ended
  Seconds together;               // while both were at work
  std::array<CoRunPart, 2> part;  // first, second
  Seconds light;                  // of the time, without work of the tensor cores
  bool met = false;               // CTAs of both were on one SM
};

// The streams prepared and placed; timed at any clock.
class CoRun {
 public:
  // `first` are the operators whose CTAs are resident first, one after the other; `second` follow each other likewise.
  // The operators and the machine have to outlive this. For Placement::inside the first stream's kernels have to be
  // lowered for the warps and CTAs that they come with.
  CoRun(const Machine& machine, std::span<const Prepared* const> first, std::span<const Prepared* const> second,
        const CoRunOptions& options);

  // Why the two cannot run; empty if they can. Never fitting beside each other is no refusal: they take turns.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  // What keeps a CTA of the second stream's main kernel off an SM with CTAs of the first's; empty where nothing does.
  [[nodiscard]] const std::string& apart() const { return apart_; }
  // Work of both together, for the clock of a steady repetition.
  [[nodiscard]] const Load& load() const { return load_; }
  // Of it, what falls to the time with work of the tensor cores: a stream without any counts by what it does beside
  // them.
  [[nodiscard]] Load loaded(const CoRunCourse& course) const;

  // Times with the SM clock `loaded` while the tensor cores work, and `light` while they do not.
  [[nodiscard]] CoRunCourse at(Hertz loaded, Hertz light) const;

 private:
  void check(std::span<const Prepared* const> first, std::span<const Prepared* const> second);
  void find_obstacle();
  [[nodiscard]] EventOptions event_options(Hertz loaded, Hertz light) const;

  const Machine& machine_;
  CoRunOptions options_;
  std::array<std::vector<ChipKernel>, 2> kernels_;
  std::string refusal_;
  std::string apart_;
  Load load_;
  std::array<Load, 2> loads_;
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
  std::string apart;    // what keeps the two from sharing an SM; empty where nothing does

  [[nodiscard]] bool feasible() const { return refusal.empty(); }
};

// The clock of a prepared pair by regime, and the course at it. `sequence` and the limiter are left to the caller.
CoRunEstimate co_run(const Machine& machine, const CoRun& pair, Regime regime, const PredictOptions& options);

// The mask RNG as `warps` extra warps in each CTA of the host's main kernel, to be prepared as the first stream of
// Placement::inside.
Operator inside_of(const Operator& rng, const Prepared& host, int warps);

// `first` is resident first; either may be any operator but an overlap and a block row. With Placement::inside `first`
// is a mask RNG of `inside_warps` extra warps in each of the second's CTAs.
CoRunEstimate co_run(const Machine& machine, const Library& library, const Operator& first, const Operator& second,
                     const CoRunOptions& options, const PredictOptions& predict_options, int inside_warps = 4);

}  // namespace perfmodel
