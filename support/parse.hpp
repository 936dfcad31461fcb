// Text to numbers, whole text or nothing, independent of the locale. Each function returns a fault as text
// (lower case, no period) that ends up in a located diagnostic.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace perfmodel {

// A closed range of integers; the default admits every one.
struct IntegerRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();

  static constexpr IntegerRange positive() { return {.min = 1}; }
  static constexpr IntegerRange not_negative() { return {.min = 0}; }
};

// A range of numbers. The ends belong to it unless said otherwise; the default admits every finite number.
struct NumberRange {
  double min = -std::numeric_limits<double>::max();
  double max = std::numeric_limits<double>::max();
  bool above_min = false;  // min itself is refused
  bool below_max = false;  // max itself is refused

  static constexpr NumberRange positive() { return {.min = 0.0, .above_min = true}; }
  static constexpr NumberRange not_negative() { return {.min = 0.0}; }
  static constexpr NumberRange fraction() { return {.min = 0.0, .max = 1.0}; }
  // A dropout probability: 0 is none, 1 would drop everything.
  static constexpr NumberRange probability_below_one() { return {.min = 0.0, .max = 1.0, .below_max = true}; }
};

struct ParsedInteger {
  std::int64_t value = 0;
  std::string error;  // empty: fine
};

struct ParsedNumber {
  double value = 0.0;
  std::string error;  // empty: fine
};

// Decimal digits with an optional sign. A fraction, an exponent, hexadecimal, 2^63 and values outside the range
// are faults; "4096.0" is read as 4096, since table writers produce it.
ParsedInteger parse_integer(std::string_view text, const IntegerRange& range = {});

// A decimal number, "0.5" or "1e-3". NaN, infinities, overflow and values outside the range are faults.
ParsedNumber parse_number(std::string_view text, const NumberRange& range = {});

// The range in words: "a positive integer", "an integer from 1 to 8", "a number of at least 0 and below 1".
std::string describe(const IntegerRange& range);
std::string describe(const NumberRange& range);

// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace perfmodel
