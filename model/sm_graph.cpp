#include "model/sm_graph.hpp"

#include <algorithm>
#include <cmath>

namespace perfmodel {

namespace {

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

class Builder {
 public:
  Builder(const SmCode& code, int segment) : code_(code), segment_(segment) {
    graph_.first_op = code.segments[at(segment)].roles[0].begin;
    const int roles = code.roles;
    graph_.ops = code.segments[at(segment)].roles[at(roles - 1)].end - graph_.first_op;
  }

  SegmentGraph build() {
    for (int role = 0; role < code_.roles; ++role) add_role(role);
    for (int channel = 0; channel < static_cast<int>(code_.channels.size()); ++channel) add_ring(channel);
    std::stable_sort(graph_.edges.begin(), graph_.edges.end(),
                     [](const GraphEdge& a, const GraphEdge& b) { return a.from < b.from; });
    graph_.first_edge.assign(at(graph_.nodes() + 1), 0);
    for (const GraphEdge& edge : graph_.edges) ++graph_.first_edge[at(edge.from + 1)];
    for (int node = 0; node < graph_.nodes(); ++node) graph_.first_edge[at(node + 1)] += graph_.first_edge[at(node)];
    return std::move(graph_);
  }

 private:
  [[nodiscard]] const SmOp& op(int node) const { return code_.ops[at(graph_.first_op + node)]; }
  [[nodiscard]] int engine_node(int node) const { return op(node).engine == Engine::none ? node : node + graph_.ops; }

  void edge(int from, int to, std::int64_t distance, double delay) {
    graph_.edges.push_back({static_cast<std::int16_t>(from), static_cast<std::int16_t>(to),
                            static_cast<std::int16_t>(std::clamp<std::int64_t>(distance, -1000, 1000)), delay});
  }

  // A role's operations follow each other; those that it hands to one engine do so there.
  void add_role(int role) {
    const SmRange range = code_.segments[at(segment_)].roles[at(role)];
    const int first = range.begin - graph_.first_op;
    const int last = range.end - graph_.first_op - 1;
    for (int node = first; node <= last; ++node) {
      const bool engine = op(node).engine != Engine::none;
      const double held = engine ? op(node).issue : op(node).floor;
      edge(node, node == last ? first : node + 1, node == last ? 1 : 0, held);
      if (!engine) continue;
      edge(node, engine_node(node), 0, 0);
      const int next = next_on_engine(node, first, last);
      edge(engine_node(node), engine_node(next), next <= node ? 1 : 0, op(node).floor);
    }
  }

  [[nodiscard]] int next_on_engine(int node, int first, int last) const {
    for (int next = node == last ? first : node + 1;; next = next == last ? first : next + 1) {
      if (op(next).engine == op(node).engine) return next;
    }
  }

  Ring ring_of(int channel) const {
    Ring ring;
    ring.given = code_.channels[at(channel)].initial;
    for (int s = 0; s < segment_; ++s) {
      const SmSegment& before = code_.segments[at(s)];
      for (int o = before.roles[0].begin; o < before.roles[at(code_.roles - 1)].end; ++o) {
        const double times = std::floor(before.count);
        for (int i = 0; i < code_.ops[at(o)].gives; ++i) {
          if (code_.gives[at(code_.ops[at(o)].first_give + i)] == channel) {
            ring.given += static_cast<std::int64_t>(times);
          }
        }
      }
    }
    for (int role = 0; role < code_.roles; ++role) add_uses(channel, role, ring);
    return ring;
  }

  std::int64_t taken_before(int channel, int role) const {
    std::int64_t seen = 0;
    for (int s = 0; s < segment_; ++s) {
      const SmRange range = code_.segments[at(s)].roles[at(role)];
      const auto times = static_cast<std::int64_t>(std::floor(code_.segments[at(s)].count));
      for (int o = range.begin; o < range.end; ++o) {
        for (int i = 0; i < code_.ops[at(o)].waits; ++i) {
          const SmWait& wait = code_.waits[at(code_.ops[at(o)].first_wait + i)];
          if (wait.take && wait.channel == channel) seen += times;
        }
      }
    }
    return seen;
  }

  void add_uses(int channel, int role, Ring& ring) const {
    const SmRange range = code_.segments[at(segment_)].roles[at(role)];
    const std::int64_t seen = taken_before(channel, role);
    std::int64_t taken = 0;
    for (int o = range.begin; o < range.end; ++o) {
      const SmOp& each = code_.ops[at(o)];
      const int node = o - graph_.first_op;
      for (int i = 0; i < each.waits; ++i) {
        const SmWait& wait = code_.waits[at(each.first_wait + i)];
        if (wait.channel != channel) continue;
        ring.waits.push_back({{node, taken + wait.ahead}, wait.take, wait.early, seen});
        if (wait.take) ++taken;
      }
      for (int i = 0; i < each.gives; ++i) {
        if (code_.gives[at(each.first_give + i)] == channel) {
          ring.gives.push_back({node, static_cast<std::int64_t>(ring.gives.size())});
        }
      }
    }
  }

