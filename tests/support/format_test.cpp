#include "support/format.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace perfmodel {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST_CASE("durations take the prefix their size asks for") {
  CHECK(format_time(Seconds(0)) == "0 s");
  CHECK(format_time(Seconds(0.4e-9)) == "0.400 ns");
  CHECK(format_time(Seconds(12.34e-9)) == "12.3 ns");
  CHECK(format_time(Seconds(12.34e-6)) == "12.3 us");
  CHECK(format_time(Seconds(1.5e-3)) == "1.50 ms");
  CHECK(format_time(Seconds(123.4)) == "123 s");
  CHECK(format_time(Seconds(12345)) == "12345 s");
  CHECK(format_time(Seconds(-1.5e-3)) == "-1.50 ms");
  CHECK(format_time(Seconds(infinity)) == "-");
}

TEST_CASE("rounding moves on to the next prefix") {
  CHECK(format_time(Seconds(999.4e-6)) == "999 us");
  CHECK(format_time(Seconds(999.6e-6)) == "1.00 ms");
  CHECK(format_time(Seconds(9.996e-6)) == "10.0 us");
  CHECK(format_bytes(Bytes(1023.7 * 1024)) == "1.00 MiB");
}

TEST_CASE("sizes are binary, rates decimal") {
  CHECK(format_bytes(Bytes(96)) == "96 B");
  CHECK(format_bytes(Bytes(1536)) == "1.50 KiB");
  CHECK(format_bytes(Bytes(50.0 * 1048576)) == "50.0 MiB");
  CHECK(format_rate(BytesPerSecond(3.35e12)) == "3.35 TB/s");
  CHECK(format_rate(FlopsPerSecond(989.4e12)) == "989 TFLOPS");
  CHECK(format_rate(BytesPerCycle(128)) == "128 B/clk");
  CHECK(format_rate(FlopsPerCycle(4096)) == "4096 FLOP/clk");
  CHECK(format_rate(PerCycle(64)) == "64.0 /clk");
  CHECK(format_flops(Flops(1.1e12)) == "1.10 TFLOP");
  CHECK(format_clock(Hertz(1.98e9)) == "1980 MHz");
  CHECK(format_power(Watts(700)) == "700 W");
  CHECK(format_energy(Joules(0.8e-12)) == "0.800 pJ");
  CHECK(format_cycles(Cycles(1234)) == "1234 clk");
  CHECK(format_percent(0.1234) == "12.3 %");
  CHECK(format_percent(0.99951) == "100 %");
  CHECK(format_percent(1.5) == "150 %");
}

TEST_CASE("plain numbers") {
  CHECK(format_significant(0.1234) == "0.123");
  CHECK(format_significant(0.09996) == "0.100");
  CHECK(format_significant(1234.0) == "1234");
  CHECK(format_significant(1e-7) == "1.00e-07");
  CHECK(format_significant(-0.5, 2) == "-0.50");
  CHECK(format_exact(0.1) == "0.1");
  CHECK(format_exact(1.0 / 3.0) == "0.3333333333333333");
  CHECK(format_exact(4096.0) == "4096");
  CHECK(format_exact(infinity) == "");
}

}  // namespace
}  // namespace perfmodel
