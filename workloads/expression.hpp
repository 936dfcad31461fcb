// Arithmetic in YAML values: `(heads + 2 * kv_heads) * head_dim`. Names stand for parameters, which may be
// expressions of other parameters in any order.
//
// Operators: + - * / ^, == != < > <= >=, && ||, condition ? a : b. Functions: min, max, abs, floor, ceil, round,
// ceil_div(a, b), and whatever the scope's owner defines. Truth is 1, falsehood 0.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/diagnostic.hpp"
#include "support/parse.hpp"
#include "support/yaml.hpp"

namespace perfmodel {

// Expressions parsed once and evaluated as often as their names change, for a file that is read again and again.
class ParsedExpressions {
 public:
  ParsedExpressions();
  ParsedExpressions(const ParsedExpressions&) = delete;
  ParsedExpressions& operator=(const ParsedExpressions&) = delete;
  ~ParsedExpressions();

  // Held while a scope uses them.
  [[nodiscard]] std::unique_lock<std::mutex> lock();

 private:
  friend class ExpressionScope;
  struct State;
  std::unique_ptr<State> state_;
};

// The names that expressions of one file may use. A fault (unknown name, bad syntax, a cycle, a result that is not
// finite) is recorded at its place, once; what depends on it is then nothing, in silence.
class ExpressionScope {
 public:
  // With `parsed`, what an earlier scope of the same functions has parsed is not parsed again.
  explicit ExpressionScope(Diagnostics& diagnostics, std::shared_ptr<ParsedExpressions> parsed = nullptr);
  ExpressionScope(const ExpressionScope&) = delete;
  ExpressionScope& operator=(const ExpressionScope&) = delete;
  ~ExpressionScope();

  // A word with a fixed value; parameters cannot take its name.
  void define_constant(std::string_view name, double value);
  // A parameter; `where` is the place of its name. Evaluated when first needed.
  void define_parameter(std::string_view name, YamlNode expression, Location where);
  // bytes(t): what function(t) gives for the value of a constant or parameter.
  void define_function(std::string_view name, double (*function)(double));

  // A parameter's or constant's value; nothing after a fault or if there is none of that name (no fault).
  std::optional<double> value(std::string_view name);
  // The parameters in the order of definition.
  [[nodiscard]] std::vector<std::string> parameter_names() const;

  // The value of a number or an expression; `what` names it in messages.
  std::optional<double> number(const YamlNode& node, std::string_view what, const NumberRange& range = {});
  // The same, for a value that has to be whole.
  std::optional<std::int64_t> integer(const YamlNode& node, std::string_view what, const IntegerRange& range = {});
  // The same, for a condition; anything but 0 is true.
  std::optional<bool> condition(const YamlNode& node, std::string_view what);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perfmodel
