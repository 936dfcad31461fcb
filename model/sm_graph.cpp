#include "model/sm_graph.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace perfmodel {

namespace {

constexpr std::int64_t farthest = 1000;  // distance of an edge
constexpr double longest = 1e30;         // delay of an edge [cycles]

std::size_t at(int index) { return static_cast<std::size_t>(index); }

struct Use {
  int op = 0;
  std::int64_t place = 0;  // how many the role or giver has had before it in the iteration
};

// Tokens of one channel: who gives and who waits in an iteration, and what was there when the segment began.
struct Ring {
  std::vector<Use> gives;
  struct Wait {
    Use use;
    bool take = false;
    bool early = false;
    std::int64_t seen = 0;  // by this role before the segment
  };
  std::vector<Wait> waits;
  std::int64_t given = 0;  // before the segment, the initial ones among them
};

// Keeps its memory from one graph to the next.
class Builder {
 public:
  void build(const SmCode& code, int segment, SegmentGraph& graph) {
    code_ = &code;
    segment_ = segment;
    graph_ = &graph;
    const SmSegment& own = code.segments[at(segment)];
    graph.first_op = own.roles[0].begin;
    graph.ops = own.roles[at(code.roles - 1)].end - graph.first_op;
    graph.policy.clear();
    graph.critical.clear();
    edges_.clear();
    for (int role = 0; role < code.roles; ++role) add_role(role);
    find_rings();
    for (std::size_t channel = 0; channel < code.channels.size(); ++channel) {
      add_ring(rings_[channel], code.channels[channel].depth);
    }
    order_edges();
  }

 private:
  [[nodiscard]] const SmOp& op(int node) const { return code_->ops[at(graph_->first_op + node)]; }
  [[nodiscard]] int engine_node(int node) const { return op(node).engine == Engine::none ? node : node + graph_->ops; }

  void edge(int from, int to, std::int64_t distance, EdgeDelay kind) {
    edges_.push_back({static_cast<std::int16_t>(from), static_cast<std::int16_t>(to),
                      static_cast<std::int16_t>(std::clamp<std::int64_t>(distance, -farthest, farthest)), kind, 0});
  }

  // By the node they leave, otherwise as they were added.
  void order_edges() {
    std::vector<int>& first = graph_->first_edge;
    first.assign(at(graph_->nodes() + 1), 0);
    for (const GraphEdge& edge : edges_) ++first[at(edge.from + 1)];
    for (int node = 0; node < graph_->nodes(); ++node) first[at(node + 1)] += first[at(node)];
    next_.assign(first.begin(), first.end());
    graph_->edges.resize(edges_.size());
    for (const GraphEdge& edge : edges_) graph_->edges[at(next_[at(edge.from)]++)] = edge;
  }

  // A role's operations follow each other; those that it hands to one engine do so there.
  void add_role(int role) {
    const SmRange range = code_->segments[at(segment_)].roles[at(role)];
    const int first = range.begin - graph_->first_op;
    const int last = range.end - graph_->first_op - 1;
    for (int node = first; node <= last; ++node) {
      const bool engine = op(node).engine != Engine::none;
      const EdgeDelay held = engine ? EdgeDelay::issue : EdgeDelay::floor;
      edge(node, node == last ? first : node + 1, node == last ? 1 : 0, held);
      if (!engine) continue;
      edge(node, engine_node(node), 0, EdgeDelay::none);
      const int next = next_on_engine(node, first, last);
      edge(engine_node(node), engine_node(next), next <= node ? 1 : 0, EdgeDelay::floor);
    }
  }

  [[nodiscard]] int next_on_engine(int node, int first, int last) const {
    for (int next = node == last ? first : node + 1;; next = next == last ? first : next + 1) {
      if (op(next).engine == op(node).engine) return next;
    }
  }

  void find_rings() {
    const std::size_t channels = code_->channels.size();
    if (rings_.size() < channels) rings_.resize(channels);
    seen_.assign(at(code_->roles) * channels, 0);
    for (std::size_t channel = 0; channel < channels; ++channel) {
      rings_[channel].gives.clear();
      rings_[channel].waits.clear();
      rings_[channel].given = code_->channels[channel].initial;
    }
    for (int s = 0; s < segment_; ++s) count_before(code_->segments[at(s)]);
    for (int role = 0; role < code_->roles; ++role) add_uses(role);
  }

