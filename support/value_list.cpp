#include "support/value_list.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "support/parse.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view dots = "..";

// A number and what follows it, "3.5 TB/s".
struct Measure {
  double number = 0.0;
  std::string unit;
};

std::optional<Measure> parse_measure(std::string_view text) {
  text = trimmed(text);
  double number = 0.0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{} || !std::isfinite(number)) return std::nullopt;
  return Measure{number, std::string(trimmed(text.substr(static_cast<std::size_t>(end - text.data()))))};
}

// 15 digits leave out what counting up in binary adds: 0.1 + 2 * 0.1 is 0.3.
std::string written(double number, const std::string& unit = "") {
  return fmt::format("{:.15g}{}{}", number, unit.empty() ? "" : " ", unit);
}

class ListParser {
 public:
  ListParser(std::string_view text, std::string_view option)
      : source_(std::make_shared<const Source>(Source{std::string(option), std::string(text)})), text_(source_->text) {}

  ValueList parse() {
    const std::size_t equals = text_.find('=');
    if (equals == std::string_view::npos) refuse(0, "expected KEY=VALUE");
    list_.key = trimmed(text_.substr(0, equals));
    if (list_.key.empty()) refuse(0, "no key before '='");
    list_.key_location = at(0);
    if (trimmed(text_.substr(equals + 1)).empty()) refuse(equals + 1, "no value after '='");
    for (std::size_t start = equals + 1; start <= text_.size();) {
      const std::size_t end = end_of_value(start);
      value(start, end);
      start = end + 1;
    }
    return std::move(list_);
  }

 private:
  [[nodiscard]] Location at(std::size_t offset) const { return {source_, 1, static_cast<int>(offset) + 1}; }

  [[noreturn]] void refuse(std::size_t offset, std::string message) const {
    throw InputError(at(offset), std::move(message));
  }

  [[nodiscard]] std::size_t end_of_value(std::size_t start) const {
    int depth = 0;
    for (std::size_t i = start; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '[' || c == '(' || c == '{') ++depth;
      if (c == ']' || c == ')' || c == '}') --depth;
      if (c == ',' && depth == 0) return i;
    }
    return text_.size();
  }

  void value(std::size_t start, std::size_t end) {
    std::string_view text = text_.substr(start, end - start);
    start += std::min(text.find_first_not_of(" \t"), text.size());
    text = trimmed(text);
    if (text.empty()) refuse(start, "a value is missing between commas");
    if (text.find(dots) != std::string_view::npos) return range(start, text);
    if (text.front() == '*') return add_factor(start, text.substr(1));
    add({std::string(text), {}, at(start)});
  }

  void add_factor(std::size_t start, std::string_view text) {
    const ParsedNumber factor = parse_number(trimmed(text), NumberRange::positive());
    if (!factor.error.empty()) refuse(start, fmt::format("a factor after '*': {}", factor.error));
    add({written(factor.value), factor.value, at(start)});
  }

  void add(ListedValue value) {
    if (list_.values.size() >= most_listed_values) {
      refuse(0, fmt::format("more than {} values of '{}'", most_listed_values, list_.key));
    }
    list_.values.push_back(std::move(value));
  }

  // FROM..TO*FACTOR or FROM..TO+STEP.
  void range(std::size_t start, std::string_view text) {
    const bool factors = text.front() == '*';
    const std::size_t middle = text.find(dots);
    std::string_view to_text = text.substr(middle + dots.size());
    if (factors && trimmed(to_text).starts_with('*')) to_text.remove_prefix(to_text.find('*') + 1);
    const std::size_t sign = to_text.find_first_of("*+", 1);
    if (to_text.empty() || sign == std::string_view::npos) {
      throw InputError(at(start), fmt::format("'{}' has no step", text),
                       {{{}, "write FROM..TO*2 to double, FROM..TO+16 to count up"}});
    }
    const auto from = parse_measure(factors ? text.substr(1, middle - 1) : text.substr(0, middle));
    const auto to = parse_measure(to_text.substr(0, sign));
    const auto step = parse_measure(to_text.substr(sign + 1));
    if (!from || !to || !step) refuse(start, fmt::format("'{}' is no range of numbers", text));
    check_range(start, text, *from, *to, *step, to_text[sign] == '*');
    count(start, *from, *to, *step, to_text[sign] == '*', factors);
  }

  void check_range(std::size_t start, std::string_view text, const Measure& from, const Measure& to,
                   const Measure& step, bool multiplied) const {
    if (from.unit != to.unit || (multiplied ? !step.unit.empty() : step.unit != from.unit)) {
      throw InputError(at(start), fmt::format("'{}': ends and step of a range are in one unit", text),
                       {{{}, "such as 3 TB/s..5 TB/s+1 TB/s; a factor has none"}});
    }
    const bool leads = multiplied ? step.number > 1.0 && from.number > 0.0 : step.number > 0.0;
    if (!leads || to.number < from.number) {
      refuse(start, fmt::format("'{}' leads nowhere: a range goes up, by a factor above 1 or a step above 0", text));
    }
  }

  void count(std::size_t start, const Measure& from, const Measure& to, const Measure& step, bool multiplied,
             bool factors) {
    constexpr double rounding = 1e-9;
    double number = from.number;
    for (int i = 1; number <= to.number * (1.0 + rounding); ++i) {
      if (factors) {
        add({written(number), number, at(start)});
      } else {
        add({written(number, from.unit), {}, at(start)});
      }
      number = multiplied ? from.number * std::pow(step.number, i) : from.number + i * step.number;
    }
  }

  SourcePtr source_;
  std::string_view text_;
  ValueList list_;
};

}  // namespace

ValueList parse_value_list(std::string_view text, std::string_view option) { return ListParser(text, option).parse(); }

std::string value_label(const ListedValue& value) { return value.factor ? "*" + value.text : value.text; }

}  // namespace perfmodel
