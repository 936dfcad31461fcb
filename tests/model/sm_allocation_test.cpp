// No heap allocation in the steady state of a simulator: this program's operator new counts.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/model/pipelines.hpp"

#if !defined(__SANITIZE_ADDRESS__)

namespace {
std::atomic<long> allocations{0};
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace perfmodel {
namespace {

TEST_CASE("a simulator that has run once allocates no more, nor do bounds of a program whose numbers change") {
  Simulator simulator;
  CycleSolver solver;
  for (const char* name : {"fa4_forward", "fa4_forward_2cta", "fa4_backward", "avo_forward"}) {
    const SmCode code = test::code_of(name);
    const int segment = main_segment(code);
    const SegmentGraph graph = segment_graph(code, segment);
    SmCode changing = code;
    RecurrenceBounds bounds;
    const auto work = [&] {
      for (const int ctas : {1, 2}) {
        const SmResident resident{&code, ctas};
        (void)simulator.run({&resident, 1});
        (void)simulator.run({&resident, 1}, {.items = 3, .skip = false});
      }
      (void)solver.ratio(graph);
      for (SmOp& op : changing.ops) op.floor *= 1.01;
      (void)bounds.bound(changing, segment);
    };
    for (int i = 0; i < 2; ++i) work();
    const long before = allocations;
    for (int i = 0; i < 3; ++i) work();
    CAPTURE(name);
    CHECK(allocations == before);
  }
}

}  // namespace
}  // namespace perfmodel

#endif
