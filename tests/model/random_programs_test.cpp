// Random programs of every part of the language: engines, several segments, looks ahead, rings in a loop, registers
// left out. Whatever comes out, they end in bounded time with a finite answer, or deadlock and the checker says so.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <random>

#include "model/pipeline_kernel.hpp"
#include "tests/model/pipelines.hpp"
#include "workloads/pipeline_check.hpp"

namespace perfmodel {
namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string program() {
    roles_ = pick(2, 5);
    loop_ = pick(0, 2) > 0;
    std::string text = "name: random\noperator: gemm\ntensor: wgmma\ncta_tile: {m: 64, n: 64, k: 64}\n";
    text += fmt::format("ctas_per_sm: {}\npersistent: {}\nroles:\n", pick(1, 2), pick(0, 1) > 0 ? "true" : "false");
    for (int i = 0; i < roles_; ++i) {
      const std::string registers = pick(0, 1) > 0 ? fmt::format(", registers: {}", 8 * pick(4, 16)) : "";
      text += fmt::format("  r{}: {{warps: {}{}}}\n", i, pick(1, 4), registers);
    }
    text += "channels:\n";
    depths_.clear();
    for (int i = 0; i < roles_; ++i) {
      depths_.push_back(pick(1, 4));
      const bool back = i == roles_ - 1;
      if (back && !loop_) continue;
      text += fmt::format("  C{}: {{depth: {}, initial: {}}}\n", i, depths_.back(), back ? pick(0, depths_.back()) : 0);
    }
    text += "segments:\n";
    const int segments = pick(1, 3);
    for (int i = 0; i < segments; ++i) text += segment(i);
    return text;
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

  std::string segment(int index) {
    static constexpr const char* counts[] = {"1", "k_iterations", "2 * k_iterations", "max(0, k_iterations - 3)"};
    std::string text = fmt::format("  - name: s{}\n    count: {}\n    ops:\n", index, counts[pick(0, 3)]);
    for (int role = 0; role < roles_; ++role) {
      const int parts = pick(1, 3);
      for (int part = 0; part < parts; ++part) text += op(index, role, part, parts);
    }
    return text;
  }

  std::string op(int segment, int role, int part, int parts) {
    std::string text = fmt::format("      - {{name: o{}{}{}, role: r{}, {}", segment, role, part, role, work());
    const bool takes = role > 0 || loop_;
    const int from = (role + roles_ - 1) % roles_;
    if (part == 0 && takes) text += fmt::format(", takes: [C{}]", from);
    if (part > 0 && takes && pick(0, 5) == 0 && depths_[static_cast<std::size_t>(from)] > 1) {
      text += fmt::format(", reads: [C{}]", from);
    }
    if (part == parts - 1 && (role < roles_ - 1 || loop_)) text += fmt::format(", gives: [C{}]", role);
    return text + "}\n";
  }

  std::string work() {
    static constexpr const char* classes[] = {"exp2", "ffma", "lop3", "lds", "imad_wide"};
    switch (pick(0, 5)) {
      case 0: return fmt::format("async: tma, does: {{load: {}}}", pick(0, 40000));
      case 1: return fmt::format("async: tma, does: {{store: {}}}", pick(1, 40000));
      case 2:
        return fmt::format("async: tensor, is: gemm, does: {{mma: [{}, {}, 64]}}", 64 * pick(1, 3), 8 * pick(1, 32));
      case 3:
        return fmt::format("is: gemm, does: {{mma_sync: [{}, {}, 16], ldsm: {}}}", 16 * pick(1, 8), 8 * pick(1, 16),
                           pick(0, 400));
      default: return fmt::format("does: {{{}: {}}}", classes[pick(0, 4)], pick(0, 20000));
    }
  }

  std::mt19937 random_;
  int roles_ = 0;
  bool loop_ = false;
  std::vector<int> depths_;
};

struct Outcome {
  int deadlocks = 0;
  int refused = 0;
  int ran = 0;
  int compared = 0;
  int apart = 0;  // by more than 2 % from what the simulation of every iteration gives
};

void check_one(const std::string& text, Outcome& outcome) {
  CAPTURE(text);
  const PipelineFile file = PipelineFile::from_text(text, "random.yaml");
  const std::array<SequenceParameter, 1> length{{{"k_iterations", 150.0}}};
  const Pipeline pipeline = file.pipeline(length);
  Diagnostics faults;
  check_rings(pipeline, faults);
  const std::string found = faults.format();
  const bool unplayable = faults.has_errors() && found.find("deadlock") == std::string::npos;
  if (unplayable) {  // a ring out of balance; such a program is refused before it is simulated
    ++outcome.refused;
    CHECK_FALSE(unsuitable(test::h100_machine(), pipeline).empty());
    return;
  }
  const SmCode code = price(test::h100_machine(), operating_point(test::h100_machine(), Hertz(1.83e9)), pipeline);
  for (const int ctas : {1, 2}) {
    const SmResident resident{&code, ctas};
    Simulator simulator;
    SimulationOptions options;
    options.items = 2;
    const SimulationResult result = simulator.run({&resident, 1}, options);
    CHECK(result.deadlock == faults.has_errors());
    CHECK(std::isfinite(result.time));
    CHECK(result.time >= 0);
    CHECK(result.events < options.most_events);
    if (result.deadlock) continue;
    const double bound = options.items * item_time(code, ctas, Fidelity::bound).item;
    CHECK(result.time >= 0.9999 * bound);
    SimulationOptions every = options;
    every.skip = false;
    const SimulationResult full = simulator.run({&resident, 1}, every);
    CHECK_FALSE(full.deadlock);
    CHECK(full.time >= 0.9999 * bound);
    ++outcome.compared;
    if (std::abs(result.time / full.time - 1) > 0.02) ++outcome.apart;
  }
  outcome.deadlocks += faults.has_errors() ? 1 : 0;
  outcome.ran += faults.has_errors() ? 0 : 1;
}

TEST_CASE("random programs end, finite, and deadlock exactly where the checker says so") {
  Generator generator(20261127);
  Outcome outcome;
  for (int i = 0; i < 400; ++i) check_one(generator.program(), outcome);
  CHECK(outcome.ran > 50);
  CHECK(outcome.deadlocks > 20);
  // Where two CTAs or two queues have more than one steady state, a jump may land in another.
  CHECK(outcome.apart <= 0.01 * outcome.compared);
  MESSAGE(outcome.apart, " of ", outcome.compared, " programs are off by more than 2 % where repetitions are left out");
}

TEST_CASE("faster pipes do not slow a shipped program down by more than 2 %") {
  int cases = 0;
  int against = 0;
  for (const std::string& name : pipeline_names()) {
    const PipelineFile file = PipelineFile::load(name);
    const Pipeline pipeline = file.pipeline();
    const Machine& base = pipeline.tensor == "tcgen05" ? test::b200() : test::h100_machine();
    const auto item = [&](const Machine& machine) {
      return item_time(*code_of(machine, pipeline), pipeline.ctas_per_sm, Fidelity::simulated).item;
    };
    const double before = item(base);
    for (std::size_t pipe = 0; pipe < base.pipes.size(); ++pipe) {
      CAPTURE(name);
      CAPTURE(base.pipes[pipe].name);
      double last = before;
      for (const double factor : {1.25, 1.5, 2.0}) {
        Machine machine = base;
        machine.pipes[pipe].rate.value = PerCycle(factor * base.pipes[pipe].rate.value.si());
        const double now = item(machine);
        CAPTURE(factor);
        ++cases;
        if (now > 1.02 * last) {
          ++against;
          MESSAGE(name, ", ", base.pipes[pipe].name, " at ", factor, ": ", now, " clk after ", last);
        }
        CHECK(now <= 1.1 * last);
        last = std::min(last, now);
      }
    }
  }
  // Two CTAs that share pipes by age may fall into another step: one case of 500.
  CHECK(cases > 400);
  CHECK(against <= 2);
}

TEST_CASE("random programs are explained without a fault") {
  Generator generator(3);
  int explained = 0;
  for (int i = 0; i < 60 && explained < 12; ++i) {
    const std::string text = generator.program();
    CAPTURE(text);
    const Pipeline pipeline = PipelineFile::from_text(text, "random.yaml").pipeline();
    Diagnostics faults;
    check_rings(pipeline, faults);
    if (faults.has_errors()) continue;
    const SmExplanation found =
        explain(price(test::h100_machine(), operating_point(test::h100_machine(), Hertz(1.83e9)), pipeline), 1);
    CHECK(std::isfinite(found.interval));
    CHECK(found.interval >= 0.995 * std::max(found.resource_bound, found.recurrence_bound));
    CHECK_FALSE(cycle_words(found).empty());
    for (const Relaxation& relaxed : found.relaxations) CHECK(std::isfinite(relaxed.interval));
    ++explained;
  }
  CHECK(explained == 12);
}

}  // namespace
}  // namespace perfmodel
