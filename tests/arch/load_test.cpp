#include "arch/load.hpp"

#include <doctest/doctest.h>

#include "arch/fields.hpp"
#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::error_of;
using test::TemporaryFolder;

std::string load_error(const std::string& file) {
  return error_of([&] { load_machine(file); });
}

// The message without the folder's name.
std::string in_folder(const TemporaryFolder& folder, std::string text) {
  const std::string prefix = folder.path() + "/";
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) {
    text.erase(at, prefix.size());
  }
  return text;
}

TEST_CASE("every shipped machine loads and checks without a warning") {
  const std::vector<std::string> names = machine_names();
  CHECK(names == std::vector<std::string>{"a100-sxm", "b200", "b300", "gb200", "gh200", "h100-sxm", "h200"});
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(check_machine(name).format() == "");
    const Machine machine = load_machine(name);
    CHECK(machine.id == name);
    CHECK(machine.lineage.front() == "nvidia");
    CHECK(machine.lineage.back() == name);
  }
}

TEST_CASE("h100-sxm: values known by hand") {
  const Machine machine = load_machine("h100-sxm", {.calibration = "", .overlay = false});
  CHECK(machine.name == "NVIDIA H100 SXM5 80GB");
  CHECK(machine.sms.value == 132);
  CHECK(machine.sms.source == Origin::datasheet);
  CHECK(machine.clock.maximum.value.si() == doctest::Approx(1.98e9));
  CHECK(machine.tensor.generation == TensorGeneration::wgmma);
  CHECK(machine.dram.bandwidth.value.si() == doctest::Approx(3.35e12));
  CHECK(machine.l2.capacity.value.si() == 50.0 * 1024 * 1024);
  CHECK(machine.shared_memory.maximum_per_cta.value.si() == 227.0 * 1024);
  CHECK(machine.shared_memory.carveouts.value.size() == 10);
  CHECK(machine.power.limit.value.si() == 700.0);
  CHECK_FALSE(machine.tensor.nvfp4.present());
  CHECK_FALSE(machine.tmem.columns.present());
  CHECK_FALSE(machine.find_instruction("ffma2"));
  // The datasheet's 989 TFLOPS.
  const double peak = 132 * (machine.tensor.bf16.value * machine.clock.datasheet.value).si();
  CHECK(peak == doctest::Approx(989.4e12).epsilon(0.001));
}

TEST_CASE("the datasheets' dense peaks and memory bandwidths") {
  struct Row {
    const char* machine;
    double bf16;
    double bandwidth;
    double power;
  };
  for (const Row& row :
       {Row{"a100-sxm", 312e12, 2.039e12, 400}, Row{"h100-sxm", 989.4e12, 3.35e12, 700},
        Row{"h200", 989.4e12, 4.8e12, 700}, Row{"gh200", 989.4e12, 4.0e12, 900}, Row{"b200", 2250e12, 7.7e12, 1000},
        Row{"gb200", 2500e12, 8.0e12, 1200}, Row{"b300", 2465e12, 8.0e12, 1100}}) {
    CAPTURE(row.machine);
    const Machine machine = load_machine(row.machine);
    const double peak =
        static_cast<double>(machine.sms.value) * (machine.tensor.bf16.value * machine.clock.datasheet.value).si();
    CHECK(peak == doctest::Approx(row.bf16).epsilon(0.002));
    CHECK(machine.dram.bandwidth.value.si() == doctest::Approx(row.bandwidth));
    CHECK(machine.power.limit.value.si() == row.power);
  }
}

TEST_CASE("h100-sxm: the wide multiply shuts both halves of the FMA pipe for four clocks and the ALU port for two") {
  const Machine machine = load_machine("h100-sxm");
  const Instruction& wide = machine.instructions.at(static_cast<std::size_t>(*machine.find_instruction("imad_wide")));
  std::vector<std::string> pipes;
  std::vector<double> slots;
  for (const Occupancy& occupancy : wide.occupies) {
    pipes.push_back(machine.pipes.at(static_cast<std::size_t>(occupancy.pipe)).name);
    slots.push_back(occupancy.slots.value);
  }
  CHECK(pipes == std::vector<std::string>{"issue", "fma", "fma_heavy", "alu"});
  CHECK(slots == std::vector<double>{1.0, 4.0, 2.0, 1.0});
}

TEST_CASE("a derived machine inherits what it does not state") {
  const Machine h100 = load_machine("h100-sxm");
  const Machine h200 = load_machine("h200");
  CHECK(h200.lineage == std::vector<std::string>{"nvidia", "h100-sxm", "h200"});
  CHECK(h200.dram.bandwidth.value.si() == doctest::Approx(4.8e12));
  CHECK(h200.dram.ramp.value == h100.dram.ramp.value);
  CHECK(h200.sms.value == h100.sms.value);
  CHECK(h200.instructions.size() == h100.instructions.size());
}

