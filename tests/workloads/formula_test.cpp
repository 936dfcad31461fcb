// Formulas against the expressions that they stand for.
#include "workloads/formula.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "support/yaml.hpp"
#include "workloads/expression.hpp"

namespace {

using namespace perfmodel;

const std::map<std::string, double, std::less<>> names{{"a", 3}, {"b", -2.5}, {"zero", 0}, {"big_1", 1e6}};

std::optional<double> by_formula(const std::string& text) {
  FormulaSheet sheet;
  const auto slot = sheet.compile(text, [&](std::string_view name) -> std::optional<FormulaSlot> {
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional(sheet.constant(found->second));
  });
  if (!slot) return std::nullopt;
  std::vector<double> values = sheet.start();
  sheet.evaluate(values);
  return values[static_cast<std::size_t>(*slot)];
}

std::optional<double> by_expression(const std::string& text) {
  Diagnostics faults;
  ExpressionScope scope(faults);
  for (const auto& [name, value] : names) scope.define_constant(name, value);
  return scope.number(make_yaml_scalar(text, {}), "x");
}

TEST_CASE("a formula gives what the expression gives, bit for bit") {
  for (const std::string text : {"1",
                                 "-1.5e-3",
                                 "a + b * 2",
                                 "(a + b) * 2",
                                 "a - 1 - 1",
                                 "12 / a / 2",
                                 "2 ^ 3 ^ 2",
                                 "-a ^ 2",
                                 "2 ^ -1",

                                 "a > 2 ? 10 : 20",
                                 "a > 2 && b > 0 ? 1 : a == 3 ? 7 : 9",
                                 "zero || a",
                                 "zero && a",
                                 "a != 3 || b <= -2.5",
                                 "min(a, b, 7)",
                                 "max(a, b, 7) - min(1, 2)",
                                 "abs(b)",
                                 "floor(b)",
                                 "ceil(b)",
                                 "round(b)",
                                 "ceil_div(big_1, 7)",
                                 "a*b+big_1",
                                 "1 / 3 * a",
                                 "a >= 3",
                                 "a<b",
                                 "(((a)))",
                                 "max(0, a - 1)",
                                 "a + 1 > 3 == 1",
                                 "1 - min(1, max(0, b))"}) {
    CAPTURE(text);
    const auto expected = by_expression(text);
    REQUIRE(expected);
    const auto got = by_formula(text);
    REQUIRE(got);
    CHECK(*got == *expected);
  }
}

TEST_CASE("what is no expression is no formula") {
  for (const std::string text :
       {"", "a +", "(a", "a)", "unknown", "sin(a)", "a ? 1", "min()", "abs(a, b)", "1 2", "ceil_div(1)", "3x"}) {
    CAPTURE(text);
    CHECK(!by_formula(text));
  }
  CHECK(!by_formula(std::string(1000, '(')));
}

TEST_CASE("an input stands in the place of a value only when it is given") {
  FormulaSheet sheet;
  const FormulaSlot input = sheet.input();
  const FormulaSlot value = sheet.step(FormulaCode::given, sheet.constant(4), input);
  const FormulaSlot twice = sheet.step(FormulaCode::multiply, value, sheet.constant(2));
  std::vector<double> values = sheet.start();
  sheet.evaluate(values);
  CHECK(values[static_cast<std::size_t>(twice)] == 8);
  values = sheet.start();
  values[static_cast<std::size_t>(input)] = 10;
  sheet.evaluate(values);
  CHECK(values[static_cast<std::size_t>(twice)] == 20);
}

TEST_CASE("equal subexpressions are worked out once") {
  FormulaSheet sheet;
  const FormulaSheet::Resolve none = [](std::string_view) { return std::nullopt; };
  const auto first = sheet.compile("(2 + 3) * 4", none);
  const std::size_t size = sheet.size();
  CHECK(sheet.compile("(2 + 3) * 4", none) == first);
  CHECK(sheet.size() == size);
}

}  // namespace
