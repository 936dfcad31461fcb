// Standard input and output for commands that talk line by line.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

namespace perfmodel {

// Some bytes of standard input, 0 at its end. Ctrl-C ends the wait (Interrupted). Throws RuntimeError.
std::size_t read_input(std::span<char> buffer);

// All of it, at once. Throws RuntimeError.
void write_output(std::string_view text);

// Each line of standard input without its end; of a line longer than `most` bytes its first `most` + 1.
void for_each_input_line(std::size_t most, const std::function<void(std::string_view)>& take);

}  // namespace perfmodel
