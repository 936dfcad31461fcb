#include "support/plain_text.hpp"

#include <algorithm>

namespace perfmodel {

namespace {

constexpr unsigned char escape = 0x1b;

unsigned char byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

bool continues(std::string_view text, std::size_t at) { return at < text.size() && (byte(text, at) & 0xc0U) == 0x80; }

// Bytes of the character at `at`; 0 if it is no UTF-8.
std::size_t length_at(std::string_view text, std::size_t at) {
  const unsigned char first = byte(text, at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text, at + i)) return 0;
  }
  const unsigned char second = byte(text, at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;  // overlong, surrogate
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return length;
}

// After the parameters and the final letter of a control sequence, or at the end.
std::size_t after_control_sequence(std::string_view text, std::size_t at) {
  while (at < text.size() && byte(text, at) >= 0x20 && byte(text, at) < 0x40) ++at;
  return at < text.size() && byte(text, at) >= 0x40 && byte(text, at) < 0x7f ? at + 1 : at;
}

// After the BEL or ESC \ that ends a string such as a window title; strings end with their line at the latest.
std::size_t after_string(std::string_view text, std::size_t at) {
  for (; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == '\a') return at + 1;
    if (byte(text, at) == escape && at + 1 < text.size() && text[at + 1] == '\\') return at + 2;
  }
  return at;
}

bool begins_string(char c) { return c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_'; }

std::size_t after_escape(std::string_view text, std::size_t at) {
  ++at;
  if (at == text.size()) return at;
  if (text[at] == '[') return after_control_sequence(text, at + 1);
  if (begins_string(text[at])) return after_string(text, at + 1);
  while (at < text.size() && byte(text, at) >= 0x20 && byte(text, at) < 0x30) ++at;
  return at < text.size() && byte(text, at) >= 0x30 && byte(text, at) < 0x7f ? at + 1 : at;
}

// An 8-bit control, two bytes in UTF-8: 0xc2 0x80 to 0xc2 0x9f.
bool is_high_control(std::string_view text, std::size_t at) {
  return byte(text, at) == 0xc2 && continues(text, at + 1) && byte(text, at + 1) < 0xa0;
}

std::size_t after_high_control(std::string_view text, std::size_t at) {
  const unsigned char code = byte(text, at + 1);
  at += 2;
  if (code == 0x9b) return after_control_sequence(text, at);
  return code == 0x9d || code == 0x90 || code == 0x98 || code == 0x9e || code == 0x9f ? after_string(text, at) : at;
}

}  // namespace

std::string plain_text(std::string_view text, std::size_t most) {
  std::string plain;
  plain.reserve(std::min(text.size(), most));
  for (std::size_t at = 0; at < text.size();) {
    const unsigned char first = byte(text, at);
    if (first == escape) {
      at = after_escape(text, at);
    } else if (is_high_control(text, at)) {
      at = after_high_control(text, at);
    } else if ((first < 0x20 && first != '\n' && first != '\t') || first == 0x7f) {
      ++at;
    } else {
      const std::size_t length = length_at(text, at);
      if (plain.size() + std::max<std::size_t>(1, length) > most) return plain + "...";
      plain += length == 0 ? std::string_view("?") : text.substr(at, length);
      at += std::max<std::size_t>(1, length);
    }
  }
  return plain;
}

}  // namespace perfmodel
