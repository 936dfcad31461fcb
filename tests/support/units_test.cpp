#include "support/units.hpp"

#include <doctest/doctest.h>

#include <type_traits>

namespace perfmodel {
namespace {

// The algebra is checked by the compiler.
static_assert(std::is_same_v<decltype(Bytes(6) / Seconds(2)), BytesPerSecond>);
static_assert(std::is_same_v<decltype(Cycles(1) / Seconds(1)), Hertz>);
static_assert(std::is_same_v<decltype(Cycles(1) / Hertz(1)), Seconds>);
static_assert(std::is_same_v<decltype(Seconds(1) * Hertz(1)), Cycles>);
static_assert(std::is_same_v<decltype(BytesPerCycle(1) * Hertz(1)), BytesPerSecond>);
static_assert(std::is_same_v<decltype(FlopsPerSecond(1) / Hertz(1)), FlopsPerCycle>);
static_assert(std::is_same_v<decltype(JoulesPerFlop(1) * FlopsPerSecond(1)), Watts>);
static_assert(std::is_same_v<decltype(JoulesPerByte(1) * Bytes(1)), Joules>);
static_assert(std::is_same_v<decltype(Joules(1) / Seconds(1)), Watts>);
static_assert(std::is_same_v<decltype(Flops(1) / Bytes(1)), FlopsPerByte>);
static_assert(std::is_same_v<decltype(1.0 / PerCycle(1)), Cycles>);
static_assert(std::is_same_v<decltype(Seconds(6) / Seconds(2)), double>);
static_assert(std::is_same_v<decltype(Seconds(6) * PerSecond(2)), double>);
static_assert(std::is_same_v<decltype(-Seconds(1)), Seconds>);
static_assert((Bytes(6) / Seconds(2)).si() == 3.0);
static_assert(Seconds(6) / Seconds(2) == 3.0);
static_assert(Seconds(1) + Seconds(2) == Seconds(3));
static_assert(Seconds(3) - Seconds(2) < Seconds(2));
static_assert(2.0 * Seconds(3) == Seconds(3) * 2.0);
static_assert(Seconds(3) / 2.0 == Seconds(1.5));
static_assert(Seconds().si() == 0.0);

// What must not compile.
template <typename A, typename B>
concept addable = requires(A a, B b) {
  a + b;
};
template <typename A, typename B>
concept comparable = requires(A a, B b) {
  a < b;
};
static_assert(addable<Seconds, Seconds>);
static_assert(!addable<Seconds, Cycles>);
static_assert(!addable<Seconds, double>);
static_assert(!comparable<Bytes, Flops>);
static_assert(!std::is_convertible_v<double, Seconds>);
static_assert(!std::is_convertible_v<Seconds, double>);
static_assert(sizeof(Seconds) == sizeof(double));
static_assert(std::is_trivially_copyable_v<Seconds>);

template <typename Q>
double read(std::string_view text) {
  const ParsedQuantity parsed = parse_quantity(text, Q::dimension);
  CHECK_MESSAGE(parsed.ok(), parsed.error);
  return parsed.si;
}

std::string fault(std::string_view text, const Dimension& wanted) {
  const ParsedQuantity parsed = parse_quantity(text, wanted);
  CHECK_FALSE(parsed.ok());
  return parsed.error;
}

TEST_CASE("quantities read to SI units") {
  CHECK(read<BytesPerSecond>("3.35 TB/s") == doctest::Approx(3.35e12));
  CHECK(read<Bytes>("50 MiB") == 52428800.0);
  CHECK(read<Bytes>("1 GB") == 1e9);
  CHECK(read<Bytes>("1 GiB") == 1073741824.0);
  CHECK(read<Bytes>("228 KiB") == 233472.0);
  CHECK(read<Hertz>("1980 MHz") == doctest::Approx(1.98e9));
  CHECK(read<Hertz>("1.98e9 clk/s") == doctest::Approx(1.98e9));
  CHECK(read<Joules>("0.8 pJ") == doctest::Approx(0.8e-12));
  CHECK(read<JoulesPerByte>("0.8 pJ/B") == doctest::Approx(0.8e-12));
  CHECK(read<JoulesPerFlop>("0.8 pJ/FLOP") == doctest::Approx(0.8e-12));
  CHECK(read<PerCycle>("64 /clk") == 64.0);
  CHECK(read<PerCycle>("64/clk") == 64.0);
  CHECK(read<PerCycle>("64 1/clk") == 64.0);
  CHECK(read<BytesPerCycle>("128 B/clk") == 128.0);
  CHECK(read<FlopsPerCycle>("4096 FLOP/clk") == 4096.0);
  CHECK(read<FlopsPerSecond>("989.4 TFLOPS") == doctest::Approx(989.4e12));
  CHECK(read<FlopsPerSecond>("989.4 TFLOP/s") == doctest::Approx(989.4e12));
  CHECK(read<Watts>("700 W") == 700.0);
  CHECK(read<Watts>("700 J/s") == 700.0);
  CHECK(read<Cycles>("5 clk") == 5.0);
  CHECK(read<Seconds>("1.5 us") == doctest::Approx(1.5e-6));
  CHECK(read<Seconds>("1.5 \u00b5s") == doctest::Approx(1.5e-6));
  CHECK(read<Seconds>("1.5 \u03bcs") == doctest::Approx(1.5e-6));
  CHECK(read<Seconds>("  2 ms ") == doctest::Approx(2e-3));
  CHECK(read<Seconds>("-2 ms") == doctest::Approx(-2e-3));
  CHECK(read<BytesPerSecond>("400 Gbit/s") == doctest::Approx(50e9));
}

TEST_CASE("faulty quantities say what is wrong") {
  CHECK(fault("3.35", BytesPerSecond::dimension) == "unit missing after '3.35', write it in B/s");
  CHECK(fault("", Seconds::dimension) == "expected a number with a unit, write it in s");
  CHECK(fault("fast", Seconds::dimension) == "expected a number with a unit, not 'fast', write it in s");
  CHECK(fault("3.35 TB", BytesPerSecond::dimension) == "'3.35 TB' is in B, expected B/s");
  CHECK(fault("5 clk", Seconds::dimension) == "'5 clk' is in clk, expected s");
  CHECK(fault("5 s/s", Seconds::dimension) == "'5 s/s' is in no unit, expected s");
  CHECK(fault("5 KB", Bytes::dimension) == "unknown unit 'KB', did you mean 'kB'?");
  CHECK(fault("5 GBps", BytesPerSecond::dimension) ==
        "unknown unit 'GBps', known units are s Hz clk B bit FLOP FLOPS J W");
  CHECK(fault("5 parsecs", Seconds::dimension) ==
        "unknown unit 'parsecs', known units are s Hz clk B bit FLOP FLOPS J W");
  CHECK(fault("5 Ms", Seconds::dimension) == "unknown unit 'Ms', did you mean 'ms'?");
  CHECK(fault("5 B/", BytesPerSecond::dimension) == "unit missing after '/' or '*', write it in B/s");
  CHECK(fault("5 B s", BytesPerSecond::dimension) == "expected '/' or '*' between units");
  CHECK(fault("nan s", Seconds::dimension) == "NaN and infinity are no quantities");
  CHECK(fault("inf s", Seconds::dimension) == "NaN and infinity are no quantities");
  CHECK(fault("1e400 s", Seconds::dimension) == "number is out of range");
  CHECK(fault("1e300 TB/ns", BytesPerSecond::dimension) == "number is out of range");
  CHECK(parse_quantity("12 TX/s").offset == 3);
}

TEST_CASE("dimensions have readable names") {
  CHECK(dimension_name(Seconds::dimension) == "s");
  CHECK(dimension_name(Hertz::dimension) == "Hz");
  CHECK(dimension_name(Watts::dimension) == "W");
  CHECK(dimension_name(PerCycle::dimension) == "/clk");
  CHECK(dimension_name(FlopsPerCycle::dimension) == "FLOP/clk");
  CHECK(dimension_name(JoulesPerByte::dimension) == "J/B");
  CHECK(dimension_name(Dimension{.time = 2, .byte = 1}) == "B*s^2");
  CHECK(dimension_name(Dimension{}) == "no unit");
}

// Every named dimension survives being written and read.
TEST_CASE("dimension names read back") {
  for (const Dimension& dimension :
       {Seconds::dimension, Cycles::dimension, Bytes::dimension, Flops::dimension, Joules::dimension, Hertz::dimension,
        Watts::dimension, BytesPerSecond::dimension, FlopsPerSecond::dimension, PerSecond::dimension,
        PerCycle::dimension, BytesPerCycle::dimension, FlopsPerCycle::dimension, JoulesPerFlop::dimension,
        JoulesPerByte::dimension, JoulesPerCycle::dimension, FlopsPerByte::dimension}) {
    const std::string name = dimension_name(dimension);
    CAPTURE(name);
    CHECK(parse_quantity("2 " + name, dimension).si == 2.0);
  }
}

}  // namespace
}  // namespace perfmodel
