#include "calibrate/machine_file.hpp"

#include <doctest/doctest.h>

#include "arch/load.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::TemporaryFolder;

Finding finding(std::string key, double value, std::string unit, double spread = 0) {
  Finding found;
  found.probe = "instructions";
  found.case_name = "lop3";
  found.quantity = "throughput";
  found.key = std::move(key);
  found.value = {value, spread, 20};
  found.unit = std::move(unit);
  return found;
}

const MachineSource source{"NVIDIA H200", "h200", "2026-11-24"};

TEST_CASE("the machine file of some findings") {
  CHECK(machine_yaml({finding("pipes.alu.rate", 63.9, "/clk"), finding("dram.read", 0.91, "")}, source) ==
        "# What perfmodel calibrate measured of one card on 2026-11-24; everything else is that of h200.\n"
        "name: \"NVIDIA H200\"\n"
        "based-on: h200\n"
        "dram:\n"
        "  read: {value: 0.91, source: measured, ref: \"perfmodel calibrate, instructions probe: lop3 throughput; "
        "NVIDIA H200, 2026-11-24\"}\n"
        "pipes:\n"
        "  alu: {rate: 63.9 /clk, source: measured, ref: \"perfmodel calibrate, instructions probe: lop3 throughput; "
        "NVIDIA H200, 2026-11-24\"}\n");
}

TEST_CASE("it loads, without a warning, and holds the values") {
  const TemporaryFolder folder;
  Finding quoted = finding("launch.kernel", 1.9, "us");
  quoted.note = "a \"quoted\" remark";
  const std::string path = folder.write(
      "machine.yaml",
      machine_yaml({finding("instructions.imad_wide.latency", 5.1, "clk"), finding("pipes.xu.rate", 15.99, "/clk"),
                    quoted, finding("l2.near_latency", 142, "ns"), finding("power.instruction", 1.1, "pJ")},
                   source));
  const Machine machine = load_machine(path);
  CHECK(check_machine(path).all().empty());
  CHECK(machine.launch.kernel.value.si() == Approx(1.9e-6));
  CHECK(machine.launch.kernel.source == Origin::measured);
  CHECK(machine.l2.near_latency.value.si() == Approx(142e-9));
  const Instruction& wide = machine.instructions[static_cast<std::size_t>(*machine.find_instruction("imad_wide"))];
  CHECK(wide.latency.value.si() == Approx(5.1));
  CHECK(wide.occupies.size() > 1);
  CHECK(machine.sms.value == 132);
}

TEST_CASE("what cannot be used is a comment, and findings without key do not matter") {
  const TemporaryFolder folder;
  Finding nothing = finding("dram.write", 0, "");
  nothing.value = {};
  const std::string text =
      machine_yaml({finding("", 1, "B"), finding("pipes.ALU.rate", 64, "/clk"), finding("pipes.alu.rate", 64, "us"),
                    finding("pipes.xu.rate", 99999, "/clk"), finding("dram.read", 0.9, "", 0.2), nothing},
                   source);
  CHECK(text.find("# pipes.ALU.rate: h200 has no such constant; 64.0000 /clk measured, left out\n") !=
        std::string::npos);
  CHECK(text.find("# pipes.alu.rate: 64.0000 us is not in /clk, left out\n") != std::string::npos);
  CHECK(text.find("# pipes.xu.rate: 99999.0 /clk is outside of") != std::string::npos);
  CHECK(text.find("# dram.read: repetitions disagree about 0.900000, left out\n") != std::string::npos);
  CHECK(text.find("dram.write") == std::string::npos);
  CHECK(load_machine(folder.write("machine.yaml", text)).dram.read.value == load_machine("h200").dram.read.value);
}

TEST_CASE("of two findings of one constant the last that can be used counts") {
  const std::string text =
      machine_yaml({finding("dram.read", 0.8, ""), finding("dram.read", 0.9, ""), finding("dram.read", 7, "")}, source);
  CHECK(text.find("read: {value: 0.9,") != std::string::npos);
  CHECK(text.find("0.8") == std::string::npos);
}

TEST_CASE("device names of the driver") {
  CHECK(shipped_machine("NVIDIA H100 80GB HBM3") == "h100-sxm");
  CHECK(shipped_machine("NVIDIA H200") == "h200");
  CHECK(shipped_machine("NVIDIA GH200 480GB") == "gh200");
  CHECK_FALSE(shipped_machine("NVIDIA H100 PCIe").has_value());
  CHECK_FALSE(shipped_machine("NVIDIA A100-SXM4-80GB").has_value());
}

}  // namespace
}  // namespace perfmodel
