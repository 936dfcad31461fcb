// The oracle over JSON lines: a line in, a line out, in order, as soon as there is an answer.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "search/oracle.hpp"

namespace perfmodel {

struct StreamOptions {
  unsigned threads = 0;  // that score; 0: as many as there are cores
};

// Some bytes of the input into the buffer: how many, 0 at its end. Called from a single thread. May throw.
using ReadSome = std::function<std::size_t(std::span<char>)>;
// Called from a single thread. May throw.
using WriteAll = std::function<void(std::string_view)>;

struct StreamCounts {
  std::uint64_t lines = 0;
  std::uint64_t faults = 0;
};

// Answers every line until the input ends. The answers to the lines read so far are written before it waits for more.
// Memory is bounded whatever the input; lines that are too long are skipped and answered with a fault. The answers are
// the same bytes at any number of threads. What reading or writing throws, it throws.
StreamCounts answer_lines(Oracle& oracle, const ReadSome& read, const WriteAll& write, const StreamOptions& options);

}  // namespace perfmodel
