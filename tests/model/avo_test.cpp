// AVO's three published changes (arXiv 2603.24517, Table 1) as edits of its program: signs and order. The sizes hang on
// what the kernel was before each, which is not published; nothing here is fitted to them.
#include <doctest/doctest.h>

#include "tests/model/pipelines.hpp"

namespace perfmodel {
namespace {

// Cycles of an item among others.
double item_time(const std::string& name, std::vector<SequenceParameter> given) {
  const SmCode code = test::code_of(name, std::move(given));
  Simulator simulator;
  const SmResident resident{&code, 1};
  SimulationOptions options;
  options.items = 3;
  const SimulationResult result = simulator.run({&resident, 1}, options);
  return (result.last_item[0] - result.first_item[0]) / 2;
}

double gain_of(const std::string& name, std::vector<SequenceParameter> shape, std::vector<SequenceParameter> before) {
  const double after = item_time(name, shape);
  shape.insert(shape.end(), before.begin(), before.end());
  return item_time(name, shape) / after - 1;
}

const std::vector<SequenceParameter> full{{"full_iterations", 64}, {"masked_iterations", 0}};
const std::vector<SequenceParameter> causal{{"full_iterations", 14}, {"masked_iterations", 2}};
const std::vector<SequenceParameter> branching{{"branchless", 0}};
const std::vector<SequenceParameter> waiting{{"overlap", 0}};
const std::vector<SequenceParameter> old_split{
    {"softmax_registers", 192}, {"correction_registers", 80}, {"other_registers", 48}};

TEST_CASE("without a mask each change gains, branchless rescaling most") {
  const double branchless = gain_of("avo_forward_2cta", full, branching);
  const double overlap = gain_of("avo_forward_2cta", full, waiting);
  const double registers = gain_of("avo_forward_2cta", full, old_split);
  CHECK(branchless > registers);
  CHECK(registers > overlap);
  CHECK(branchless <= 0.12);
  CHECK(registers <= 0.03);
  CHECK(overlap >= -1e-12);  // nothing but rounding
  CHECK(overlap <= 0.03);
}

TEST_CASE("under the causal mask none loses") {
  CHECK(gain_of("avo_forward", causal, branching) >= 0.0);
  CHECK(gain_of("avo_forward", causal, waiting) >= 0.0);
  CHECK(gain_of("avo_forward", causal, waiting) <= 0.03);
  CHECK(gain_of("avo_forward", causal, old_split) >= 0.0);
  CHECK(gain_of("avo_forward", causal, old_split) <= 0.03);
}

}  // namespace
}  // namespace perfmodel