  // In iteration i of the segment the j-th give fills token given + i * rate + j, and the wait at place p of its role
  // asks for token seen + i * rate + p; tokens of equal number belong together. A give waits for the take of the token
  // `depth` before its own.
  void add_ring(int channel) {
    const Ring ring = ring_of(channel);
    const auto rate = static_cast<std::int64_t>(ring.gives.size());
    if (rate == 0) return;
    const int depth = code_.channels[at(channel)].depth;
    for (const Ring::Wait& wait : ring.waits) {
      for (const Use& give : ring.gives) {
        const std::int64_t apart = (ring.given + give.place) - (wait.seen + wait.use.place);
        if (apart % rate == 0) {
          edge(engine_node(give.op), wait.use.op, apart / rate, op(give.op).floor + op(give.op).give_lag);
        }
        const std::int64_t back = (wait.seen + wait.use.place) + depth - (ring.given + give.place);
        if (!wait.take || back % rate != 0) continue;
        const double delay = wait.early ? 0.0 : op(wait.use.op).floor + op(wait.use.op).take_lag;
        edge(wait.early ? wait.use.op : engine_node(wait.use.op), give.op, back / rate, delay);
      }
    }
  }

  const SmCode& code_;
  int segment_;
  SegmentGraph graph_;
};

constexpr double flat = 1e-9;

}  // namespace

SegmentGraph segment_graph(const SmCode& code, int segment) {
  SegmentGraph graph = Builder(code, segment).build();
  CycleSolver solver;
  solver.ratio(graph);
  graph.policy = solver.policy();
  return graph;
}

// The cycle that the policy leads to from a node, and the values of all on the way.
void CycleSolver::walk(const SegmentGraph& graph, int start) {
  path_.clear();
  int node = start;
  while (node >= 0 && state_[at(node)] == 0) {
    state_[at(node)] = 1;
    path_.push_back(node);
    node = policy_[at(node)] < 0 ? -1 : graph.edges[at(policy_[at(node)])].to;
  }
  double ratio = -1;
  if (node >= 0 && state_[at(node)] == 1) {
    double delay = 0;
    double distance = 0;
    int each = node;
    do {
      const GraphEdge& edge = graph.edges[at(policy_[at(each)])];
      delay += edge.delay;
      distance += edge.distance;
      each = edge.to;
    } while (each != node);
    if (distance <= 0) {
      deadlock_ = deadlock_ || delay > flat || distance < 0;
      ratio = 0;
    } else {
      ratio = delay / distance;
    }
    eta_[at(node)] = ratio;
    value_[at(node)] = 0;
    if (ratio > best_) best_ = ratio, critical_ = node;
  } else if (node < 0) {
    eta_[at(path_.back())] = -1;
    value_[at(path_.back())] = 0;
  }
  for (auto it = path_.rbegin(); it != path_.rend(); ++it) {
    state_[at(*it)] = 2;
    if (*it == node && ratio >= 0) continue;
    if (policy_[at(*it)] < 0) continue;
    const GraphEdge& edge = graph.edges[at(policy_[at(*it)])];
    eta_[at(*it)] = eta_[at(edge.to)];
    value_[at(*it)] = edge.delay - eta_[at(edge.to)] * edge.distance + value_[at(edge.to)];
  }
}

void CycleSolver::evaluate(const SegmentGraph& graph) {
  std::fill(state_.begin(), state_.end(), 0);
  best_ = 0;
  critical_ = -1;
  for (int node = 0; node < graph.nodes(); ++node) {
    if (state_[at(node)] == 0) walk(graph, node);
  }
}

bool CycleSolver::improve(const SegmentGraph& graph) {
  bool better = false;
  for (int node = 0; node < graph.nodes(); ++node) {
    for (int e = graph.first_edge[at(node)]; e < graph.first_edge[at(node + 1)]; ++e) {
      const GraphEdge& edge = graph.edges[at(e)];
      const double eta = eta_[at(edge.to)];
      if (eta > eta_[at(node)] + flat) {
        policy_[at(node)] = e;
        eta_[at(node)] = eta;
        better = true;
      } else if (eta >= eta_[at(node)] - flat && eta >= 0) {
        const double value = edge.delay - eta * edge.distance + value_[at(edge.to)];
        if (value > value_[at(node)] + 1e-6) {
          policy_[at(node)] = e;
          value_[at(node)] = value;
          better = true;
        }
      }
    }
  }
  return better;
}

void CycleSolver::start_policy(const SegmentGraph& graph) {
  policy_.assign(at(graph.nodes()), -1);
  for (int node = 0; node < graph.nodes(); ++node) {
    double most = -1;
    for (int e = graph.first_edge[at(node)]; e < graph.first_edge[at(node + 1)]; ++e) {
      if (graph.edges[at(e)].delay > most) most = graph.edges[at(e)].delay, policy_[at(node)] = e;
    }
  }
}

double CycleSolver::ratio(const SegmentGraph& graph) {
  const auto nodes = at(graph.nodes());
  value_.assign(nodes, 0.0);
  eta_.assign(nodes, -1.0);
  state_.assign(nodes, 0);
  deadlock_ = false;
  if (graph.policy.size() == nodes) {
    policy_.assign(graph.policy.begin(), graph.policy.end());
  } else {
    start_policy(graph);
  }
  for (int round = 0; round < 100; ++round) {
    evaluate(graph);
    if (deadlock_ || !improve(graph)) break;
  }
  return best_;
}

CycleRatio CycleSolver::solve(const SegmentGraph& graph) {
  CycleRatio result;
  result.ratio = ratio(graph);
  result.deadlock = deadlock_;
  if (critical_ < 0) return result;
  int node = critical_;
  do {
    const GraphEdge& edge = graph.edges[at(policy_[at(node)])];
    result.ops.push_back(graph.first_op + node % graph.ops);
    result.delays.push_back(edge.delay);
    node = edge.to;
  } while (node != critical_);
  return result;
}

}  // namespace perfmodel
