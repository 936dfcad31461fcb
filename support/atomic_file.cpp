#include "support/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "support/diagnostic.hpp"

namespace perfmodel {
namespace {

[[noreturn]] void refuse(const std::string& path, std::string_view reason) {
  throw InputError(file_location(path), fmt::format("cannot be written: {}", reason));
}

mode_t creation_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return static_cast<mode_t>(0666U & ~mask);
}

// A link is followed, so that the file it names is replaced and the link stays.
std::string resolved(const std::string& path) {
  std::error_code code;
  const bool link = std::filesystem::is_symlink(path, code);
  const std::filesystem::path target = link ? std::filesystem::weakly_canonical(path, code) : std::filesystem::path();
  return link && !code && !target.empty() ? target.string() : path;
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)) {
  if (path_ == "-") {
    descriptor_ = STDOUT_FILENO;
    return;
  }
  if (path_.empty()) throw InputError({}, "the name of the output file is empty");
  const std::string target = resolved(path_);
  struct stat status {};
  const bool exists = ::stat(target.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) refuse(path_, "it is a directory");
  if (exists && ::access(target.c_str(), W_OK) != 0) refuse(path_, std::strerror(errno));
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) refuse(path_, std::strerror(errno));
    return;
  }
  temporary_ = target + ".XXXXXX";
  descriptor_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    temporary_.clear();
    refuse(path_, std::strerror(errno));
  }
  ::fchmod(descriptor_, exists ? static_cast<mode_t>(status.st_mode & 07777U) : creation_mode());
  path_ = target;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::commit(std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor_, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw RuntimeError(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (temporary_.empty()) return;
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw RuntimeError(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
  }
  temporary_.clear();
}

void write_file_atomically(const std::string& path, std::string_view content) { AtomicFile(path).commit(content); }

}  // namespace perfmodel
