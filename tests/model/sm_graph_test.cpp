// The maximum cycle ratio: the greatest there is, and the same bits wherever the search for it began.
#include "model/sm_graph.hpp"

#include <doctest/doctest.h>

#include <random>

#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

// Whether some cycle takes longer than `ratio` an iteration: longest paths that still grow after as many rounds as
// there are nodes.
bool is_exceeded(const SegmentGraph& graph, double ratio) {
  std::vector<double> values(static_cast<std::size_t>(graph.nodes()), 0.0);
  for (int round = 0; round <= graph.nodes(); ++round) {
    bool grew = false;
    for (const GraphEdge& edge : graph.edges) {
      const double value = edge.delay - ratio * edge.distance + values[static_cast<std::size_t>(edge.to)];
      double& own = values[static_cast<std::size_t>(edge.from)];
      if (value <= own + 1e-9) continue;
      own = value;
      grew = true;
    }
    if (!grew) return false;
  }
  return true;
}

struct Shaker {
  std::mt19937 generator{11};

  int below(int most) { return static_cast<int>(generator() % static_cast<unsigned>(most)); }
  // Other times, and now and then other slots.
  void shake(SmCode& code) {
    for (SmOp& op : code.ops) {
      if (below(3) != 0) continue;
      op.floor = below(4) == 0 ? 0 : below(2000000) / 1024.7;
      op.give_lag = below(300) / 3.0;
    }
    if (below(3) != 0) return;
    for (SmChannel& channel : code.channels) channel.depth = static_cast<std::int16_t>(channel.depth + below(2));
  }
};

TEST_CASE("the ratio is the greatest, to the last bit whatever was bounded before") {
  for (const char* name : {"avo_forward", "fa4_forward_2cta", "fa4_backward"}) {
    const SmCode first = test::code_of(name);
    const int segment = main_segment(first);
    Shaker shaker;
    RecurrenceBounds bounds;
    for (int i = 0; i < 200; ++i) {
      SmCode code = first;
      shaker.shake(code);
      CAPTURE(name);
      CAPTURE(i);
      const double ratio = bounds.bound(code, segment);
      CHECK(ratio == recurrence_bound(code, segment));
      const SegmentGraph graph = segment_graph(code, segment);
      CHECK(is_exceeded(graph, ratio * (1 - 1e-7)));
      CHECK_FALSE(is_exceeded(graph, ratio * (1 + 1e-7)));
    }
  }
}

TEST_CASE("the critical cycle adds up to the ratio") {
  const SmCode code = test::code_of("fa4_forward");
  CycleSolver solver;
  const SegmentGraph graph = segment_graph(code, main_segment(code));
  const CycleRatio found = solver.solve(graph);
  double sum = 0;
  for (const double delay : found.delays) sum += delay;
  const double iterations = sum / found.ratio;
  CHECK(found.ops.size() == found.delays.size());
  CHECK(iterations == doctest::Approx(std::round(iterations)));
  CHECK_FALSE(found.deadlock);
}

// Two roles that wait for each other with one slot less than it takes: a cycle that no iteration opens.
TEST_CASE("a cycle without iterations between is a deadlock, and times without end have no bound") {
  SegmentGraph graph;
  graph.ops = 1;
  graph.edges = {{0, 1, 0, EdgeDelay::floor, 2}, {1, 0, 0, EdgeDelay::floor, 3}};
  graph.first_edge = {0, 1, 2};
  CycleSolver solver;
  CHECK(solver.solve(graph).deadlock);
  graph.edges[1].distance = 2;
  CHECK(solver.ratio(graph) == 2.5);
  CHECK_FALSE(solver.solve(graph).deadlock);
  graph.edges[1].delay = std::numeric_limits<double>::infinity();
  CHECK(std::isinf(solver.ratio(graph)));
  graph.edges[1].delay = 1e20;
  CHECK(solver.ratio(graph) == doctest::Approx(5e19));
}

}  // namespace
}  // namespace perfmodel
