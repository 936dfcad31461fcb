#include "search/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "support/diagnostic.hpp"

namespace perfmodel {

namespace {

struct Lines {
  std::vector<std::string> whole;
  std::size_t length = 0;  // of them in the file
};

Lines whole_lines(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Lines lines;
  for (std::size_t end = 0; (end = text.find('\n', lines.length)) != std::string::npos; lines.length = end + 1) {
    lines.whole.push_back(text.substr(lines.length, end - lines.length));
  }
  return lines;
}

}  // namespace

Journal::Journal(std::string path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw RuntimeError(fmt::format("'{}' cannot be written: {}", path_, std::strerror(errno)));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor_);
    throw RuntimeError(fmt::format("another perfmodel works on '{}'", path_));
  }
  Lines lines = whole_lines(path_);
  if (::ftruncate(descriptor_, static_cast<off_t>(lines.length)) != 0) {
    ::close(descriptor_);
    throw RuntimeError(fmt::format("'{}' cannot be cut to its whole lines: {}", path_, std::strerror(errno)));
  }
  lines_ = std::move(lines.whole);
}

Journal::~Journal() { ::close(descriptor_); }

void Journal::add(std::string_view line, bool durable) {
  const std::string text = std::string(line) + '\n';
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(descriptor_, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw RuntimeError(fmt::format("'{}' cannot be written: {}", path_, std::strerror(errno)));
    done += static_cast<std::size_t>(count);
  }
  if (durable && ::fdatasync(descriptor_) != 0) {
    throw RuntimeError(fmt::format("'{}' cannot be written: {}", path_, std::strerror(errno)));
  }
}

std::vector<std::string> Journal::read(const std::string& path) { return whole_lines(path).whole; }

}  // namespace perfmodel
