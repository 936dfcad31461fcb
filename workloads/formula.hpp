// Expressions compiled once and evaluated often: flat code in single assignment over an array of numbers, equal
// subexpressions only once. The language is that of workloads/expression.hpp, and so are the values, bit for bit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace perfmodel {

// The place of a value in the array.
using FormulaSlot = std::int32_t;

enum class FormulaCode : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  power,
  equal,
  unequal,
  less,
  greater,
  at_most,
  at_least,
  both,
  either,
  minimum,
  maximum,
  absolute,
  floor,
  ceil,
  round,
  ceil_div,
  negate,
  select,
  given,  // b where it is a number, else a
};

struct FormulaStep {
  FormulaCode code = FormulaCode::add;
  FormulaSlot to = 0, a = 0, b = 0, c = 0;
};

// Grows while formulas are compiled; then evaluated with its inputs set.
class FormulaSheet {
 public:
  FormulaSlot constant(double value);
  // Set before each evaluation; starts as NaN, "not given".
  FormulaSlot input();
  FormulaSlot step(FormulaCode code, FormulaSlot a, FormulaSlot b = 0, FormulaSlot c = 0);

  // The value of an expression whose names `resolve` knows; nothing for text that does not compile.
  using Resolve = std::function<std::optional<FormulaSlot>(std::string_view)>;
  std::optional<FormulaSlot> compile(std::string_view text, const Resolve& resolve);

  // Constants and inputs as they start.
  [[nodiscard]] const std::vector<double>& start() const { return start_; }
  // Fills in everything that follows from the inputs.
  void evaluate(std::vector<double>& values) const;
  [[nodiscard]] std::size_t size() const { return start_.size(); }

 private:
  std::vector<double> start_;
  std::vector<FormulaStep> steps_;
  std::map<std::uint64_t, FormulaSlot> constants_;  // by bits
  std::map<std::tuple<FormulaCode, FormulaSlot, FormulaSlot, FormulaSlot>, FormulaSlot> known_;
};

}  // namespace perfmodel