TEST_CASE("b300: twice the exponentials on the same special-function pipe") {
  Machine machine = load_machine("b300");
  CHECK(find_constant(machine, "pipes.xu.rate")->constant.get() == 16.0);
  CHECK(find_constant(machine, "instructions.exp2.occupies.xu")->constant.get() == 0.5);
  CHECK(find_constant(machine, "instructions.rcp.occupies.xu")->constant.get() == 1.0);
  CHECK(find_constant(machine, "instructions.exp2.latency")->constant.get() == 18.0);  // inherited with the class
  CHECK(machine.tmem.columns.value == 512);
}

TEST_CASE("a file may be based on one beside it, and drop what it inherits") {
  const TemporaryFolder folder;
  folder.write("base.yaml", "name: base\nbased-on: h100-sxm\n");
  const std::string file = folder.write("mine.yaml",
                                        "name: mine\nbased-on: base\ntensor: {fp8: absent}\n"
                                        "instructions: {tanh: absent}\n");
  const Machine machine = load_machine(file);
  CHECK(machine.lineage == std::vector<std::string>{"nvidia", "h100-sxm", "base", "mine"});
  CHECK_FALSE(machine.tensor.fp8.present());
  CHECK(machine.tensor.bf16.present());
  CHECK_FALSE(machine.find_instruction("tanh"));
}

TEST_CASE("an unknown machine gets the nearest name") {
  CHECK(error_of([] { load_machine("h100sxm"); }) ==
        "error: unknown machine 'h100sxm'\n"
        "note: did you mean 'h100-sxm'?\n"
        "note: known machines: a100-sxm, b200, b300, gb200, gh200, h100-sxm, h200\n"
        "note: a machine file of your own is named by its path, such as ./my-gpu.yaml\n");
  CHECK(error_of([] { load_machine("nowhere/x.yaml"); }).starts_with("error: no machine file 'nowhere/x.yaml'\n"));
}

TEST_CASE("cyclic based-on names the chain") {
  const TemporaryFolder folder;
  folder.write("a.yaml", "name: a\nbased-on: b\n");
  folder.write("b.yaml", "name: b\nbased-on: c\n");
  folder.write("c.yaml", "name: c\nbased-on: a\n");
  CHECK(in_folder(folder, load_error(folder.file("a.yaml"))) ==
        "c.yaml:2:11: error: cyclic 'based-on': a -> b -> c -> a\n"
        "  based-on: a\n"
        "            ^\n");
  folder.write("self.yaml", "name: self\nbased-on: self\n");
  CHECK(in_folder(folder, load_error(folder.file("self.yaml"))) ==
        "self.yaml:2:11: error: cyclic 'based-on': self -> self\n"
        "  based-on: self\n"
        "            ^\n");
}

TEST_CASE("an unknown base is located") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml", "name: x\nbased-on: h10-sxm\n");
  CHECK(in_folder(folder, load_error(file))
            .starts_with("x.yaml:2:11: error: unknown machine 'h10-sxm'\n"
                         "  based-on: h10-sxm\n"
                         "            ^\n"
                         "note: did you mean 'h100-sxm'?\n"));
}

TEST_CASE("all faults of a file in one run, each with its place") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml",
                                        "name: x\n"
                                        "based-on: h100-sxm\n"
                                        "registers: {per_sub_partitions: {value: 1, source: assumed}}\n"
                                        "dram:\n"
                                        "  capacity: {value: 80 TB/s, source: datasheet}\n"
                                        "  latency: {value: 346, source: measured}\n"
                                        "  read: {value: 0.9}\n"
                                        "power: {limit: 700 W}\n"
                                        "sms: {value: 132.5, source: guess}\n"
                                        "l2: {line: {value: 1 B, source: assumed}}\n");
  CHECK(in_folder(folder, load_error(file)) == R"(x.yaml:3:13: error: unknown key 'per_sub_partitions' in 'registers'
  registers: {per_sub_partitions: {value: 1, source: assumed}}
              ^
note: did you mean 'per_sub_partition'?
note: known keys: per_sub_partition, maximum_per_thread, allocation_unit
x.yaml:5:24: error: 'dram.capacity': '80 TB/s' is in B/s, expected B
    capacity: {value: 80 TB/s, source: datasheet}
                         ^
x.yaml:6:20: error: 'dram.latency': unit missing after '346', write it in s
    latency: {value: 346, source: measured}
                     ^
x.yaml:7:9: error: missing key 'source' in dram.read
    read: {value: 0.9}
          ^
x.yaml:8:16: error: power.limit has no source
  power: {limit: 700 W}
                 ^
note: write {value: 700 W, source: datasheet, ref: "..."}; the sources are datasheet, measured, derived, published, assumed and fitted
x.yaml:9:14: error: 'sms': expected an integer, not '132.5'
  sms: {value: 132.5, source: guess}
               ^
x.yaml:9:29: error: 'source': unknown value 'guess'
  sms: {value: 132.5, source: guess}
                              ^
note: known values: datasheet, measured, derived, published, assumed, fitted
x.yaml:10:20: error: l2.line of 1 B is not plausible
  l2: {line: {value: 1 B, source: assumed}}
                     ^
note: plausible: 32 B to 512 B
)");
}

