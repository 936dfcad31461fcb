// The answer for one operator: its time, what the time consists of and what limits it. Every view reads this struct.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/limiter.hpp"
#include "support/units.hpp"
#include "workloads/operator.hpp"

namespace perfmodel {

// bound: closed form. pipeline: the simulated SM where a program has been adopted for the code family, the closed form
// with its fitted constants elsewhere. simulated: every family that has a program, adopted or not.
enum class Fidelity : std::uint8_t { bound, pipeline, simulated };

// How the time is put together: launch + fill + steady + tail. The steady part is work at the binding resource's rate.
struct Parts {
  Seconds launch;  // launching the operator's kernels, and what the timer adds
  Seconds fill;    // prologue, first operands from memory, last epilogue
  Seconds steady;  // the work, spread evenly over every SM
  Seconds tail;    // more, because the last wave is partial or the items are uneven
};

// Shares of what each resource could do over the operator's whole time, 0 to 1.
struct Utilisation {
  double tensor = 0;
  double fma = 0;
  double alu = 0;
  double xu = 0;
  double issue = 0;
  double smem = 0;
  double l2 = 0;
  double dram = 0;
};

struct Traffic {
  Bytes smem;  // read and written in shared memory, all SMs
  Bytes l2;    // that the L2 hands to SMs and takes from them
  Bytes dram_read;
  Bytes dram_written;  // write-backs of other kernels' dirty lines included
};

// What set the SM clock: nothing (the top clock), the tensor cores' own ceiling, the supply's droop under a load that
// has just begun, the fall with very busy tensor cores, or the power limit.
enum class ClockLimit : std::uint8_t { top, tensor, droop, activity, power };
std::string_view clock_limit_name(ClockLimit limit);

struct Estimate {
  Seconds time;
  Seconds lower;  // 90 % interval
  Seconds upper;
  Limiter limiter = Limiter::launch;
  Limiter second = Limiter::launch;
  double slack = 0;  // how much shorter the second limiter's bound is than the first's, as a share: 0 means a tie

  PerLimiter<Seconds> bounds;  // what each constraint alone would take; zero where it plays no part
  Parts parts;
  Utilisation utilisation;
  Utilisation executed;  // as hardware counts it, by instructions: less where one holds a port that it does not use
  Traffic traffic;
  Flops flops;  // useful ones, see flops_of

  Hertz clock;  // mean SM clock while it runs
  Hertz
      reported_clock;  // what the driver's tools show: the clock asked for, which the tensor ceiling and droop undercut
  ClockLimit clock_limit = ClockLimit::top;
  Watts power;  // mean board power while it runs; of a steady repetition where the regime is sustained
  Regime regime = Regime::warm;

  double resident_warps = 0;  // of the main kernel, on an SM that holds as many CTAs as fit

  Seconds roofline;  // datasheet peaks: max(FLOPs / tensor peak, bytes / DRAM bandwidth)

  Seconds sequence;  // overlap only: the GEMM alone plus the same mask by a full-grid RNG kernel alone; else zero

  std::string kernel;   // the code chosen, in short: "128x256x64, 4 stages, cluster 2, 132 CTAs"
  std::string refusal;  // why it cannot run; empty if it can

  [[nodiscard]] bool feasible() const { return refusal.empty(); }
};

// One operator of a sequence, in order of execution.
struct SequenceItem {
  std::string name;
  Operator op;
  bool matmul = false;  // GEMM or attention: counts in the matmul subtotal
  Estimate estimate;
  int stream = 0;
  Seconds start;         // since that of the sequence
  std::string beside{};  // the operator beside which it runs, whose time holds both; "": its time is its own
};

// A launch of the mask kernel beside a GEMM.
struct HiddenPart {
  std::string host;
  bool previous = false;  // of the layer before
  std::string kernel;     // that runs the GEMM; "": the library's own
  double share = 1;       // of the mask
  int ctas = 0;
  int threads = 0;
  double slowdown = 1;  // time of both over that of the library's GEMM alone
};

// How a mask that may be hidden is made.
struct Hiding {
  std::string mask;   // its operator
  Seconds in_turn;    // by a full grid with the chip to itself
  Seconds exposed;    // what it adds to the GEMMs that it is made beside; all of it where it is made in its turn
  std::vector<HiddenPart> parts{};  // empty: made in its turn
  std::string why{};                // what keeps it from being free

  // Share of its time that costs nothing.
  [[nodiscard]] double hidden() const { return in_turn > Seconds(0.0) ? 1.0 - exposed / in_turn : 0.0; }
};

// Two operators of which one excludes the other, by name, and why.
struct Conflict {
  std::string message;
  std::string first;
  std::string second;
};

struct HidingPlan;

// A block or a list of operators. The total is the sum of the items that run beside no other, since each of them has the
// chip; in the sustained regime all share one clock.
struct SequenceEstimate {
  std::string name;
  std::vector<SequenceItem> items;
  Regime regime = Regime::sustained;
  Seconds total;
  Seconds lower;  // 90 % interval of the total; the errors of one block are correlated
  Seconds upper;
  Seconds matmul;  // subtotal of the items with `matmul`
  Seconds matmul_lower;
  Seconds matmul_upper;
  Hertz clock;  // time-weighted mean
  ClockLimit clock_limit = ClockLimit::top;
  Watts power;
  Seconds roofline;
  std::vector<Hiding> hiding{};          // of every mask that may be hidden
  std::shared_ptr<const std::vector<HidingPlan>> plans{};  // the same for another prediction, see PredictOptions
  Bytes mask;                            // memory of a dropout mask, from where it is made to its last reader
  std::optional<Conflict> conflict{};    // what was asked for cannot be; there are no times then
};

}  // namespace perfmodel
