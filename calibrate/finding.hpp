// One measured quantity of a probe, as a row of probes.csv:
//
//     probe,case,quantity,value,unit,spread,samples,sm_mhz,power_w,temperature_c,sass,key,note
//     instruction,lop3,throughput,63.7,/clk,0.001,20,1980,161,38,checked,pipes.alu.rate,
//     wgmma,bf16 n=256 ss,interval,128.0,clk,0,20,1830,310,41,checked,,
//
// Values are in the unit named beside them. A quantity whose repetitions disagree has no value, and the note says so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "calibrate/summary.hpp"
#include "support/units.hpp"

namespace perfmodel {

// Whether the instructions of the kernel behind a figure are those that its name says, as the disassembler sees it.
enum class SassCheck : std::uint8_t { unchecked, checked };
std::string_view sass_check_name(SassCheck check);

// The state of the card around a measurement.
struct CardState {
  Hertz sm_clock;
  Hertz memory_clock;
  Watts power;
  double temperature = 0;  // degrees Celsius
};

struct Finding {
  std::string probe;      // the theme: "instruction", "wgmma", "residency"
  std::string case_name;  // what was varied, "bf16 n=256 ss"; unique with the quantity within a probe
  std::string quantity;   // "throughput", "latency", "slowdown"
  Summary value;
  std::string unit;  // as parse_quantity reads it, "" for a plain number
  CardState card;
  SassCheck sass = SassCheck::unchecked;
  std::string key;   // the machine constant that it measures, "pipes.alu.rate"; else empty
  std::string note;  // a plain answer or a condition, one line
};

// All rows as CSV, header first.
std::string findings_csv(const std::vector<Finding>& findings);

// Reads it back. Throws InputError with every fault.
std::vector<Finding> load_findings(const std::string& path);

}  // namespace perfmodel
