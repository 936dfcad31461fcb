#include "workloads/formula.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

#include "support/parse.hpp"

namespace perfmodel {

namespace {

constexpr int deepest = 64;

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

struct Binary {
  std::string_view sign;
  int binding = 0;
  FormulaCode code = FormulaCode::add;
};

// Longer signs before their prefixes.
constexpr std::array<Binary, 12> binaries{{{"||", 1, FormulaCode::either},
                                           {"&&", 2, FormulaCode::both},
                                           {"==", 4, FormulaCode::equal},
                                           {"!=", 4, FormulaCode::unequal},
                                           {"<=", 4, FormulaCode::at_most},
                                           {">=", 4, FormulaCode::at_least},
                                           {"<", 4, FormulaCode::less},
                                           {">", 4, FormulaCode::greater},
                                           {"+", 5, FormulaCode::add},
                                           {"-", 5, FormulaCode::subtract},
                                           {"*", 6, FormulaCode::multiply},
                                           {"/", 6, FormulaCode::divide}}};

struct Function {
  std::string_view name;
  FormulaCode code = FormulaCode::floor;
  std::size_t least = 1, most = 1;  // arguments
};
constexpr std::size_t many = 100;
constexpr std::array<Function, 7> functions{{{"min", FormulaCode::minimum, 1, many},
                                             {"max", FormulaCode::maximum, 1, many},
                                             {"abs", FormulaCode::absolute},
                                             {"floor", FormulaCode::floor},
                                             {"ceil", FormulaCode::ceil},
                                             {"round", FormulaCode::round},
                                             {"ceil_div", FormulaCode::ceil_div, 2, 2}}};

// Recursive descent; a sign binds weaker than a power and stronger than a product, as in muParser.
class Compiler {
 public:
  Compiler(std::string_view text, const FormulaSheet::Resolve& resolve, FormulaSheet& sheet)
      : text_(text), resolve_(resolve), sheet_(sheet) {}

  std::optional<FormulaSlot> whole() {
    const auto slot = choice();
    skip();
    return at_ == text_.size() ? slot : std::nullopt;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  bool take(std::string_view sign) {
    skip();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }

  std::optional<FormulaSlot> choice() {
    if (++depth_ > deepest) return std::nullopt;
    auto slot = binary(1);
    if (slot && take("?")) {
      const auto yes = choice();
      if (!yes || !take(":")) return std::nullopt;
      const auto no = choice();
      slot = no ? std::optional(sheet_.step(FormulaCode::select, *slot, *yes, *no)) : std::nullopt;
    }
    --depth_;
    return slot;
  }

  // The next sign if it binds at least that strongly.
  const Binary* next_sign(int least) {
    skip();
    for (const Binary& each : binaries) {
      if (text_.substr(at_).starts_with(each.sign)) return each.binding >= least ? &each : nullptr;
    }
    return nullptr;
  }

  std::optional<FormulaSlot> binary(int least) {
    auto left = signed_value();
    while (left) {
      const Binary* sign = next_sign(least);
      if (sign == nullptr) break;
      at_ += sign->sign.size();
      const auto right = binary(sign->binding + 1);
      if (!right) return std::nullopt;
      left = sheet_.step(sign->code, *left, *right);
    }
    return left;
  }

  std::optional<FormulaSlot> signed_value() {
    if (++depth_ > deepest) return std::nullopt;
    std::optional<FormulaSlot> value;
    if (take("-")) {
      value = signed_value();
      if (value) value = sheet_.step(FormulaCode::negate, *value);
    } else {
      value = take("+") ? signed_value() : power();
    }
    --depth_;
    return value;
  }

  std::optional<FormulaSlot> power() {
    const auto base = atom();
    if (!base || !take("^")) return base;
    const auto exponent = signed_value();
    return exponent ? std::optional(sheet_.step(FormulaCode::power, *base, *exponent)) : std::nullopt;
  }

  std::optional<FormulaSlot> atom() {
    skip();
    if (at_ == text_.size()) return std::nullopt;
    if (take("(")) {
      const auto inner = choice();
      return inner && take(")") ? inner : std::nullopt;
    }
    if (is_digit(text_[at_]) || text_[at_] == '.') return number();
    return starts_name(text_[at_]) ? name() : std::nullopt;
  }

  std::optional<FormulaSlot> number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (code != std::errc{} || end == begin) return std::nullopt;
    at_ += static_cast<std::size_t>(end - begin);
    if (at_ < text_.size() && continues_name(text_[at_])) return std::nullopt;
    return sheet_.constant(value);
  }

  std::optional<FormulaSlot> name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    return take("(") ? call(word) : resolve_(word);
  }

