#include "workloads/expression.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

// Evaluates the key `x` of a YAML text; every other key is a parameter.
double value_of(const std::string& text) {
  Diagnostics faults;
  ExpressionScope scope(faults);
  scope.define_constant("fp8", 3.0);
  const YamlNode root = load_yaml_text(text, "in.yaml");
  for (const YamlEntry& entry : root.entries()) {
    if (entry.key != "x") scope.define_parameter(entry.key, entry.value, entry.key_location);
  }
  const auto value = scope.number(root.find("x"), "x");
  faults.throw_if_errors();
  REQUIRE(value.has_value());
  return *value;
}

std::string fault_of(const std::string& text) {
  return test::error_of([&] { value_of(text); });
}

std::string integer_fault_of(const std::string& text, const IntegerRange& range = IntegerRange::positive()) {
  return test::error_of([&] {
    Diagnostics faults;
    ExpressionScope scope(faults);
    scope.integer(load_yaml_text("x: " + text, "in.yaml").find("x"), "x", range);
    faults.throw_if_errors();
  });
}

TEST_CASE("arithmetic, comparison and choice") {
  CHECK(value_of("x: 4096\n") == 4096.0);
  CHECK(value_of("x: 2 * (3 + 4) - 1\n") == 13.0);
  CHECK(value_of("x: 7 / 2\n") == 3.5);
  CHECK(value_of("x: ceil_div(7, 2)\n") == 4.0);
  CHECK(value_of("x: min(3, 1, 2) + max(3, 1, 2)\n") == 4.0);
  CHECK(value_of("x: 2 == 2 && 3 != 3 || 4 >= 4\n") == 1.0);
  CHECK(value_of("x: '1 > 2 ? 10 : 20'\n") == 20.0);
  CHECK(value_of("x: 1e3 + 2E2\n") == 1200.0);
}

TEST_CASE("parameters in any order, and words with a meaning of their own") {
  CHECK(value_of("x: n\nn: (heads + 2 * kv) * dim\nheads: 32\nkv: heads / 4\ndim: 128\n") == 6144.0);
  CHECK(value_of("x: dtype == fp8\ndtype: 3\n") == 1.0);
  CHECK(fault_of("x: 1\nfp8: 4\nmin: 2\n2x: 3\n") ==
        "in.yaml:2:1: error: 'fp8': this word has a meaning of its own\n"
        "  fp8: 4\n"
        "  ^\n"
        "in.yaml:3:1: error: 'min': this word has a meaning of its own\n"
        "  min: 2\n"
        "  ^\n"
        "in.yaml:4:1: error: '2x': a parameter's name is letters, digits and '_'\n"
        "  2x: 3\n"
        "  ^\n");
}

TEST_CASE("faults point into the expression") {
  CHECK(fault_of("x: 2 * haeds\nheads: 32\n") ==
        "in.yaml:1:8: error: 'x': unknown name 'haeds'\n"
        "  x: 2 * haeds\n"
        "         ^\n"
        "note: did you mean 'heads'?\n"
        "note: known parameters: heads\n");
  CHECK(fault_of("x: cel(2) + sin(1)\n") ==
        "in.yaml:1:4: error: 'x': unknown function 'cel'\n"
        "  x: cel(2) + sin(1)\n"
        "     ^\n"
        "note: did you mean 'ceil'?\n"
        "note: known functions: min, max, abs, floor, ceil, round, ceil_div\n"
        "in.yaml:1:13: error: 'x': unknown function 'sin'\n"
        "  x: cel(2) + sin(1)\n"
        "              ^\n"
        "note: did you mean 'min'?\n"
        "note: known functions: min, max, abs, floor, ceil, round, ceil_div\n");
  CHECK(fault_of("x: 2 * (3 + 4\n") ==
        "in.yaml:1:14: error: 'x': a parenthesis is not closed\n"
        "  x: 2 * (3 + 4\n"
        "               ^\n");
  CHECK(fault_of("x: 2 * 3 +\n") ==
        "in.yaml:1:11: error: 'x': ends too early\n"
        "  x: 2 * 3 +\n"
        "            ^\n");
  CHECK(fault_of("x: \"2 * * 3\"\n") ==
        "in.yaml:1:9: error: 'x': unexpected '*'\n"
        "  x: \"2 * * 3\"\n"
        "          ^\n");
  CHECK(fault_of("x: a = 3\na: 2\n") ==
        "in.yaml:1:6: error: 'x': unexpected '=', to compare write '=='\n"
        "  x: a = 3\n"
        "       ^\n");
  CHECK(fault_of("x: 1, 2\n") ==
        "in.yaml:1:5: error: 'x': unexpected ','\n"
        "  x: 1, 2\n"
        "      ^\n");
  CHECK(fault_of("x: min()\n").find("too few arguments for 'min'") != std::string::npos);
  CHECK(fault_of("x: [1, 2]\n") ==
        "in.yaml:1:4: error: 'x': expected a number or an expression, not a list\n"
        "  x: [1, 2]\n"
        "     ^\n");
}