TEST_CASE("an unknown group is located") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml", "name: x\nbased-on: h100-sxm\nlunch: {}\n");
  CHECK(in_folder(folder, load_error(file))
            .starts_with("x.yaml:3:1: error: unknown key 'lunch' in the machine\n"
                         "  lunch: {}\n"
                         "  ^\n"
                         "note: did you mean 'launch'?\n"
                         "note: known keys: name, based-on, "));
}

TEST_CASE("relations between constants show both places") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml",
                                        "name: x\nbased-on: h100-sxm\n"
                                        "power: {limit: {value: 100 W, source: assumed, ref: a}}\n");
  const std::string text = in_folder(folder, load_error(file));
  CHECK(text.find("error: power.idle (119 W) exceeds power.limit (100 W)\n") != std::string::npos);
  CHECK(text.find("x.yaml:3:16: note: power.limit is set here\n") != std::string::npos);
}

TEST_CASE("constants that are missing or do not apply") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml",
                                        "name: x\nbased-on: h100-sxm\n"
                                        "sms: absent\n"
                                        "tmem: {columns: {value: 512, source: assumed, ref: a}}\n");
  CHECK(in_folder(folder, load_error(file)) ==
        R"(x.yaml: error: missing constant sms: streaming multiprocessors (SMs) enabled
x.yaml:4:17: error: tmem.columns does not apply to a GPU of the tensor generation wgmma
  tmem: {columns: {value: 512, source: assumed, ref: a}}
                  ^
note: it belongs to tcgen05 GPUs; write 'columns: absent' to drop an inherited one
)");
}

TEST_CASE("instruction classes name pipes that exist") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml",
                                        "name: x\nbased-on: h100-sxm\n"
                                        "instructions:\n"
                                        "  ffma: {occupies: {fmaa: 1}, latency: 4, source: assumed, ref: a}\n"
                                        "  new: {latency: 4 clk, source: assumed, ref: a}\n"
                                        "  bar: {occupies: {}}\n");
  const std::string text = in_folder(folder, load_error(file));
  CHECK(text.find("x.yaml:4:21: error: unknown pipe 'fmaa' in 'occupies'\n") != std::string::npos);
  CHECK(text.find("note: did you mean 'fma'?\n") != std::string::npos);
  CHECK(text.find("x.yaml:5:8: error: missing key 'occupies' in instructions.new\n") != std::string::npos);
  CHECK(text.find("x.yaml:6:8: error: missing key 'source' in instructions.bar\n") != std::string::npos);
}

TEST_CASE("values of the wrong kind are faults, not crashes") {
  const TemporaryFolder folder;
  const std::string head = "name: x\nbased-on: h100-sxm\n";
  for (const char* body :
       {"dram: 3", "dram: []", "dram:", "dram: {read: []}", "dram: {read: {value: [], source: []}}",
        "dram: {read: {value: .nan, source: assumed}}", "pipes: []", "pipes: {alu: 3}", "pipes: {alu: {rate: 0 /clk}}",
        "pipes: {new: absent}", "instructions: {x: 3}", "instructions: {x: {occupies: [], source: assumed}}",
        "instructions: {lop3: {occupies: {alu: -1}, source: assumed}}", "tensor: {generation: 7}",
        "shared_memory: {carveouts: 3}", "shared_memory: {carveouts: {value: [3 KiB, 1 KiB], source: assumed}}",
        "shared_memory: {carveouts: absent}", "sms: {value: 9223372036854775808, source: assumed}"}) {
    CAPTURE(body);
    const std::string file = folder.write("x.yaml", head + body + "\n");
    CHECK(load_error(file).find("error: ") != std::string::npos);
  }
  for (const char* text : {"", "3", "[]", "name: x\nbased-on: []\n", "name: x\nbased-on: ''\n", "name: x\n",
                           "name: []\nbased-on: h100-sxm\n"}) {
    CAPTURE(text);
    CHECK(load_error(folder.write("x.yaml", text)).find("error: ") != std::string::npos);
  }
}

TEST_CASE("a constant without reference is a warning of the check") {
  const TemporaryFolder folder;
  const std::string file = folder.write("x.yaml", "name: x\nbased-on: h100-sxm\nsms: {value: 120, source: assumed}\n");
  CHECK(load_machine(file).sms.value == 120);
  CHECK(check_machine(file).format() == "warning: x: sms has no reference\n");
}

}  // namespace
}  // namespace perfmodel
