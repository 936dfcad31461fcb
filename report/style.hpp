// How a report for people is laid out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace perfmodel {

struct Style {
  bool colour = false;      // ANSI codes; the text says all without them
  std::size_t width = 100;  // columns
  std::size_t lines = 30;   // operators that do not fit are added up in one line
};

inline std::string bold(std::string_view text, const Style& style) {
  return style.colour ? "\x1b[1m" + std::string(text) + "\x1b[0m" : std::string(text);
}

}  // namespace perfmodel
