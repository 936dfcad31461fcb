#include "cli/line_io.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "cli/interrupt.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

std::size_t read_input(std::span<char> buffer) {
  for (;;) {
    InterruptGuard::check();
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw RuntimeError(fmt::format("standard input cannot be read: {}", std::strerror(errno)));
  }
}

void write_output(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw RuntimeError(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void for_each_input_line(std::size_t most, const std::function<void(std::string_view)>& take) {
  std::string block(1 << 16, '\0');
  std::string line;
  while (const std::size_t got = read_input(block)) {
    std::string_view text(block.data(), got);
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      line += text.substr(0, end);
      if (line.ends_with('\r')) line.pop_back();
      take(std::string_view(line).substr(0, most + 1));
      line.clear();
      text.remove_prefix(end + 1);
    }
    if (line.size() <= most) line += text;
  }
  if (!line.empty()) take(std::string_view(line).substr(0, most + 1));
}

}  // namespace perfmodel
