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

TEST_CASE("a simulator that has run once allocates no more, nor does the cycle solver") {
  const SmCode code = test::code_of("fa4_forward");
  const SegmentGraph graph = segment_graph(code, main_segment(code));
  const SmResident resident{&code, 2};
  Simulator simulator;
  CycleSolver solver;
  for (int i = 0; i < 2; ++i) {
    (void)simulator.run({&resident, 1});
    (void)solver.ratio(graph);
  }
  const long before = allocations;
  for (int i = 0; i < 3; ++i) {
    (void)simulator.run({&resident, 1});
    (void)solver.ratio(graph);
  }
  CHECK(allocations == before);
}

}  // namespace
}  // namespace perfmodel

#endif
