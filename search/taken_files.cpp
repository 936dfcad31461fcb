// The taking over of files: every path is resolved by the kernel beneath the folder's descriptor, so that nothing
// planted there leads out of it.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "search/sandbox.hpp"

namespace perfmodel {

namespace {

constexpr std::size_t most_ignored = 8;

struct Opened {
  int descriptor = -1;
  std::string refusal;  // empty with descriptor -1: not there
};

Opened open_beneath(int folder, const std::string& name) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const long descriptor = ::syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
  if (descriptor >= 0) return {static_cast<int>(descriptor), ""};
  switch (errno) {
    case ENOENT:
    case ENOTDIR: return {};
    case ELOOP: return {-1, "a symbolic link"};
    case EXDEV: return {-1, "leads out of the folder"};
    case ENXIO: return {-1, "no regular file"};
    default: return {-1, std::strerror(errno)};
  }
}

std::string refusal_of(int descriptor, std::size_t limit) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "no regular file";
  if (status.st_nlink != 1) return "a file with a second name";
  if (static_cast<std::size_t>(status.st_size) > limit) {
    return fmt::format("{} bytes, {} are the most", status.st_size, limit);
  }
  return {};
}

// Nothing where it has grown past the limit meanwhile.
std::optional<std::string> read_up_to(int descriptor, std::size_t limit) {
  std::string bytes;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0 ? std::optional(bytes) : std::nullopt;
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
    if (bytes.size() > limit) return std::nullopt;
  }
}

// Printable and short, since it goes to reports.
std::string shown_name(const char* name) {
  std::string text;
  for (const char* at = name; *at != '\0' && text.size() < 64; ++at) {
    text += *at >= ' ' && *at < 0x7f ? *at : '?';
  }
  return text;
}

void list_ignored(int folder, const std::vector<AllowedFile>& allowed, TakenFiles& taken) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (entries == nullptr) {
    ::close(copy);
    return;
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool known = std::ranges::any_of(allowed, [&](const AllowedFile& file) {
      return file.name == name || file.name.starts_with(std::string(name) + "/");
    });
    if (!known) taken.ignored.push_back(shown_name(entry->d_name));
    if (taken.ignored.size() >= 4096) break;
  }
  std::ranges::sort(taken.ignored);
  if (taken.ignored.size() > most_ignored) taken.ignored.resize(most_ignored);
}

}  // namespace

TakenFiles take_files(int folder, const std::vector<AllowedFile>& allowed) {
  TakenFiles taken;
  for (const AllowedFile& file : allowed) {
    const Opened opened = open_beneath(folder, file.name);
    std::string refusal = opened.refusal;
    if (opened.descriptor >= 0) {
      refusal = refusal_of(opened.descriptor, file.limit);
      std::optional<std::string> bytes;
      if (refusal.empty()) bytes = read_up_to(opened.descriptor, file.limit);
      if (refusal.empty() && !bytes) refusal = "cannot be read";
      if (bytes) taken.files.push_back({file.name, std::move(*bytes)});
      ::close(opened.descriptor);
    }
    if (!refusal.empty()) taken.refused.push_back(fmt::format("{}: {}", file.name, refusal));
  }
  list_ignored(folder, allowed, taken);
  return taken;
}

}  // namespace perfmodel
