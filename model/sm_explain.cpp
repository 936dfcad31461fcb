#include "model/sm_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace perfmodel {

namespace {

constexpr double near = 0.02;       // a bound within this of the interval explains it
constexpr double long_loop = 4000;  // iterations of a steady state: the ends do not show

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// The interval of one segment in a steady state, by an item in which it is long.
double steady_interval(const SmCode& code, int segment, int ctas, Simulator& simulator) {
  SmCode stretched = code;
  stretched.persistent = false;
  stretched.segments[at(segment)].count = long_loop;
  const SmResident resident{&stretched, ctas};
  const double whole = simulator.run({&resident, 1}).time;
  stretched.segments[at(segment)].count = long_loop / 2;
  return (whole - simulator.run({&resident, 1}).time) / (long_loop / 2);
}

void scale_pipe(SmCode& code, int pipe, double factor) {
  for (SmOp& op : code.ops) {
    double before = 0;
    double after = 0;
    for (int i = 0; i < op.uses; ++i) {
      PipeUse& use = code.uses[at(op.first_use + i)];
      before = std::max(before, use.work);
      if (use.pipe == pipe) use.work *= factor;
      after = std::max(after, use.work);
    }
    // What it takes beyond its longest pipe, latencies and a few warps' share of the pipes, stays.
    op.floor = std::max(after, op.floor - (before - after));
  }
  for (SmSegment& segment : code.segments) segment.work[at(pipe)] *= factor;
}

void relax(const SmCode& code, const SmExplanation& found, int segment, Simulator& simulator,
           std::vector<Relaxation>& out) {
  const auto add = [&](std::string what, const SmCode& changed) {
    out.push_back({std::move(what), steady_interval(changed, segment, found.ctas, simulator)});
  };
  for (std::size_t i = 0; i < std::min<std::size_t>(3, found.pipes.size()); ++i) {
    const auto pipe = std::ranges::find(code.pipe_names, found.pipes[i].pipe) - code.pipe_names.begin();
    SmCode changed = code;
    scale_pipe(changed, static_cast<int>(pipe), 0.5);
    add(fmt::format("twice the rate of {}", found.pipes[i].pipe), changed);
  }
  SmCode quick = code;
  for (SmOp& op : quick.ops) op.give_lag = op.take_lag = 0;
  add("no latency between operations", quick);
  for (std::size_t channel = 0; channel < code.channels.size(); ++channel) {
    if (code.channels[channel].depth > 8) continue;
    SmCode deeper = code;
    ++deeper.channels[channel].depth;
    add(fmt::format("one more slot of {}", code.channel_names[channel]), deeper);
  }
  std::ranges::stable_sort(out, {}, &Relaxation::interval);
}

void add_pipes(const SmCode& code, int segment, SmExplanation& found) {
  for (int pipe = 0; pipe < code.pipes; ++pipe) {
    const double busy = found.ctas * code.segments[at(segment)].work[at(pipe)];
    if (busy > 0) found.pipes.push_back({code.pipe_names[at(pipe)], busy, busy / found.interval});
  }
  std::ranges::stable_sort(found.pipes, std::greater<>{}, &PipeShare::busy);
}

}  // namespace

double resource_bound(const SmCode& code, int segment, int ctas) {
  double most = 0;
  for (int pipe = 0; pipe < code.pipes; ++pipe) most = std::max(most, code.segments[at(segment)].work[at(pipe)]);
  return ctas * most;
}

int main_segment(const SmCode& code) {
  int best = 0;
  double most = -1;
  for (int i = 0; i < static_cast<int>(code.segments.size()); ++i) {
    const double weight = code.segments[at(i)].count * (1 + resource_bound(code, i, 1));
    if (weight > most) most = weight, best = i;
  }
  return best;
}

SmExplanation explain(const SmCode& code, int ctas) {
  const int segment = main_segment(code);
  Simulator simulator;
  SmExplanation found;
  found.segment = code.segment_names[at(segment)];
  found.ctas = ctas;
  found.interval = steady_interval(code, segment, ctas, simulator);
  found.resource_bound = resource_bound(code, segment, ctas);
  add_pipes(code, segment, found);
  if (!found.pipes.empty()) found.busiest = found.pipes.front().pipe;
  CycleSolver solver;
  const CycleRatio ratio = solver.solve(segment_graph(code, segment));
  found.recurrence_bound = ratio.ratio;
  for (std::size_t i = 0; i < ratio.ops.size(); ++i) {
    if (ratio.delays[i] > 0) found.cycle.push_back({code.op_names[at(ratio.ops[i])], ratio.delays[i]});
  }
  found.limiter = found.resource_bound >= (1 - near) * found.interval     ? found.busiest
                  : found.recurrence_bound >= (1 - near) * found.interval ? "recurrence"
                                                                          : "contention";
  relax(code, found, segment, simulator, found.relaxations);
  return found;
}

std::string explanation_text(const SmExplanation& e) {
  std::string text = fmt::format("an iteration of segment '{}' takes {:.0f} clk{}, limited by {}\n", e.segment,
                                 e.interval, e.ctas > 1 ? fmt::format(" with {} CTAs an SM", e.ctas) : "", e.limiter);
  text += fmt::format("  recurrence bound {:6.0f} clk:", e.recurrence_bound);
  for (std::size_t i = 0; i < e.cycle.size(); ++i) {
    text += fmt::format("{} {} {:.0f}", i == 0 ? "" : " ->", e.cycle[i].op, e.cycle[i].cycles);
  }
  text += fmt::format("\n  resource bound   {:6.0f} clk: {}\n", e.resource_bound, e.busiest);
  text += "  pipes:";
  for (const PipeShare& pipe : e.pipes) {
    if (pipe.utilisation >= 0.01) text += fmt::format(" {} {:.0f} %", pipe.pipe, 100 * pipe.utilisation);
  }
  text += '\n';
  for (const Relaxation& relaxed : e.relaxations) {
    const double gain = e.interval / relaxed.interval - 1;
    if (gain >= 0.002) {
      text += fmt::format("  {:<32} {:6.0f} clk, {:+.1f} %\n", relaxed.what, relaxed.interval, 100 * gain);
    }
  }
  return text;
}

}  // namespace perfmodel
