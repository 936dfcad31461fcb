// The steady state of a segment as a marked graph: an edge says that one operation starts no earlier than so many
// cycles after another, so many iterations before. Its maximum cycle ratio is the recurrence bound; a cycle without
// iterations between is a deadlock.
#pragma once

#include <cstdint>
#include <vector>

#include "model/sm_code.hpp"

namespace perfmodel {

struct GraphEdge {
  std::int16_t from = 0;  // nodes
  std::int16_t to = 0;
  std::int16_t distance = 0;  // iterations
  double delay = 0;           // cycles from start to start
};

// Node i is the operation's start on its role, node i + ops its start on its engine.
struct SegmentGraph {
  int first_op = 0;
  int ops = 0;
  std::vector<GraphEdge> edges;  // ordered by `from`
  std::vector<int> first_edge;   // of each node, and the end
  // Where to start solving from: the best edge out of each node for the delays it was made with. May be empty.
  std::vector<int> policy;

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

// Reusable memory of Howard's policy iteration; no allocation once grown.
class CycleSolver {
 public:
  // The ratio alone.
  double ratio(const SegmentGraph& graph);
  [[nodiscard]] const std::vector<int>& policy() const { return policy_; }
  // With the cycle behind it.
  CycleRatio solve(const SegmentGraph& graph);

 private:
  void start_policy(const SegmentGraph& graph);
  bool improve(const SegmentGraph& graph);
  void evaluate(const SegmentGraph& graph);
  double close(const SegmentGraph& graph, int start);
  void walk(const SegmentGraph& graph, int start);

  enum class State : std::uint8_t { fresh, on_path, done };
  struct Node {
    double eta = -1;  // ratio that its policy leads to
    double value = 0;
    State state = State::fresh;
  };

  std::vector<int> policy_;  // edge out of each node, -1 for none
  std::vector<Node> nodes_;
  std::vector<int> path_;
  int critical_ = -1;  // a node of the best cycle
  double best_ = 0;
  bool deadlock_ = false;
};

}  // namespace perfmodel
