// Programs priced once more with other numbers.
#include "model/priced_program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/model/pipelines.hpp"
#include "workloads/pipeline_file.hpp"

namespace perfmodel {
namespace {

bool same(const SmCode& a, const SmCode& b) {
  const auto op = [](const SmOp& x, const SmOp& y) {
    return x.role == y.role && x.engine == y.engine && x.uses == y.uses && x.first_use == y.first_use &&
           x.first_wait == y.first_wait && x.waits == y.waits && x.first_give == y.first_give && x.gives == y.gives &&
           x.floor == y.floor && x.issue == y.issue && x.give_lag == y.give_lag && x.take_lag == y.take_lag &&
           x.copied == y.copied;
  };
  const auto use = [](const PipeUse& x, const PipeUse& y) { return x.pipe == y.pipe && x.work == y.work; };
  const auto channel = [](const SmChannel& x, const SmChannel& y) {
    return x.depth == y.depth && x.initial == y.initial && x.takers == y.takers;
  };
  const auto segment = [](const SmSegment& x, const SmSegment& y) {
    return x.count == y.count && x.reference == y.reference && x.work == y.work && x.recurrence == y.recurrence;
  };
  return std::ranges::equal(a.ops, b.ops, op) && std::ranges::equal(a.uses, b.uses, use) &&
         std::ranges::equal(a.channels, b.channels, channel) && std::ranges::equal(a.segments, b.segments, segment) &&
         a.gives == b.gives;
}

TEST_CASE("a program priced again is the one priced anew, bit for bit, whatever was priced before") {
  const Machine machine = test::b200();
  const OperatingPoint point = operating_point(machine, machine.clock.datasheet.value);
  std::mt19937 generator(5);
  const auto random = [&](int below) { return static_cast<int>(generator() % static_cast<unsigned>(below)); };
  EvaluatedPipeline evaluated;
  PricedProgram priced;
  for (const char* name : {"avo_forward", "fa4_backward", "avo_forward"}) {
    const PipelineFile file = PipelineFile::load(name);
    const bool forward = std::string_view(name) == "avo_forward";
    for (int i = 0; i < 60; ++i) {
      std::vector<SequenceParameter> given{{"full_iterations", 1.0 + random(20)}};
      if (forward && random(2) == 0) given.push_back({"emulated", random(100) / 200.0});
      if (forward && random(4) == 0) given.push_back({"branchless", double(random(2))});
      if (forward && random(4) == 0) given.push_back({"query_tiles", 1.0 + random(2)});
      if (random(8) == 0) given.push_back({"head_dim", 64});
      file.pipeline(given, evaluated);
      if (random(5) == 0) continue;  // evaluated, but never priced
      if (random(8) == 0) evaluated.pipeline.dtype = Dtype::fp8;
      const SmCode again = *priced.price_again(machine, point, evaluated, OpNames::left_out);
      CAPTURE(name);
      CAPTURE(i);
      CHECK(same(again, price(machine, point, evaluated.pipeline, OpNames::left_out)));
    }
  }
}

}  // namespace
}  // namespace perfmodel
