// The steady state of a segment as a marked graph: an edge says that one operation starts no earlier than so many
// cycles after another, so many iterations before. Its maximum cycle ratio is the recurrence bound; a cycle without
// iterations between is a deadlock.
#pragma once

#include <cstdint>
#include <vector>

#include "model/sm_code.hpp"

namespace perfmodel {

// Which of its operation's times an edge takes [cycles from start to start].
enum class EdgeDelay : std::uint8_t { none, issue, floor, given, taken };

struct GraphEdge {
  std::int16_t from = 0;  // nodes
  std::int16_t to = 0;
  std::int16_t distance = 0;  // iterations
  EdgeDelay kind = EdgeDelay::none;
  double delay = 0;  // of the operation that it leaves [cycles]
};

// Node i is the operation's start on its role, node i + ops its start on its engine.
struct SegmentGraph {
  int first_op = 0;
  int ops = 0;
  std::vector<GraphEdge> edges;  // ordered by `from`
  std::vector<int> first_edge;   // of each node, and the end
  // Where to start solving from, of any graph of as many edges out of each node: the best edge out of each node (-1:
  // none) and those of the critical cycle. May be empty.
  std::vector<int> policy;
  std::vector<int> critical;

  [[nodiscard]] int nodes() const { return 2 * ops; }
};

// Edges of the order inside each role, of each engine's queue, and of the rings: full slots by the tokens that the
// segments before have left in them, empty ones by their depth. `iterations` before this segment count once each.
SegmentGraph segment_graph(const SmCode& code, int segment);

// The maximum cycle ratio of that graph [cycles an iteration]; allocates nothing once its memory has grown.
double recurrence_bound(const SmCode& code, int segment);

struct CycleRatio {
  double ratio = 0;            // cycles an iteration; 0 without a cycle
  bool deadlock = false;       // a cycle without distance
  std::vector<int> ops;        // of the critical cycle, in order, as indices of SmCode::ops
  std::vector<double> delays;  // from each to the next [cycles]
};

// Howard's policy iteration on whole numbers of small parts of a cycle, so that the ratio is the greatest one, to the
// last bit, wherever it started from. Reusable memory; no allocation once grown.
class CycleSolver {
 public:
  // The ratio alone.
  double ratio(const SegmentGraph& graph);
  [[nodiscard]] const std::vector<int>& policy() const { return policy_; }
  [[nodiscard]] const std::vector<int>& critical() const { return critical_; }
  // With the cycle behind it.
  CycleRatio solve(const SegmentGraph& graph);

 private:
  bool set_delays(const SegmentGraph& graph);
  void start_policy(const SegmentGraph& graph);
  bool iterate(const SegmentGraph& graph);
  bool is_better(const SegmentGraph& graph, const std::vector<int>& cycle);
  void close(const SegmentGraph& graph, int anchor);
  void find_cycles(const SegmentGraph& graph);
  void evaluate(const SegmentGraph& graph);
  bool improve(const SegmentGraph& graph);
  [[nodiscard]] std::int64_t weight(const SegmentGraph& graph, int edge) const;

  enum class State : std::uint8_t { fresh, on_path, done };

  std::vector<std::int64_t> delays_;  // of each edge [unit_]
  double unit_ = 1;                   // [cycles]
  std::vector<int> policy_;           // edge out of each node, -1 where it is best to stop
  // The longest way from each node by the policy, an iteration less for each of the distance: with the ratio of the
  // best cycle so far for an iteration, all of it times the distance of that cycle.
  std::vector<std::int64_t> values_;
  std::vector<State> states_;
  std::vector<int> order_;     // nodes, each behind the one that the policy leads to
  std::vector<int> path_;      // from the node at hand
  std::vector<int> cycle_;     // edges of the one at hand
  std::vector<int> critical_;  // edges of the best one so far
  std::int64_t delay_ = 0;     // of that
  std::int64_t distance_ = 1;
  bool deadlock_ = false;
};

// The recurrence bounds of a code that is priced again and again [cycles an iteration]: what the structure gives is
// worked out once for each set of depths and counts. The bounds themselves follow from the code alone.
class RecurrenceBounds {
 public:
  // Of a code that differs from those before, since forget(), in times, depths and counts only.
  double bound(const SmCode& code, int segment);
  void forget() { known_.clear(); }

 private:
  struct Known {
    std::vector<std::int64_t> key;
    SegmentGraph graph;
  };
  Known& find(const SmCode& code, int segment);

  std::vector<Known> known_;  // the last used first
  std::vector<std::int64_t> key_;
  CycleSolver solver_;
};

}  // namespace perfmodel