  // What an earlier segment has given and each role has taken.
  void count_before(const SmSegment& before) {
    const auto times = static_cast<std::int64_t>(std::floor(before.count));
    for (int role = 0; role < code_->roles; ++role) {
      std::int64_t* seen = seen_.data() + at(role) * code_->channels.size();
      for (int o = before.roles[at(role)].begin; o < before.roles[at(role)].end; ++o) {
        const SmOp& each = code_->ops[at(o)];
        for (int i = 0; i < each.gives; ++i) rings_[at(code_->gives[at(each.first_give + i)])].given += times;
        for (int i = 0; i < each.waits; ++i) {
          const SmWait& wait = code_->waits[at(each.first_wait + i)];
          if (wait.take) seen[wait.channel] += times;
        }
      }
    }
  }

  void add_uses(int role) {
    const SmRange range = code_->segments[at(segment_)].roles[at(role)];
    const std::int64_t* seen = seen_.data() + at(role) * code_->channels.size();
    taken_.assign(code_->channels.size(), 0);
    for (int o = range.begin; o < range.end; ++o) {
      const SmOp& each = code_->ops[at(o)];
      const int node = o - graph_->first_op;
      for (int i = 0; i < each.waits; ++i) {
        const SmWait& wait = code_->waits[at(each.first_wait + i)];
        std::int64_t& taken = taken_[at(wait.channel)];
        rings_[at(wait.channel)].waits.push_back(
            {{node, taken + wait.ahead}, wait.take, wait.early, seen[wait.channel]});
        if (wait.take) ++taken;
      }
      for (int i = 0; i < each.gives; ++i) {
        Ring& ring = rings_[at(code_->gives[at(each.first_give + i)])];
        ring.gives.push_back({node, static_cast<std::int64_t>(ring.gives.size())});
      }
    }
  }

  // In iteration i of the segment the j-th give fills token given + i * rate + j, and the wait at place p of its role
  // asks for token seen + i * rate + p; tokens of equal number belong together. A give waits for the take of the token
  // `depth` before its own.
  void add_ring(const Ring& ring, int depth) {
    const auto rate = static_cast<std::int64_t>(ring.gives.size());
    if (rate == 0) return;
    for (const Ring::Wait& wait : ring.waits) {
      for (const Use& give : ring.gives) {
        const std::int64_t apart = (ring.given + give.place) - (wait.seen + wait.use.place);
        if (apart % rate == 0) {
          edge(engine_node(give.op), wait.use.op, apart / rate, EdgeDelay::given);
        }
        const std::int64_t back = (wait.seen + wait.use.place) + depth - (ring.given + give.place);
        if (!wait.take || back % rate != 0) continue;
        edge(wait.early ? wait.use.op : engine_node(wait.use.op), give.op, back / rate,
             wait.early ? EdgeDelay::none : EdgeDelay::taken);
      }
    }
  }

  const SmCode* code_ = nullptr;
  int segment_ = 0;
  SegmentGraph* graph_ = nullptr;
  std::vector<GraphEdge> edges_;  // as they are found
  std::vector<int> next_;
  std::vector<Ring> rings_;
  std::vector<std::int64_t> seen_;   // by role and channel, before the segment
  std::vector<std::int64_t> taken_;  // by channel
};

double delay_of(const SmOp& op, EdgeDelay kind) {
  switch (kind) {
    case EdgeDelay::none: return 0;
    case EdgeDelay::issue: return op.issue;
    case EdgeDelay::floor: return op.floor;
    case EdgeDelay::given: return op.floor + op.give_lag;
    case EdgeDelay::taken: return op.floor + op.take_lag;
  }
  return 0;
}

// An edge takes a time of the operation whose node it leaves.
void set_delays(const SmCode& code, SegmentGraph& graph) {
  const SmOp* ops = code.ops.data() + graph.first_op;
  for (GraphEdge& edge : graph.edges) {
    edge.delay = delay_of(ops[edge.from < graph.ops ? edge.from : edge.from - graph.ops], edge.kind);
  }
}

void build_graph(const SmCode& code, int segment, SegmentGraph& graph) {
  thread_local Builder builder;
  builder.build(code, segment, graph);
  set_delays(code, graph);
}

}  // namespace

