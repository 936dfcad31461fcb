#include "workloads/expression.hpp"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace perfmodel {
namespace {

constexpr std::size_t longest_expression = 1000;  // characters
constexpr std::size_t deepest_parameters = 100;   // parameters that need each other

double ceil_div(double a, double b) { return std::ceil(a / b); }

struct Name {
  std::string_view text;
  std::size_t offset = 0;
  bool is_call = false;
};

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool continues_name(char c) { return starts_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

// The names in an expression, those followed by a parenthesis marked as calls. Letters inside of a number (1e6) are
// no name.
std::vector<Name> names_in(std::string_view text) {
  std::vector<Name> names;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    while (i < text.size() && (continues_name(text[i]) || text[i] == '.')) ++i;
    if (i == begin) {
      ++i;
      continue;
    }
    if (!starts_name(text[begin])) continue;
    const std::size_t next = text.find_first_not_of(" \t", i);
    names.push_back({text.substr(begin, i - begin), begin, next != std::string_view::npos && text[next] == '('});
  }
  return names;
}

// A single '=' would assign; nothing in a file may.
std::size_t find_assignment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') continue;
    if (i + 1 < text.size() && text[i + 1] == '=') {
      ++i;
      continue;
    }
    if (i > 0 && std::string_view("=!<>").find(text[i - 1]) != std::string_view::npos) continue;
    return i;
  }
  return std::string_view::npos;
}

std::string describe(const mu::ParserError& error) {
  switch (error.GetCode()) {
    case mu::ecUNEXPECTED_EOF: return "ends too early";
    case mu::ecMISSING_PARENS: return "a parenthesis is not closed";
    case mu::ecUNEXPECTED_PARENS: return fmt::format("unexpected '{}'", error.GetToken());
    case mu::ecUNEXPECTED_OPERATOR:
    case mu::ecUNEXPECTED_ARG_SEP:
    case mu::ecUNEXPECTED_ARG:
    case mu::ecUNEXPECTED_VAL:
    case mu::ecUNEXPECTED_VAR:
    case mu::ecUNEXPECTED_FUN: return fmt::format("unexpected '{}'", error.GetToken());
    case mu::ecTOO_MANY_PARAMS: return fmt::format("too many arguments for '{}'", error.GetToken());
    case mu::ecTOO_FEW_PARAMS: return fmt::format("too few arguments for '{}'", error.GetToken());
    case mu::ecMISSING_ELSE_CLAUSE: return "a '?' without its ':'";
    case mu::ecMISPLACED_COLON: return "a ':' without its '?'";
    case mu::ecDIV_BY_ZERO: return "divides by zero";
    default: return "not an expression";
  }
}

}  // namespace

// Every expression keeps a parser of its own, whose variables are set before it runs.
struct ParsedExpressions::State {
  struct Parsed {
    mu::Parser parser;
    std::vector<std::string> names;
    std::vector<double> values;  // of the names, where the parser looks for them
  };

  State() {
    functions.ClearFun();
    functions.ClearConst();
    functions.DefineFun("min", &min_of);
    functions.DefineFun("max", &max_of);
    functions.DefineFun("abs", static_cast<double (*)(double)>(&std::fabs));
    functions.DefineFun("floor", static_cast<double (*)(double)>(&std::floor));
    functions.DefineFun("ceil", static_cast<double (*)(double)>(&std::ceil));
    functions.DefineFun("round", static_cast<double (*)(double)>(&std::round));
    functions.DefineFun("ceil_div", &ceil_div);
  }

  static double min_of(const double* values, int count) { return *std::min_element(values, values + count); }
  static double max_of(const double* values, int count) { return *std::max_element(values, values + count); }

  // Throws mu::ParserError when it is run, not here.
  Parsed& parsed(const std::string& text, const std::map<std::string_view, double>& names) {
    const auto found = expressions.find(text);
    if (found != expressions.end()) return found->second;
    Parsed& fresh = expressions.emplace(text, Parsed{functions, {}, {}}).first->second;
    fresh.values.resize(names.size());
    for (const auto& [name, value] : names) {
      fresh.parser.DefineVar(std::string(name), &fresh.values[fresh.names.size()]);
      fresh.names.emplace_back(name);
    }
    fresh.parser.SetExpr(text);
    return fresh;
  }

  mu::Parser functions;  // what the others begin as
  std::map<std::string, Parsed, std::less<>> expressions;
  std::mutex mutex;
};

ParsedExpressions::ParsedExpressions() : state_(std::make_unique<State>()) {}
ParsedExpressions::~ParsedExpressions() = default;
std::unique_lock<std::mutex> ParsedExpressions::lock() { return std::unique_lock(state_->mutex); }

struct ExpressionScope::State {
  struct Parameter {
    std::string name;
    YamlNode expression;
    std::optional<double> value;
    enum class Progress { open, running, done } progress = Progress::open;
  };

  State(Diagnostics& d, std::shared_ptr<ParsedExpressions> shared)
      : diagnostics(d), parsed(shared ? std::move(shared) : std::make_shared<ParsedExpressions>()) {
    functions = {"min", "max", "abs", "floor", "ceil", "round", "ceil_div"};
  }

