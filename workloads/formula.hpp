// Expressions compiled once and evaluated often: flat code in single assignment over an array of numbers, equal
// subexpressions only once. The language is that of workloads/expression.hpp, and so are the values, bit for bit.
#pragma once

#include <algorithm>
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
  std::uint64_t inputs = 0;  // that it follows from
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
  // What follows from those of them, in order.
  [[nodiscard]] std::vector<FormulaStep> steps_after(std::uint64_t inputs) const;
  static void evaluate(const std::vector<FormulaStep>& steps, std::vector<double>& values);
  // The inputs that a value follows from: a bit each in the order they were made, the last bit for all from the 64th.
  [[nodiscard]] std::uint64_t inputs_of(FormulaSlot slot) const { return inputs_[static_cast<std::size_t>(slot)]; }
  static constexpr std::uint64_t input_bit(std::size_t index) {
    return std::uint64_t{1} << std::min<std::size_t>(index, 63);
  }
  [[nodiscard]] std::size_t size() const { return start_.size(); }

 private:
  std::vector<double> start_;
  std::vector<std::uint64_t> inputs_;  // of each value
  std::size_t input_count_ = 0;
  std::vector<FormulaStep> steps_;
  std::map<std::uint64_t, FormulaSlot> constants_;  // by bits
  std::map<std::tuple<FormulaCode, FormulaSlot, FormulaSlot, FormulaSlot>, FormulaSlot> known_;
};

}  // namespace perfmodel