SegmentGraph segment_graph(const SmCode& code, int segment) {
  SegmentGraph graph;
  build_graph(code, segment, graph);
  CycleSolver solver;
  solver.ratio(graph);
  graph.policy = solver.policy();
  graph.critical = solver.critical();
  return graph;
}

double recurrence_bound(const SmCode& code, int segment) {
  thread_local SegmentGraph graph;
  thread_local CycleSolver solver;
  build_graph(code, segment, graph);
  return solver.ratio(graph);
}

RecurrenceBounds::Known& RecurrenceBounds::find(const SmCode& code, int segment) {
  constexpr std::size_t most_known = 16;
  key_.clear();
  key_.push_back(segment);
  for (const SmChannel& channel : code.channels) key_.push_back(channel.depth), key_.push_back(channel.initial);
  for (int s = 0; s < segment; ++s) key_.push_back(static_cast<std::int64_t>(code.segments[at(s)].count));
  const auto found = std::ranges::find(known_, key_, &Known::key);
  if (found != known_.end()) {
    std::rotate(known_.begin(), found, found + 1);
  } else {
    if (known_.size() == most_known) known_.pop_back();
    known_.insert(known_.begin(), Known{key_, {}});
    build_graph(code, segment, known_.front().graph);
  }
  return known_.front();
}

double RecurrenceBounds::bound(const SmCode& code, int segment) {
  SegmentGraph& graph = find(code, segment).graph;
  set_delays(code, graph);
  const double ratio = solver_.ratio(graph);
  graph.policy.assign(solver_.policy().begin(), solver_.policy().end());
  graph.critical.assign(solver_.critical().begin(), solver_.critical().end());
  return ratio;
}

// Whole numbers of a unit so small that the last bits of a double hardly show, and so large that no sum overflows: a
// value adds up weights of all nodes at most, and a weight is a delay times the distance of a cycle, less its delay
// times a distance. That of a cycle has to be a double.
bool CycleSolver::set_delays(const SegmentGraph& graph) {
  constexpr int finest = 30;  // bits behind the point
  double most = 0;
  int reach = 1;
  for (const GraphEdge& edge : graph.edges) {
    if (!(edge.delay <= longest)) return false;
    most = std::max(most, edge.delay);
    reach = std::max<int>(reach, std::abs(edge.distance));
  }
  const auto bits = [](int value) { return static_cast<int>(std::bit_width(static_cast<unsigned>(value))); };
  const int nodes = bits(graph.nodes());
  const int of_delay = std::min(60 - 2 * nodes - bits(reach), 52 - nodes);
  const int point = std::min(finest, of_delay - 1 - std::ilogb(most + 1));
  const double scale = std::ldexp(1.0, point);
  unit_ = std::ldexp(1.0, -point);
  delays_.resize(graph.edges.size());
  for (std::size_t e = 0; e < delays_.size(); ++e) {
    delays_[e] = static_cast<std::int64_t>(graph.edges[e].delay * scale + 0.5);
  }
  return true;
}

void CycleSolver::start_policy(const SegmentGraph& graph) {
  critical_.clear();
  policy_.assign(at(graph.nodes()), -1);
  for (int node = 0; node < graph.nodes(); ++node) {
    double most = -1;
    for (int e = graph.first_edge[at(node)]; e < graph.first_edge[at(node + 1)]; ++e) {
      if (graph.edges[at(e)].delay > most) most = graph.edges[at(e)].delay, policy_[at(node)] = e;
    }
  }
}

// Better than the best cycle so far.
bool CycleSolver::is_better(const SegmentGraph& graph, const std::vector<int>& cycle) {
  std::int64_t delay = 0;
  std::int64_t distance = 0;
  for (const int e : cycle) {
    delay += delays_[at(e)];
    distance += graph.edges[at(e)].distance;
  }
  if (distance <= 0) {
    deadlock_ = deadlock_ || delay > 0 || distance < 0;
    return false;
  }
  if (delay * distance_ <= delay_ * distance) return false;
  delay_ = delay;
  distance_ = distance;
  return true;
}

