// The simulated SM on programs made by hand, on shipped ones, and on random ones.
#include "model/sm_simulate.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/model/pipelines.hpp"
#include "workloads/pipeline_check.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::code_of;
using test::interval;

// A producer of `work` exponentials a warp lane, a consumer of as many multiply-adds, and a ring between them.
PipelineFile two_roles(int depth, double exponentials, double multiply_adds) {
  return PipelineFile::from_text(fmt::format(R"(
name: two
operator: mask
roles: {{a: {{warps: 4, registers: 32}}, b: {{warps: 4, registers: 32}}}}
channels: {{X: {{depth: {}}}}}
segments:
  - name: loop
    count: words
    ops:
      - {{name: make, role: a, does: {{exp2: {}}}, gives: [X]}}
      - {{name: use, role: b, does: {{ffma: {}}}, takes: [X]}}
)",
                                             depth, exponentials, multiply_adds),
                                 "two.yaml");
}

TEST_CASE("a ring of two slots hides the shorter of two roles, one of a slot adds both and the waits between") {
  // 16 exponentials and 128 multiply-adds a clock: 1000 clk and 400 clk; a barrier takes 54.
  CHECK(interval(code_of(test::b200(), two_roles(2, 16000, 51200)), "loop") == Approx(1000).epsilon(1e-3));
  CHECK(interval(code_of(test::b200(), two_roles(1, 16000, 51200)), "loop") ==
        Approx(1000 + 54 + 400 + 54).epsilon(1e-3));
}

TEST_CASE("bounds are tight on programs made by hand") {
  CycleSolver solver;
  const SmCode one = code_of(test::b200(), two_roles(1, 16000, 51200));
  CHECK(solver.ratio(segment_graph(one, 0)) == Approx(1508));
  CHECK(resource_bound(one, 0, 1) == Approx(1000));
  const SmCode two = code_of(test::b200(), two_roles(2, 16000, 51200));
  CHECK(solver.ratio(segment_graph(two, 0)) == Approx(1000));
}

TEST_CASE("two CTAs share a pipe: together they need it twice as long, and not longer") {
  const SmCode code = code_of(test::b200(), two_roles(1, 16000, 51200));
  CHECK(interval(code, "loop", 2) == Approx(2000).epsilon(5e-3));
  // Served alike, equal CTAs stay in step and nobody fills the gaps.
  const double even = interval(code, "loop", 2, Arbitration::even);
  CHECK(even > 2000);
  CHECK(even <= 2 * 1508);
}

TEST_CASE("a role of one warp has a quarter of the pipes") {
  PipelineFile file = PipelineFile::from_text(R"(
name: one
operator: mask
roles: {a: {warps: 1, registers: 32}}
segments: [{name: loop, count: words, ops: [{name: work, role: a, does: {exp2: 1600}}]}]
)",
                                              "one.yaml");
  CHECK(interval(code_of(test::b200(), file), "loop") == Approx(400));
}

constexpr double rounding = 1e-9;

// The simulated main loop of a shipped program against both of its bounds.
void check_above_bounds(const std::string& name) {
  CAPTURE(name);
  const PipelineFile file = PipelineFile::load(name);
  const Pipeline pipeline = file.pipeline();
  const Machine machine = load_machine(pipeline.tensor == "tcgen05" ? "b200"
                                       : pipeline.tensor == "wgmma" ? "h100-sxm"
                                                                    : "a100-sxm");
  const SmCode code = code_of(machine, file);
  const int loop = main_segment(code);
  const double simulated = interval(code, code.segment_names[static_cast<std::size_t>(loop)]);
  CycleSolver solver;
  CHECK(simulated >= (1 - rounding) * resource_bound(code, loop, 1));
  CHECK(simulated >= (1 - rounding) * solver.ratio(segment_graph(code, loop)));
}

TEST_CASE("the simulation never beats a bound, on shipped programs") {
  for (const std::string& name : pipeline_names()) check_above_bounds(name);
}

TEST_CASE("what is left out changes nothing: skipping against every iteration") {
  const SmCode code = code_of("fa4_forward", {{"full_iterations", 60}, {"masked_iterations", 2}});
  Simulator simulator;
  const SmResident resident{&code, 1};
  SimulationOptions every;
  every.skip = false;
  const SimulationResult quick = simulator.run({&resident, 1});
  const SimulationResult full = simulator.run({&resident, 1}, every);
  CHECK(quick.time == Approx(full.time).epsilon(1e-3));
  CHECK(quick.events < full.events / 2);
}

TEST_CASE("the same bits at any number of threads, whatever ran before") {
  const SmCode code = code_of("fa4_forward");
  const SmCode other = code_of("fa4_forward_2cta");
  const SmResident resident{&code, 1};
  const SmResident before{&other, 1};
  Simulator first;
  const double expected = first.run({&resident, 1}).time;
  std::vector<double> times(4);
  std::vector<std::jthread> threads;
  for (double& time : times) {
    threads.emplace_back([&time, &resident, &before] {
      Simulator simulator;
      (void)simulator.run({&before, 1});
      time = simulator.run({&resident, 1}).time;
    });
  }
  threads.clear();
  for (const double time : times) CHECK(time == expected);
}

