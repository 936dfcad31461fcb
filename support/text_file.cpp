#include "support/text_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace perfmodel {
namespace {

class FileHandle {
 public:
  explicit FileHandle(int descriptor) : descriptor_(descriptor) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle() {
    if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

[[noreturn]] void refuse(const std::string& path, int code) {
  if (code == ENOENT) throw InputError(file_location(path), "no such file");
  throw InputError(file_location(path), fmt::format("cannot be read: {}", std::strerror(code)));
}

Location location_at(const SourcePtr& source, std::size_t offset) {
  const std::string_view before = std::string_view(source->text).substr(0, offset);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return {source, static_cast<int>(line), static_cast<int>(offset - line_start + 1)};
}

// Length of the well-formed UTF-8 sequence at the front of text, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool too_high = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_high ? 0 : length;
}

}  // namespace

SourcePtr make_source(std::string_view name, std::string text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  return std::make_shared<const Source>(Source{std::string(name), std::move(text)});
}

SourcePtr read_source(const std::string& path, std::size_t max_size) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "<stdin>" : path;
  if (path.empty()) throw InputError({}, "the file name is empty");
  if (path.find('\0') != std::string::npos) throw InputError({}, "the file name has a NUL byte in it");
  const FileHandle file(standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) refuse(name, errno);

  struct stat status {};
  if (::fstat(file.get(), &status) != 0) refuse(name, errno);
  if (S_ISDIR(status.st_mode)) throw InputError(file_location(name), "is a directory, not a file");

  std::string text;
  if (S_ISREG(status.st_mode)) text.reserve(std::min(static_cast<std::size_t>(status.st_size), max_size) + 1);
  std::array<char, 1U << 16U> buffer{};
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(name, errno);
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > max_size) {
      throw InputError(file_location(name), fmt::format("is larger than {} bytes, the most that is read", max_size));
    }
  }
  return make_source(name, std::move(text));
}

void require_text(const SourcePtr& source, bool require_utf8) {
  const std::string& text = source->text;
  if (text.empty()) throw InputError(file_location(source->name), "is empty");
  const std::size_t nul = text.find('\0');
  if (nul != std::string::npos) {
    Location where = location_at(source, nul);
    throw InputError({file_location(source->name).source, where.line, where.column},
                     "NUL byte: this is a binary file, not text");
  }
  if (!require_utf8) return;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(std::string_view(text).substr(at));
    if (length == 0) {
      Location where = location_at(source, at);
      throw InputError({file_location(source->name).source, where.line, where.column},
                       "not UTF-8 text: this is a binary file or has another encoding");
    }
    at += length;
  }
}

}  // namespace perfmodel
