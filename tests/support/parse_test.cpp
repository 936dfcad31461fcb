#include "support/parse.hpp"

#include <doctest/doctest.h>

namespace perfmodel {
namespace {

TEST_CASE("integers") {
  CHECK(parse_integer("4096").value == 4096);
  CHECK(parse_integer("-3").value == -3);
  CHECK(parse_integer("+3").value == 3);
  CHECK(parse_integer("4096.0").value == 4096);
  CHECK(parse_integer("4096.").value == 4096);
  CHECK(parse_integer("9223372036854775807").value == 9223372036854775807);
}

TEST_CASE("faulty integers") {
  const auto positive = IntegerRange::positive();
  CHECK(parse_integer("4096.5").error == "expected an integer, not '4096.5'");
  CHECK(parse_integer("1e3").error == "expected an integer, not '1e3'");
  CHECK(parse_integer("0x10").error == "expected an integer, not '0x10'");
  CHECK(parse_integer("12x").error == "expected an integer, not '12x'");
  CHECK(parse_integer(" 12").error == "expected an integer, not ' 12'");
  CHECK(parse_integer("+-1").error == "expected an integer, not '+-1'");
  CHECK(parse_integer(".0").error == "expected an integer, not '.0'");
  CHECK(parse_integer("-").error == "expected an integer, not '-'");
  CHECK(parse_integer("").error == "expected an integer, not ''");
  CHECK(parse_integer("0", positive).error == "expected a positive integer, not '0'");
  CHECK(parse_integer("-1", positive).error == "expected a positive integer, not '-1'");
  CHECK(parse_integer("9223372036854775808").error == "'9223372036854775808' does not fit in 64 bits");
  CHECK(parse_integer("9", {.min = 1, .max = 8}).error == "expected an integer from 1 to 8, not '9'");
}

TEST_CASE("numbers") {
  CHECK(parse_number("0.5").value == 0.5);
  CHECK(parse_number("1e-3").value == 1e-3);
  CHECK(parse_number("4096").value == 4096.0);
  CHECK(parse_number("0", NumberRange::probability_below_one()).value == 0.0);
  CHECK(parse_number("1", NumberRange::fraction()).value == 1.0);
}

TEST_CASE("faulty numbers") {
  CHECK(parse_number("nan").error == "expected a number, not 'nan'");
  CHECK(parse_number("inf").error == "expected a number, not 'inf'");
  CHECK(parse_number(".inf").error == "expected a number, not '.inf'");
  CHECK(parse_number("1e999").error == "'1e999' is out of range");
  CHECK(parse_number("1.5x").error == "expected a number, not '1.5x'");
  CHECK(parse_number("0", NumberRange::positive()).error == "expected a positive number, not '0'");
  CHECK(parse_number("1", NumberRange::probability_below_one()).error ==
        "expected a number of at least 0 and below 1, not '1'");
  CHECK(parse_number("2", NumberRange::fraction()).error == "expected a number of at least 0 and at most 1, not '2'");
}

TEST_CASE("trimming") {
  CHECK(trimmed("  a b\t") == "a b");
  CHECK(trimmed(" \t ") == "");
}

}  // namespace
}  // namespace perfmodel
