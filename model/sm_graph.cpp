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

  void edge(int from, int to, std::int64_t distance, double delay) {
    edges_.push_back({static_cast<std::int16_t>(from), static_cast<std::int16_t>(to),
                      static_cast<std::int16_t>(std::clamp<std::int64_t>(distance, -1000, 1000)), delay});
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
          edge(engine_node(give.op), wait.use.op, apart / rate, op(give.op).floor + op(give.op).give_lag);
        }
        const std::int64_t back = (wait.seen + wait.use.place) + depth - (ring.given + give.place);
        if (!wait.take || back % rate != 0) continue;
        const double delay = wait.early ? 0.0 : op(wait.use.op).floor + op(wait.use.op).take_lag;
        edge(wait.early ? wait.use.op : engine_node(wait.use.op), give.op, back / rate, delay);
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

constexpr double flat = 1e-9;

}  // namespace

SegmentGraph segment_graph(const SmCode& code, int segment) {
  SegmentGraph graph;
  Builder().build(code, segment, graph);
  CycleSolver solver;
  solver.ratio(graph);
  graph.policy = solver.policy();
  return graph;
}

double recurrence_bound(const SmCode& code, int segment) {
  thread_local Builder builder;
  thread_local SegmentGraph graph;
  thread_local CycleSolver solver;
  builder.build(code, segment, graph);
  return solver.ratio(graph);
}

// The ratio of the cycle that the policy leads around from a node.
double CycleSolver::close(const SegmentGraph& graph, int start) {
  double delay = 0;
  double distance = 0;
  int node = start;
  do {
    const GraphEdge& edge = graph.edges[at(policy_[at(node)])];
    delay += edge.delay;
    distance += edge.distance;
    node = edge.to;
  } while (node != start);
  double ratio = 0;
  if (distance <= 0) {
    deadlock_ = deadlock_ || delay > flat || distance < 0;
  } else {
    ratio = delay / distance;
  }
  if (ratio > best_) best_ = ratio, critical_ = start;
  return ratio;
}

// The cycle that the policy leads to from a node, and the values of all on the way.
void CycleSolver::walk(const SegmentGraph& graph, int start) {
  const GraphEdge* edges = graph.edges.data();
  const int* policy = policy_.data();
  Node* nodes = nodes_.data();
  int* path = path_.data();
  std::size_t length = 0;
  int node = start;
  while (node >= 0 && nodes[node].state == State::fresh) {
    nodes[node].state = State::on_path;
    path[length++] = node;
    node = policy[node] < 0 ? -1 : edges[policy[node]].to;
  }
  const bool closed = node >= 0 && nodes[node].state == State::on_path;
  if (closed) {
    nodes[node].eta = close(graph, node);
    nodes[node].value = 0;
  } else if (node < 0) {
    nodes[path[length - 1]].eta = -1;
    nodes[path[length - 1]].value = 0;
  }
  while (length > 0) {
    const int each = path[--length];
    nodes[each].state = State::done;
    if ((closed && each == node) || policy[each] < 0) continue;
    const GraphEdge& edge = edges[policy[each]];
    const Node& next = nodes[edge.to];
    nodes[each].eta = next.eta;
    nodes[each].value = edge.delay - next.eta * edge.distance + next.value;
  }
}

void CycleSolver::evaluate(const SegmentGraph& graph) {
  for (Node& node : nodes_) node.state = State::fresh;
  best_ = 0;
  critical_ = -1;
  for (int node = 0; node < graph.nodes(); ++node) {
    Node& own = nodes_[at(node)];
    if (own.state != State::fresh) continue;
    if (policy_[at(node)] >= 0) {
      walk(graph, node);
    } else {
      own = {-1, 0, State::done};  // nothing follows it
    }
  }
}

bool CycleSolver::improve(const SegmentGraph& graph) {
  bool better = false;
  const GraphEdge* edges = graph.edges.data();
  Node* nodes = nodes_.data();
  for (int node = 0; node < graph.nodes(); ++node) {
    Node& own = nodes[node];
    const int end = graph.first_edge[at(node + 1)];
    for (int e = graph.first_edge[at(node)]; e < end; ++e) {
      const GraphEdge& edge = edges[e];
      const double eta = nodes[edge.to].eta;
      if (eta > own.eta + flat) {
        policy_[at(node)] = e;
        own.eta = eta;
        better = true;
      } else if (eta >= own.eta - flat && eta >= 0) {
        const double value = edge.delay - eta * edge.distance + nodes[edge.to].value;
        if (value > own.value + 1e-6) {
          policy_[at(node)] = e;
          own.value = value;
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
  nodes_.assign(nodes, {-1, 0, State::fresh});
  path_.resize(nodes);
  deadlock_ = false;
  if (graph.policy.size() == nodes) {
    policy_.assign(graph.policy.begin(), graph.policy.end());
  } else {
    start_policy(graph);
  }
  constexpr int most_rounds = 100;
  for (int round = 1;; ++round) {
    evaluate(graph);
    // The last policy stays, so that the best cycle is one of it.
    if (deadlock_ || round == most_rounds || !improve(graph)) break;
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
