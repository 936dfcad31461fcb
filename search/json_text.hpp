// Writing JSON fast: appended to text, numbers as the shortest that read back the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perfmodel {

// Quoted and escaped; terminal escapes and control characters left out.
void append_string(std::string& out, std::string_view text);

// A number that JSON has no word for becomes null.
void append_number(std::string& out, double value);
void append_number(std::string& out, std::int64_t value);
void append_number(std::string& out, std::uint64_t value);

}  // namespace perfmodel
