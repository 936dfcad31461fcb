// Lines of text for the terminal: breaking at blanks, facts under their headings.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/words.hpp"

namespace perfmodel {

// Breaks at blanks; continuation lines start with `indent` blanks.
std::vector<std::string> wrapped(const std::string& text, std::size_t width, std::size_t indent);

// "clock     the SM clock stays ..."; the heading once for several facts in a row.
std::vector<std::string> fact_lines(const std::vector<Fact>& facts, std::size_t width);

std::string joined(const std::vector<std::string>& lines);

}  // namespace perfmodel
