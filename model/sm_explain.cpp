#include "model/sm_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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
  // That of a changed program is another.
  thread_local CycleSolver solver;
  stretched.segments[at(segment)].recurrence = solver.ratio(segment_graph(stretched, segment));
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

std::string actor_of(const SmCode& code, int op) {
  const std::string& part = code.op_parts[at(op)];
  if (!part.empty()) {
    std::string upper;
    for (const char letter : part) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    return part == "gemm" ? "MMA" : fmt::format("{} MMA", upper);
  }
  return code.ops[at(op)].engine == Engine::none ? code.op_roles[at(op)] : code.op_names[at(op)];
}

// The ring through which `to` waits for `from`: for what it gives, or for the slot that it empties.
std::string hand_over(const SmCode& code, int from, int to) {
  const SmOp& first = code.ops[at(from)];
  const SmOp& second = code.ops[at(to)];
  const auto gives = [&](const SmOp& op, int channel) {
    for (int i = 0; i < op.gives; ++i) {
      if (code.gives[at(op.first_give + i)] == channel) return true;
    }
    return false;
  };
  const auto waits = [&](const SmOp& op, int channel, bool takes) {
    for (int i = 0; i < op.waits; ++i) {
      const SmWait& wait = code.waits[at(op.first_wait + i)];
      if (wait.channel == channel && (wait.take || !takes)) return true;
    }
    return false;
  };
  for (int channel = 0; channel < static_cast<int>(code.channels.size()); ++channel) {
    const std::string& name = code.channel_names[at(channel)];
    if (gives(first, channel) && waits(second, channel, /*takes=*/false)) return fmt::format("{} ready", name);
    if (waits(first, channel, /*takes=*/true) && gives(second, channel)) return fmt::format("{} free", name);
  }
  return {};
}

void add_cycle(const SmCode& code, const CycleRatio& ratio, SmExplanation& found) {
  const std::size_t count = ratio.ops.size();
  for (std::size_t i = 0; i < count; ++i) {
    const int op = ratio.ops[i];
    const int next = ratio.ops[(i + 1) % count];
    const bool same_role = op != next && code.ops[at(op)].role == code.ops[at(next)].role &&
                           code.ops[at(op)].engine == code.ops[at(next)].engine;
    CycleStep step{code.op_names[at(op)], ratio.delays[i], actor_of(code, op), {}};
    if (!same_role) step.hand_over = hand_over(code, op, next);
    // An operation may be there twice, once on its role and once on its engine.
    if (ratio.delays[i] > 0) found.cycle.push_back(std::move(step));
  }
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
  add_cycle(code, ratio, found);
  found.limiter = found.resource_bound >= (1 - near) * found.interval     ? found.busiest
                  : found.recurrence_bound >= (1 - near) * found.interval ? "recurrence"
                                                                          : "contention";
  relax(code, found, segment, simulator, found.relaxations);
  return found;
}

std::string with_commas(double value) {
  const std::string digits = fmt::format("{:.0f}", std::abs(value));
  std::string text = value <= -0.5 ? "-" : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string cycle_words(const SmExplanation& explanation) {
  std::string text;
  std::string last;
  const auto add = [&](const std::string& word) {
    if (word.empty() || word == last) return;
    text += fmt::format("{}{}", text.empty() ? "" : " -> ", word);
    last = word;
  };
  for (const CycleStep& step : explanation.cycle) {
    add(step.actor);
    add(step.hand_over);
  }
  if (text.empty()) return "no dependence cycle";
  return fmt::format("{}: {} of {} clk", text, with_commas(explanation.recurrence_bound),
                     with_commas(explanation.interval));
}

std::string explanation_text(const SmExplanation& e) {
  std::string text = fmt::format("an iteration of segment '{}' takes {:.0f} clk{}, limited by {}\n", e.segment,
                                 e.interval, e.ctas > 1 ? fmt::format(" with {} CTAs an SM", e.ctas) : "", e.limiter);
  text += fmt::format("  critical cycle   {}\n", cycle_words(e));
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