  Parameter* find_parameter(std::string_view name) {
    const auto found = index.find(name);
    return found == index.end() ? nullptr : &parameters[found->second];
  }

  static Location place(const YamlNode& node, std::size_t offset) {
    Location where = node.location();
    if (where.column > 0) where.column += static_cast<int>(offset) + (node.quoted() ? 1 : 0);
    return where;
  }

  void fault(const YamlNode& node, std::size_t offset, std::string_view what, const std::string& message) {
    diagnostics.error(place(node, offset), fmt::format("'{}': {}", what, message));
  }

  std::optional<double> evaluate(const YamlNode& node, std::string_view what) {
    if (!node.is_scalar()) {
      fault(node, 0, what, fmt::format("expected a number or an expression, not {}", kind_name(node.kind())));
      return std::nullopt;
    }
    const std::string& text = node.text();
    if (const ParsedNumber plain = parse_number(text); plain.error.empty()) return plain.value;
    if (text.empty()) {
      fault(node, 0, what, "expected a number or an expression, not an empty string");
      return std::nullopt;
    }
    if (text.size() > longest_expression) {
      fault(node, 0, what, fmt::format("an expression of more than {} characters", longest_expression));
      return std::nullopt;
    }
    if (const std::size_t at = find_assignment(text); at != std::string_view::npos) {
      fault(node, at, what, "unexpected '=', to compare write '=='");
      return std::nullopt;
    }
    // The tensors of a block are many and their sizes few. What a name means never changes once it has a meaning.
    if (const auto kept = results.find(text); kept != results.end()) return kept->second;
    const auto values = resolve(node, what);
    const std::optional<double> result = values ? run(node, what, *values) : std::nullopt;
    if (result) results.emplace(text, *result);
    return result;
  }

  // The values of all names of an expression; unknown ones are faults.
  std::optional<std::map<std::string_view, double>> resolve(const YamlNode& node, std::string_view what) {
    std::map<std::string_view, double> values;
    bool sound = true;
    for (const Name& name : names_in(node.text())) {
      if (name.is_call) {
        if (std::ranges::find(functions, name.text) != functions.end()) continue;
        diagnostics.error(place(node, name.offset), fmt::format("'{}': unknown function '{}'", what, name.text))
            .suggest(name.text, functions)
            .note("known functions: " + joined(functions));
        sound = false;
      } else if (const auto constant = constants.find(name.text); constant != constants.end()) {
        values[name.text] = constant->second;
      } else if (Parameter* parameter = find_parameter(name.text)) {
        const std::optional<double> value = evaluate(*parameter);
        if (value) values[name.text] = *value;
        sound = sound && value.has_value();
      } else {
        unknown_name(node, name, what);
        sound = false;
      }
    }
    if (!sound) return std::nullopt;
    return values;
  }

  void unknown_name(const YamlNode& node, const Name& name, std::string_view what) {
    std::vector<std::string> known;
    for (const Parameter& parameter : parameters) known.push_back(parameter.name);
    auto& found = diagnostics.error(place(node, name.offset), fmt::format("'{}': unknown name '{}'", what, name.text));
    std::vector<std::string> candidates = known;
    for (const auto& [word, value] : constants) candidates.push_back(word);
    found.suggest(name.text, candidates);
    if (!known.empty()) found.note("known parameters: " + joined(known));
    if (candidates.empty()) found.note("there are no parameters");
  }

  static std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

  std::optional<double> evaluate(Parameter& parameter) {
    using Progress = Parameter::Progress;
    if (parameter.progress == Progress::done) return parameter.value;
    if (parameter.progress == Progress::running || running.size() >= deepest_parameters) {
      std::string way;
      for (const std::string& name : running) way += name + " -> ";
      const bool cycle = parameter.progress == Progress::running;
      diagnostics.error(parameter.expression.location(),
                        cycle ? fmt::format("'{}': depends on itself: {}{}", parameter.name, way, parameter.name)
                              : fmt::format("'{}': more than {} parameters that need each other", parameter.name,
                                            deepest_parameters));
      return std::nullopt;
    }
    parameter.progress = Progress::running;
    running.push_back(parameter.name);
    const std::string name = parameter.name;
    const std::optional<double> value = evaluate(parameter.expression, name);
    running.pop_back();
    parameter.progress = Progress::done;
    parameter.value = value;
    return value;
  }

