#include "support/parse.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace perfmodel {
namespace {

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

// from_chars knows no plus sign; "+-1" stays a fault.
std::string_view without_plus(std::string_view text) {
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+';
  return plus ? text.substr(1) : text;
}

// "4096.0" and "4096." count as whole numbers.
std::string_view without_zero_fraction(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos || point == 0) return text;
  const bool zeros = text.find_first_not_of('0', point + 1) == std::string_view::npos;
  return zeros ? text.substr(0, point) : text;
}

std::string not_in_range(const IntegerRange& range, std::string_view text) {
  return fmt::format("expected {}, not '{}'", describe(range), text);
}

std::string not_in_range(const NumberRange& range, std::string_view text) {
  return fmt::format("expected {}, not '{}'", describe(range), text);
}

bool contains(const NumberRange& range, double value) {
  const bool low = range.above_min ? value > range.min : value >= range.min;
  const bool high = range.below_max ? value < range.max : value <= range.max;
  return low && high;
}

}  // namespace

ParsedInteger parse_integer(std::string_view text, const IntegerRange& range) {
  const std::string_view digits = without_zero_fraction(without_plus(text));
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size();
  if (whole && code == std::errc::result_out_of_range) {
    return {0, fmt::format("'{}' does not fit in 64 bits", text)};
  }
  if (!whole || code != std::errc{} || value < range.min || value > range.max) return {0, not_in_range(range, text)};
  return {value, {}};
}

ParsedNumber parse_number(std::string_view text, const NumberRange& range) {
  const std::string_view digits = without_plus(text);
  double value = 0.0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = end == digits.data() + digits.size();
  if (whole && code == std::errc::result_out_of_range) return {0.0, fmt::format("'{}' is out of range", text)};
  const bool number = whole && code == std::errc{} && std::isfinite(value);
  if (!number || !contains(range, value)) return {0.0, not_in_range(range, text)};
  return {value, {}};
}

std::string describe(const IntegerRange& range) {
  if (range.min == 1 && range.max == highest) return "a positive integer";
  if (range.min == 0 && range.max == highest) return "an integer of at least 0";
  if (range.min == lowest && range.max == highest) return "an integer";
  if (range.max == highest) return fmt::format("an integer of at least {}", range.min);
  if (range.min == lowest) return fmt::format("an integer of at most {}", range.max);
  return fmt::format("an integer from {} to {}", range.min, range.max);
}

std::string describe(const NumberRange& range) {
  const NumberRange any;
  const bool low = range.min > any.min;
  const bool high = range.max < any.max;
  if (range.min == 0.0 && range.above_min && !high) return "a positive number";
  std::string text = "a number";
  if (low) text += fmt::format(" {} {}", range.above_min ? "above" : "of at least", range.min);
  if (low && high) text += " and";
  if (high) text += fmt::format(" {} {}", range.below_max ? "below" : "at most", range.max);
  return text;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace perfmodel
