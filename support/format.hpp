// Numbers for people: three significant digits with the prefix chosen by size. Durations in ns, us, ms, s; sizes
// binary (KiB, MiB, GiB); rates, energy and clocks decimal. Machine-readable output prints si() instead.
#pragma once

#include <string>

#include "support/units.hpp"

namespace perfmodel {

std::string format_time(Seconds time);         // "12.3 us"
std::string format_bytes(Bytes bytes);         // "1.50 MiB"; below 1 KiB "96 B"
std::string format_rate(BytesPerSecond rate);  // "3.35 TB/s"
std::string format_rate(FlopsPerSecond rate);  // "989 TFLOPS"
std::string format_rate(BytesPerCycle rate);   // "128 B/clk"
std::string format_rate(FlopsPerCycle rate);   // "4096 FLOP/clk"
std::string format_rate(PerCycle rate);        // "64.0 /clk"
std::string format_flops(Flops flops);         // "1.10 TFLOP"
std::string format_clock(Hertz clock);         // "1980 MHz", always in MHz
std::string format_power(Watts power);         // "700 W"
std::string format_energy(Joules energy);      // "0.800 pJ"
std::string format_cycles(Cycles cycles);      // "1234 clk"
std::string format_percent(double fraction);   // 0.1234 -> "12.3 %"; from 100 % on without decimals

// The plain number with `digits` significant digits, never in exponent notation between 1e-4 and 1e15: "0.123".
// NaN and infinities print as "-".
std::string format_significant(double value, int digits = 3);

// The shortest text that reads back as the same double: for JSON and CSV. NaN and infinities give "".
std::string format_exact(double value);

}  // namespace perfmodel
