#include "arch/overlay.hpp"

#include <doctest/doctest.h>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::error_of;
using test::TemporaryFolder;

constexpr std::string_view overlay_head =
    "machine: base\n"
    "fit:\n"
    "  date: 2026-11-22\n"
    "  command: perfmodel fit --arch base\n"
    "  tables:\n"
    "    gemm.csv: 0123abcd\n";

// base.yaml with an overlay, derived.yaml without one of its own.
struct Machines {
  TemporaryFolder folder;

  explicit Machines(std::string_view constants) {
    folder.write("base.yaml", "name: base\nbased-on: h100-sxm\n");
    folder.write("derived.yaml",
                 "name: derived\nbased-on: base\ndram: {write: {value: 0.8, source: measured, ref: probe}}\n");
    std::filesystem::create_directory(folder.file("fitted"));
    folder.write("fitted/base.yaml", std::string(overlay_head) + std::string(constants));
  }
};

TEST_CASE("the overlay's values are fitted ones and carry their origin") {
  const Machines machines(
      "constants:\n  dram.read: 0.876\n  pipes.alu.rate: 63 /clk\n"
      "residuals:\n  - {operator: gemm, regime: cold, limiter: tensor, n: 12, q05: -0.1, q50: 0, "
      "q95: 0.1}\n");
  Machine machine = load_machine(machines.folder.file("base.yaml"));
  CHECK(machine.dram.read.value == 0.876);
  CHECK(machine.dram.read.source == Origin::fitted);
  CHECK(machine.dram.read.ref == "fit of base, 2026-11-22");
  CHECK(find_constant(machine, "pipes.alu.rate")->constant.get() == 63.0);
  CHECK(machine.calibration.machine == "base");
  CHECK(machine.calibration.command == "perfmodel fit --arch base");
  REQUIRE(machine.calibration.tables.size() == 1);
  CHECK(machine.calibration.tables[0].hash == "0123abcd");
  REQUIRE(machine.calibration.residuals.size() == 1);
  CHECK(machine.calibration.residuals[0].op == "gemm");
  CHECK(machine.calibration.residuals[0].n == 12);
  CHECK(machine.calibration.residuals[0].q95 == 0.1);

  const MachineOptions without{.calibration = "", .overlay = false};
  CHECK(load_machine(machines.folder.file("base.yaml"), without).dram.read.source != Origin::fitted);
}

TEST_CASE("a derived machine takes its base's overlay, and its own constants win over it") {
  const Machines machines("constants: {dram.read: 0.876, dram.write: 0.877}\n");
  const Machine machine = load_machine(machines.folder.file("derived.yaml"));
  CHECK(machine.calibration.machine == "base");
  CHECK(machine.dram.read.value == 0.876);
  CHECK(machine.dram.write.value == 0.8);
  CHECK(machine.dram.write.source == Origin::measured);
}

TEST_CASE("--calibration replaces the shipped overlay") {
  const Machines machines("constants: {dram.read: 0.876}\n");
  const std::string mine =
      machines.folder.write("mine.yaml", std::string(overlay_head) + "constants: {dram.copy: 0.7}\n");
  const Machine machine = load_machine(machines.folder.file("derived.yaml"), {.calibration = mine, .overlay = true});
  CHECK(machine.dram.read.value != 0.876);
  CHECK(machine.dram.copy.value == 0.7);
  CHECK(machine.calibration.file == mine);
  CHECK(error_of([&] { load_machine("b200", {.calibration = mine, .overlay = true}); }) ==
        mine +
            ":1:10: error: this overlay belongs to 'base', not to 'b200' or to a machine that it is based on\n"
            "  machine: base\n"
            "           ^\n");
}

TEST_CASE("faults of an overlay") {
  const Machines machines(
      "constants:\n"
      "  dram.reed: 0.9\n"
      "  dram.read: 1.7\n"
      "  dram.bandwidth: 3 TB\n"
      "residuals:\n"
      "  - {operator: gemm, regime: cold, limiter: l2, n: 0, q05: 2, q50: 0, q95: 1}\n");
  std::string text = error_of([&] { load_machine(machines.folder.file("base.yaml")); });
  const std::string name = machines.folder.file("fitted/base.yaml");
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name)) {
    text.replace(at, name.size(), "F");
  }
  CHECK(text == R"(F:8:3: error: unknown constant 'dram.reed' of base
    dram.reed: 0.9
    ^
note: did you mean 'dram.read'?
F:9:14: error: dram.read of 1.7 is not plausible
    dram.read: 1.7
               ^
note: plausible: 0.5 to 1
F:10:21: error: 'dram.bandwidth': '3 TB' is in B, expected B/s
    dram.bandwidth: 3 TB
                      ^
F:12:52: error: 'n': expected a positive integer, not '0'
    - {operator: gemm, regime: cold, limiter: l2, n: 0, q05: 2, q50: 0, q9...
                                                     ^
F:12:5: error: the quantiles q05, q50 and q95 must not fall
    - {operator: gemm, regime: cold, limiter: l2, n: 0, q05: 2, q50: 0, q9...
      ^
)");
}

TEST_CASE("an overlay that is written reads back") {
  const Machines machines("constants: {}\n");
  Machine machine = load_machine(machines.folder.file("base.yaml"));
  machine.dram.read.value = 0.8765432;
  find_constant(machine, "launch.kernel")->constant.set(0.9e-6);
  machine.calibration.residuals = {{"gemm", "cold", "tensor", 12, -0.1, 0.01, 0.123}};
  const std::string text = format_overlay(machine, {"dram.read", "launch.kernel", "pipes.alu.rate"});
  CHECK(text == R"(# Written by the fit; do not edit.
machine: base
fit:
  date: 2026-11-22
  command: perfmodel fit --arch base
  tables:
    gemm.csv: 0123abcd
constants:
  dram.read: 0.876543
  launch.kernel: 0.9 us
  pipes.alu.rate: 64 /clk
residuals:
  - {operator: gemm, regime: cold, limiter: tensor, n: 12, q05: -0.1000, q50: 0.0100, q95: 0.1230}
)");
  machines.folder.write("fitted/base.yaml", text);
  const Machine again = load_machine(machines.folder.file("base.yaml"));
  CHECK(again.dram.read.value == doctest::Approx(0.8765432).epsilon(1e-6));
  CHECK(again.launch.kernel.value.si() == doctest::Approx(0.9e-6));
  CHECK(format_overlay(again, {"dram.read", "launch.kernel", "pipes.alu.rate"}) == text);
}

}  // namespace
}  // namespace perfmodel