  std::optional<double> run(const YamlNode& node, std::string_view what,
                            const std::map<std::string_view, double>& values) {
    double result = 0.0;
    try {
      ParsedExpressions::State::Parsed& expression = parsed->state_->parsed(node.text(), values);
      for (std::size_t i = 0; i < expression.names.size(); ++i) {
        expression.values[i] = values.at(expression.names[i]);
      }
      int results = 0;
      const double* values_found = expression.parser.Eval(results);
      if (results != 1) {
        fault(node, node.text().find(','), what, "unexpected ','");
        return std::nullopt;
      }
      result = values_found[0];
    } catch (const mu::ParserError& error) {
      const int at = std::clamp(error.GetPos(), 0, static_cast<int>(node.text().size()));
      fault(node, static_cast<std::size_t>(at), what, describe(error));
      return std::nullopt;
    }
    if (std::isfinite(result)) return result;
    fault(node, 0, what,
          node.text().find('/') != std::string::npos || node.text().find("ceil_div") != std::string::npos
              ? fmt::format("'{}' divides by zero", node.text())
              : fmt::format("'{}' gives no finite number", node.text()));
    return std::nullopt;
  }

  Diagnostics& diagnostics;
  std::shared_ptr<ParsedExpressions> parsed;
  std::vector<std::string> functions;
  std::map<std::string, double, std::less<>> constants;
  std::vector<Parameter> parameters;
  std::map<std::string, std::size_t, std::less<>> index;
  std::vector<std::string> running;
  std::map<std::string, double, std::less<>> results;  // of whole expressions
};

ExpressionScope::ExpressionScope(Diagnostics& diagnostics, std::shared_ptr<ParsedExpressions> parsed)
    : state_(std::make_unique<State>(diagnostics, std::move(parsed))) {}
ExpressionScope::~ExpressionScope() = default;

void ExpressionScope::define_constant(std::string_view name, double value) {
  state_->constants.emplace(std::string(name), value);
}

void ExpressionScope::define_parameter(std::string_view name, YamlNode expression, Location where) {
  const bool word = !name.empty() && starts_name(name.front()) && std::ranges::all_of(name, continues_name);
  if (!word) {
    state_->diagnostics.error(std::move(where),
                              fmt::format("'{}': a parameter's name is letters, digits and '_'", name));
    return;
  }
  const bool taken =
      state_->constants.contains(name) || std::ranges::find(state_->functions, name) != state_->functions.end();
  if (taken) {
    state_->diagnostics.error(std::move(where), fmt::format("'{}': this word has a meaning of its own", name));
    return;
  }
  state_->index.emplace(std::string(name), state_->parameters.size());
  state_->parameters.push_back({std::string(name), std::move(expression), std::nullopt, {}});
}

void ExpressionScope::define_function(std::string_view name, double (*function)(double)) {
  state_->parsed->state_->functions.DefineFun(std::string(name), function);
  state_->functions.emplace_back(name);
}

std::optional<double> ExpressionScope::value(std::string_view name) {
  if (const auto constant = state_->constants.find(name); constant != state_->constants.end()) return constant->second;
  State::Parameter* parameter = state_->find_parameter(name);
  return parameter == nullptr ? std::nullopt : state_->evaluate(*parameter);
}

std::vector<std::string> ExpressionScope::parameter_names() const {
  std::vector<std::string> names;
  for (const State::Parameter& parameter : state_->parameters) names.push_back(parameter.name);
  return names;
}

std::optional<double> ExpressionScope::number(const YamlNode& node, std::string_view what, const NumberRange& range) {
  const std::optional<double> value = state_->evaluate(node, what);
  if (!value) return std::nullopt;
  const bool low = range.above_min ? *value > range.min : *value >= range.min;
  const bool high = range.below_max ? *value < range.max : *value <= range.max;
  if (low && high) return value;
  state_->fault(node, 0, what, fmt::format("expected {}, not {}", describe(range), *value));
  return std::nullopt;
}

std::optional<std::int64_t> ExpressionScope::integer(const YamlNode& node, std::string_view what,
                                                     const IntegerRange& range) {
  // A plain integer keeps every digit; only what was computed went through double.
  if (node.is_scalar()) {
    const ParsedInteger plain = parse_integer(node.text(), range);
    if (plain.error.empty()) return plain.value;
    if (parse_number(node.text()).error.empty()) {
      state_->fault(node, 0, what, plain.error);
      return std::nullopt;
    }
  }
  const std::optional<double> value = state_->evaluate(node, what);
  if (!value) return std::nullopt;
  constexpr double two_63 = 9223372036854775808.0;
  const bool fits = *value < two_63 && *value >= -two_63;
  if (!fits) {
    state_->fault(node, 0, what, fmt::format("'{}' gives {}, which does not fit in 64 bits", node.text(), *value));
    return std::nullopt;
  }
  const auto whole = static_cast<std::int64_t>(*value);
  if (static_cast<double>(whole) == *value && whole >= range.min && whole <= range.max) return whole;
  auto& found = state_->diagnostics.error(
      node.location(), fmt::format("'{}': expected {}, '{}' gives {}", what, describe(range), node.text(), *value));
  if (const State::Parameter* parameter = state_->find_parameter(node.text())) {
    found.note(parameter->expression.location(), fmt::format("'{}' is set here", parameter->name));
  }
  return std::nullopt;
}

std::optional<bool> ExpressionScope::condition(const YamlNode& node, std::string_view what) {
  const std::optional<double> value = state_->evaluate(node, what);
  return value ? std::optional(*value != 0.0) : std::nullopt;
}

}  // namespace perfmodel
