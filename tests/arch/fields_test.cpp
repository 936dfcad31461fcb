#include "arch/fields.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "arch/load.hpp"
#include "arch/schema.hpp"
#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

using test::error_of;

TEST_CASE("every field has a key of its own, a range and a meaning") {
  std::set<std::string> keys;
  Machine machine;
  for (const Field& field : fields()) {
    CAPTURE(field.key);
    CHECK(keys.insert(field.key).second);
    CHECK(field.low < field.high);
    CHECK(field.doc.size() >= 10);
    CHECK((field.dimension == Dimension{}) == field.unit.empty());
    if (field.access != nullptr) {
      CHECK(field.access(machine).dimension() == field.dimension);
      CHECK_FALSE(field.access(machine).present());
    }
  }
  CHECK(pipe_rate_field().key == "pipes.*.rate");
  CHECK(occupies_field().key == "instructions.*.occupies.*");
  CHECK(latency_field().key == "instructions.*.latency");
  CHECK(energy_field().key == "instructions.*.energy");
}

TEST_CASE("constants are found by key, set and listed") {
  Machine machine = load_machine("h100-sxm");
  auto bandwidth = find_constant(machine, "dram.bandwidth");
  REQUIRE(bandwidth);
  CHECK(bandwidth->constant.get() == doctest::Approx(3.35e12));
  bandwidth->constant.set(4e12);
  CHECK(machine.dram.bandwidth.value == BytesPerSecond(4e12));
  CHECK(machine.dram.bandwidth.source == Origin::datasheet);
  CHECK_FALSE(find_constant(machine, "dram"));
  CHECK_FALSE(find_constant(machine, "pipes.nope.rate"));
  CHECK_FALSE(find_constant(machine, "instructions.exp2.occupies.alu"));
  REQUIRE(find_constant(machine, "tensor.nvfp4"));
  CHECK_FALSE(find_constant(machine, "tensor.nvfp4")->constant.present());

  std::set<std::string> keys;
  for (const NamedConstant& named : present_constants(machine)) {
    CAPTURE(named.key);
    CHECK(named.constant.present());
    CHECK(keys.insert(named.key).second);
    const auto found = find_constant(machine, named.key);
    REQUIRE(found);
    CHECK(found->constant.get() == named.constant.get());
    CHECK(found->field == named.field);
  }
  CHECK(keys.count("pipes.xu.rate") == 1);
  CHECK(keys.count("instructions.imad_wide.occupies.alu") == 1);
  CHECK(keys.count("tensor.nvfp4") == 0);
}

TEST_CASE("counts are rounded to integers") {
  Machine machine = load_machine("h100-sxm");
  find_constant(machine, "sms")->constant.set(133.6);
  CHECK(machine.sms.value == 134);
}

TEST_CASE("what-if settings read units and become assumptions") {
  Machine machine = load_machine("h100-sxm");
  set_constant(machine, "dram.bandwidth", "100 TB/s");  // beyond the plausible range: that is what what-ifs are for
  CHECK(machine.dram.bandwidth.value.si() == doctest::Approx(1e14));
  CHECK(machine.dram.bandwidth.source == Origin::assumed);
  set_constant(machine, "pipes.xu.rate", "32 /clk");
  CHECK(machine.pipes.at(static_cast<std::size_t>(*machine.find_pipe("xu"))).rate.value.si() == 32.0);
  set_constant(machine, "sms", "264");
  CHECK(machine.sms.value == 264);
  set_constant(machine, "launch.stream", "0 us");
  CHECK(machine.launch.stream.value.si() == 0.0);
}

TEST_CASE("faults of what-if settings") {
  Machine machine = load_machine("h100-sxm");
  CHECK(error_of([&] { set_constant(machine, "dram.bandwith", "4 TB/s"); }) ==
        "error: unknown machine constant 'dram.bandwith'\n"
        "note: did you mean 'dram.bandwidth'?\n"
        "note: 'perfmodel arch show h100-sxm' lists the constants of this machine\n");
  CHECK(error_of([&] { set_constant(machine, "dram.bandwidth", "4 TB"); }) ==
        "error: '4 TB' of dram.bandwidth: '4 TB' is in B, expected B/s\n");
  CHECK(error_of([&] { set_constant(machine, "dram.bandwidth", "0 TB/s"); }) ==
        "error: dram.bandwidth must be above 0, not '0 TB/s'\n");
  CHECK(error_of([&] { set_constant(machine, "launch.stream", "-1 us"); }) ==
        "error: launch.stream must be at least 0, not '-1 us'\n");
  CHECK(error_of([&] { set_constant(machine, "tensor.nvfp4", "16384 FLOP/clk"); }) ==
        "error: tensor.nvfp4 does not apply to h100-sxm\n");
  CHECK(error_of([&] { set_constant(machine, "sms", "9223372036854775807"); }) ==
        "error: sms of 9223372036854775807 is far from plausible\n"
        "note: plausible: 1 to 1024; a setting may leave that by a factor of 1000\n");
}

TEST_CASE("what-if factors multiply a constant, or every rate of a section") {
  Machine machine = load_machine("h100-sxm");
  const Machine before = machine;
  scale_constant(machine, "dram.bandwidth", 1.5);
  CHECK(machine.dram.bandwidth.value.si() == doctest::Approx(1.5 * before.dram.bandwidth.value.si()));
  CHECK(machine.dram.bandwidth.source == Origin::assumed);
  scale_constant(machine, "tensor.*", 2.0);
  CHECK(machine.tensor.bf16.value == 2.0 * before.tensor.bf16.value);
  CHECK(machine.tensor.fp8.value == 2.0 * before.tensor.fp8.value);
  CHECK_FALSE(machine.tensor.nvfp4.present());
  CHECK(machine.tensor.rows.value == before.tensor.rows.value);          // a size
  CHECK(machine.tensor.latency.value == before.tensor.latency.value);    // a time
  scale_constant(machine, "pipes.*", 0.5);
  for (std::size_t i = 0; i < machine.pipes.size(); ++i) {
    CHECK(machine.pipes[i].rate.value == 0.5 * before.pipes[i].rate.value);
  }
  scale_constant(machine, "sms", 0.5);
  CHECK(machine.sms.value == 66);
  CHECK(error_of([&] { scale_constant(machine, "sms", 1.75); }) ==
        "error: sms times 1.75 is 115.5, not a whole number\n");
  CHECK(error_of([&] { scale_constant(machine, "tensr.*", 2); }) == "error: h100-sxm has no rates in 'tensr.*'\n");
  CHECK(error_of([&] { scale_constant(machine, "tensor.bf17", 2); }) ==
        "error: unknown machine constant 'tensor.bf17'\n"
        "note: did you mean 'tensor.bf16'?\n"
        "note: 'perfmodel arch show h100-sxm' lists the constants of this machine\n");
  CHECK(error_of([&] { scale_constant(machine, "l2.bandwidth", 1e9); }).find("is far from plausible") !=
        std::string::npos);
}

TEST_CASE("docs/arch-schema.md is current") {
  std::ostringstream page;
  page << std::ifstream(PERFMODEL_ROOT_DIR "/docs/arch-schema.md").rdbuf();
  INFO("perfmodel arch schema > docs/arch-schema.md writes it anew");
  CHECK(page.str() == schema_page());
}

TEST_CASE("the schema page names every key") {
  const std::string page = schema_page();
  for (const Field& field : fields()) {
    CHECK(page.find("| `" + field.key + "` |") != std::string::npos);
  }
}

}  // namespace
}  // namespace perfmodel