TEST_CASE("results that are no number") {
  CHECK(fault_of("x: 1 / (a - 2)\na: 2\n") ==
        "in.yaml:1:4: error: 'x': '1 / (a - 2)' divides by zero\n"
        "  x: 1 / (a - 2)\n"
        "     ^\n");
  CHECK(fault_of("x: 10 ^ 400\n") ==
        "in.yaml:1:4: error: 'x': '10 ^ 400' gives no finite number\n"
        "  x: 10 ^ 400\n"
        "     ^\n");
}

TEST_CASE("a parameter that needs itself") {
  CHECK(fault_of("x: a\na: b + 1\nb: 2 * a\n") ==
        "in.yaml:2:4: error: 'a': depends on itself: a -> b -> a\n"
        "  a: b + 1\n"
        "     ^\n");
}

TEST_CASE("a faulty parameter is reported once, whatever uses it") {
  Diagnostics faults;
  ExpressionScope scope(faults);
  const YamlNode root = load_yaml_text("a: 2 * c\nx: a\ny: a + 1\n", "in.yaml");
  scope.define_parameter("a", root.find("a"), root.find("a").location());
  CHECK_FALSE(scope.number(root.find("x"), "x"));
  CHECK_FALSE(scope.number(root.find("y"), "y"));
  CHECK(faults.error_count() == 1);
}

TEST_CASE("long chains of parameters end in a fault, not in the stack") {
  std::string text = "x: p0\n";
  for (int i = 0; i < 200; ++i) text += "p" + std::to_string(i) + ": p" + std::to_string(i + 1) + "\n";
  text += "p200: 1\n";
  CHECK(fault_of(text).find("more than 100 parameters that need each other") != std::string::npos);
  const std::string deep = "x: " + std::string(400, '(') + "1" + std::string(400, ')') + "\n";
  CHECK(value_of(deep) == 1.0);
  CHECK(fault_of("x: " + std::string(1001, '1') + "+1\n").find("more than 1000 characters") != std::string::npos);
}

TEST_CASE("whole numbers where whole numbers are wanted") {
  CHECK(integer_fault_of("9223372036854775807").empty());
  CHECK(integer_fault_of("3 * 4").empty());
  CHECK(integer_fault_of("7 / 2") ==
        "in.yaml:1:4: error: 'x': expected a positive integer, '7 / 2' gives 3.5\n"
        "  x: 7 / 2\n"
        "     ^\n");
  CHECK(integer_fault_of("0") ==
        "in.yaml:1:4: error: 'x': expected a positive integer, not '0'\n"
        "  x: 0\n"
        "     ^\n");
  CHECK(integer_fault_of("2 - 4") ==
        "in.yaml:1:4: error: 'x': expected a positive integer, '2 - 4' gives -2\n"
        "  x: 2 - 4\n"
        "     ^\n");
  CHECK(integer_fault_of("2 ^ 63") ==
        "in.yaml:1:4: error: 'x': '2 ^ 63' gives 9.223372036854776e+18, which does not fit in 64 bits\n"
        "  x: 2 ^ 63\n"
        "     ^\n");
  CHECK(integer_fault_of("9223372036854775808") ==
        "in.yaml:1:4: error: 'x': '9223372036854775808' does not fit in 64 bits\n"
        "  x: 9223372036854775808\n"
        "     ^\n");
}

}  // namespace
}  // namespace perfmodel
