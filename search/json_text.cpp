#include "search/json_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "support/plain_text.hpp"

namespace perfmodel {

namespace {

// Printable ASCII without quote and backslash goes as it is.
bool is_simple(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

template <class Number>
void append(std::string& out, Number value) {
  std::array<char, 32> digits{};
  const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), end);
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out += '"';
  if (is_simple(text)) {
    out += text;
  } else {
    for (const char c : plain_text(text)) {
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\t': out += "\\t"; break;
        default: out += c;
      }
    }
  }
  out += '"';
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
  } else {
    append(out, value);
  }
}

void append_number(std::string& out, std::int64_t value) { append(out, value); }
void append_number(std::string& out, std::uint64_t value) { append(out, value); }

}  // namespace perfmodel