TEST_CASE("bounds follow a pipe's rate exactly, the simulation within 2 %") {
  const PipelineFile file = PipelineFile::load("fa4_forward_2cta");
  CycleSolver solver;
  double last_simulated = 0;
  double last_recurrence = 0;
  double last_resource = 0;
  for (const double rate : {64.0, 32.0, 24.0, 16.0, 12.0, 8.0}) {
    Machine machine = test::b200();
    machine.pipes[static_cast<std::size_t>(*machine.find_pipe("xu"))].rate.value = PerCycle(rate);
    const SmCode code = code_of(machine, file);
    const int loop = test::segment_of(code, "full");
    const double recurrence = solver.ratio(segment_graph(code, loop));
    const double resource = resource_bound(code, loop, 1);
    const double simulated = interval(code, "full");
    CHECK(recurrence >= last_recurrence);
    CHECK(resource >= last_resource);
    CHECK(simulated >= 0.98 * last_simulated);
    last_simulated = simulated, last_recurrence = recurrence, last_resource = resource;
  }
}

TEST_CASE("more slots at the same residency never slow a program down by more than 2 %") {
  const PipelineFile file = PipelineFile::load("fa4_forward");
  double last = 1e9;
  for (const double slots : {2.0, 3.0, 4.0, 6.0, 8.0}) {
    const double simulated = interval(code_of(test::b200(), file, {{"kv_slots", slots}}), "full");
    CHECK(simulated <= 1.02 * last);
    last = simulated;
  }
}

TEST_CASE("operands first: a program that shares memory with its products loses, one that hardly does not") {
  const SmCode backward = code_of("fa4_backward");
  CHECK(interval(backward, "full", 1, Arbitration::operands_first) > 1.05 * interval(backward, "full"));
  const SmCode forward = code_of("fa4_forward_2cta");
  CHECK(interval(forward, "full", 1, Arbitration::operands_first) < 1.01 * interval(forward, "full"));
}

TEST_CASE("unlike residents share the SM") {
  const SmCode exponentials = code_of(test::b200(), two_roles(2, 16000, 100));
  const SmCode products = code_of(test::b200(), two_roles(2, 100, 51200));
  Simulator simulator;
  const std::array<SmResident, 2> both{{{&exponentials, 1}, {&products, 1}}};
  const SmResident alone{&exponentials, 1};
  const double together = simulator.run(both).time;
  CHECK(together >= simulator.run({&alone, 1}).time);
  CHECK(together <= 1.05 * simulator.run({&alone, 1}).time);
}

// Roles in a chain or a loop of rings, any work, any depth.
std::string random_program(std::mt19937& random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  const int roles = pick(2, 6);
  std::string text = "name: random\noperator: mask\nroles:\n";
  for (int i = 0; i < roles; ++i) text += fmt::format("  r{}: {{warps: {}, registers: 32}}\n", i, pick(1, 8));
  text += "channels:\n";
  for (int i = 0; i < roles; ++i) {
    const bool loop = i == roles - 1;
    const int depth = pick(1, 4);
    text += fmt::format("  C{}: {{depth: {}, initial: {}}}\n", i, depth, loop ? pick(0, depth) : 0);
  }
  text += "segments:\n  - name: loop\n    count: words\n    ops:\n";
  const char* classes[] = {"exp2", "ffma", "lop3", "lds", "f2fp"};
  for (int i = 0; i < roles; ++i) {
    const int parts = pick(1, 3);
    for (int part = 0; part < parts; ++part) {
      text += fmt::format("      - {{name: o{}{}, role: r{}, does: {{{}: {}}}", i, part, i, classes[pick(0, 4)],
                          pick(0, 20000));
      if (part == 0) text += fmt::format(", takes: [C{}]", (i + roles - 1) % roles);
      if (part == parts - 1) text += fmt::format(", gives: [C{}]", i);
      text += "}\n";
    }
  }
  return text;
}

TEST_CASE("random programs end in bounded time, and deadlock exactly where the checker says so") {
  std::mt19937 random(7);
  Simulator simulator;
  CycleSolver solver;
  int deadlocks = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_program(random);
    CAPTURE(text);
    const PipelineFile file = PipelineFile::from_text(text, "random.yaml");
    const std::array<SequenceParameter, 1> words{{{"words", 200.0}}};
    Diagnostics faults;
    check_rings(file.pipeline(words), faults);
    const SmCode code = code_of(test::b200(), file, {{"words", 200}});
    const SmResident resident{&code, 1};
    const SimulationResult result = simulator.run({&resident, 1});
    CHECK(result.deadlock == faults.has_errors());
    CHECK(std::isfinite(result.time));
    CHECK(result.events < 400000);
    deadlocks += result.deadlock ? 1 : 0;
    if (result.deadlock) continue;
    const double bound = std::max(resource_bound(code, 0, 1), solver.ratio(segment_graph(code, 0)));
    CHECK(result.time >= 0.9995 * bound * 199);
  }
  CHECK(deadlocks > 10);
  CHECK(deadlocks < 200);
}

}  // namespace
}  // namespace perfmodel