// The cycle that the policy leads around from a node.
void CycleSolver::close(const SegmentGraph& graph, int anchor) {
  cycle_.clear();
  int node = anchor;
  do {
    const int e = policy_[at(node)];
    cycle_.push_back(e);
    node = graph.edges[at(e)].to;
  } while (node != anchor);
  if (is_better(graph, cycle_)) critical_.assign(cycle_.begin(), cycle_.end());
}

// Weighs the cycles of the policy, and opens each of them: at a node from which the way around adds up to nothing for
// the best cycle, and to less than nothing for the others, it is as good to stop.
void CycleSolver::find_cycles(const SegmentGraph& graph) {
  states_.assign(policy_.size(), State::fresh);
  State* states = states_.data();
  int* policy = policy_.data();
  int* order = order_.data();
  for (int start = 0; start < graph.nodes(); ++start) {
    std::size_t length = 0;
    int node = start;
    while (node >= 0 && states[node] == State::fresh) {
      states[node] = State::on_path;
      path_[length++] = node;
      node = policy[node] < 0 ? -1 : graph.edges[at(policy[node])].to;
    }
    if (node >= 0 && states[node] == State::on_path) {
      close(graph, node);
      policy[node] = -1;
      states[node] = State::done;
      *order++ = node;
    }
    while (length > 0) {
      const int each = path_[--length];
      if (states[each] == State::on_path) *order++ = each;
      states[each] = State::done;
    }
  }
}

std::int64_t CycleSolver::weight(const SegmentGraph& graph, int edge) const {
  return delays_[at(edge)] * distance_ - delay_ * graph.edges[at(edge)].distance;
}

void CycleSolver::evaluate(const SegmentGraph& graph) {
  for (const int node : order_) {
    const int e = policy_[at(node)];
    values_[at(node)] = e < 0 ? 0 : weight(graph, e) + values_[at(graph.edges[at(e)].to)];
  }
}

bool CycleSolver::improve(const SegmentGraph& graph) {
  bool better = false;
  std::int64_t* values = values_.data();
  for (int node = 0; node < graph.nodes(); ++node) {
    std::int64_t most = values[node];
    const int end = graph.first_edge[at(node + 1)];
    for (int e = graph.first_edge[at(node)]; e < end; ++e) {
      const std::int64_t value = weight(graph, e) + values[graph.edges[at(e)].to];
      if (value <= most) continue;
      most = value;
      policy_[at(node)] = e;
      better = true;
    }
    values[node] = most;
  }
  return better;
}

// False if it has not come to an end after so many rounds that it never may.
bool CycleSolver::iterate(const SegmentGraph& graph) {
  constexpr int most_rounds = 1000;
  delay_ = 0;
  distance_ = 1;
  deadlock_ = false;
  if (!critical_.empty() && !is_better(graph, critical_)) critical_.clear();
  for (int round = 0; round < most_rounds; ++round) {
    find_cycles(graph);
    if (deadlock_) return true;
    evaluate(graph);
    if (!improve(graph)) return true;
  }
  return false;
}

double CycleSolver::ratio(const SegmentGraph& graph) {
  const auto nodes = at(graph.nodes());
  deadlock_ = false;
  policy_.clear();
  critical_.clear();
  if (!set_delays(graph)) return std::numeric_limits<double>::infinity();
  values_.resize(nodes);
  path_.resize(nodes);
  order_.resize(nodes);
  const bool known = graph.policy.size() == nodes;
  if (known) {
    policy_.assign(graph.policy.begin(), graph.policy.end());
    critical_.assign(graph.critical.begin(), graph.critical.end());
  } else {
    start_policy(graph);
  }
  if (!iterate(graph) && known) {
    start_policy(graph);
    iterate(graph);
  }
  return static_cast<double>(delay_) / static_cast<double>(distance_) * unit_;
}

CycleRatio CycleSolver::solve(const SegmentGraph& graph) {
  CycleRatio result;
  result.ratio = ratio(graph);
  result.deadlock = deadlock_;
  for (const int e : critical_) {
    const GraphEdge& edge = graph.edges[at(e)];
    result.ops.push_back(graph.first_op + edge.from % graph.ops);
    result.delays.push_back(edge.delay);
  }
  return result;
}

}  // namespace perfmodel