  std::optional<FormulaSlot> call(std::string_view word) {
    const auto function = std::ranges::find(functions, word, &Function::name);
    if (function == functions.end()) return std::nullopt;
    std::vector<FormulaSlot> arguments;
    do {
      const auto argument = choice();
      if (!argument) return std::nullopt;
      arguments.push_back(*argument);
    } while (take(","));
    if (!take(")") || arguments.size() < function->least || arguments.size() > function->most) return std::nullopt;
    if (function->least == 2) return sheet_.step(function->code, arguments[0], arguments[1]);
    if (function->most == 1) return sheet_.step(function->code, arguments[0]);
    FormulaSlot slot = arguments[0];
    for (std::size_t i = 1; i < arguments.size(); ++i) slot = sheet_.step(function->code, slot, arguments[i]);
    return slot;
  }

  std::string_view text_;
  const FormulaSheet::Resolve& resolve_;
  FormulaSheet& sheet_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

double result_of(const FormulaStep& step, const std::vector<double>& values) {
  const double a = values[static_cast<std::size_t>(step.a)];
  const double b = values[static_cast<std::size_t>(step.b)];
  switch (step.code) {
    case FormulaCode::add: return a + b;
    case FormulaCode::subtract: return a - b;
    case FormulaCode::multiply: return a * b;
    case FormulaCode::divide: return a / b;
    case FormulaCode::power: return std::pow(a, b);
    case FormulaCode::equal: return a == b ? 1 : 0;
    case FormulaCode::unequal: return a != b ? 1 : 0;
    case FormulaCode::less: return a < b ? 1 : 0;
    case FormulaCode::greater: return a > b ? 1 : 0;
    case FormulaCode::at_most: return a <= b ? 1 : 0;
    case FormulaCode::at_least: return a >= b ? 1 : 0;
    case FormulaCode::both: return a != 0 && b != 0 ? 1 : 0;
    case FormulaCode::either: return a != 0 || b != 0 ? 1 : 0;
    case FormulaCode::minimum: return std::min(a, b);
    case FormulaCode::maximum: return std::max(a, b);
    case FormulaCode::absolute: return std::fabs(a);
    case FormulaCode::floor: return std::floor(a);
    case FormulaCode::ceil: return std::ceil(a);
    case FormulaCode::round: return std::round(a);
    case FormulaCode::ceil_div: return std::ceil(a / b);
    case FormulaCode::negate: return -a;
    case FormulaCode::select: return a != 0 ? b : values[static_cast<std::size_t>(step.c)];
    case FormulaCode::given: return std::isnan(b) ? a : b;
  }
  return 0;
}

}  // namespace

FormulaSlot FormulaSheet::constant(double value) {
  const auto [found, fresh] =
      constants_.emplace(std::bit_cast<std::uint64_t>(value), static_cast<FormulaSlot>(start_.size()));
  if (fresh) {
    start_.push_back(value);
    inputs_.push_back(0);
  }
  return found->second;
}

FormulaSlot FormulaSheet::input() {
  start_.push_back(std::numeric_limits<double>::quiet_NaN());
  inputs_.push_back(input_bit(input_count_++));
  return static_cast<FormulaSlot>(start_.size() - 1);
}

FormulaSlot FormulaSheet::step(FormulaCode code, FormulaSlot a, FormulaSlot b, FormulaSlot c) {
  const auto [found, fresh] = known_.emplace(std::tuple(code, a, b, c), static_cast<FormulaSlot>(start_.size()));
  if (fresh) {
    const std::uint64_t inputs = inputs_of(a) | inputs_of(b) | inputs_of(c);
    start_.push_back(0);
    inputs_.push_back(inputs);
    steps_.push_back({code, found->second, a, b, c, inputs});
  }
  return found->second;
}

std::optional<FormulaSlot> FormulaSheet::compile(std::string_view text, const Resolve& resolve) {
  if (const ParsedNumber plain = parse_number(text); plain.error.empty()) return constant(plain.value);
  return Compiler(text, resolve, *this).whole();
}

void FormulaSheet::evaluate(std::vector<double>& values) const { evaluate(steps_, values); }

void FormulaSheet::evaluate(const std::vector<FormulaStep>& steps, std::vector<double>& values) {
  for (const FormulaStep& step : steps) values[static_cast<std::size_t>(step.to)] = result_of(step, values);
}

std::vector<FormulaStep> FormulaSheet::steps_after(std::uint64_t inputs) const {
  std::vector<FormulaStep> steps;
  std::ranges::copy_if(steps_, std::back_inserter(steps),
                       [&](const FormulaStep& step) { return (step.inputs & inputs) != 0; });
  return steps;
}

}  // namespace perfmodel
