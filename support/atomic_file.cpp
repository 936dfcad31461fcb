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

unsigned creation_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666U & ~mask;
}

// A new file beside the target, removed again unless it was renamed. Faults are errno values, 0 for none.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target) : path_(target + ".XXXXXX") {
    descriptor_ = ::mkostemp(path_.data(), O_CLOEXEC);
    if (descriptor_ < 0) error_ = errno;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (error_ == 0 && !path_.empty()) ::unlink(path_.c_str());
  }

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] int error() const { return error_; }

  int rename_to(const std::string& target, unsigned mode) {
    if (::fchmod(descriptor_, mode) != 0) return errno;
    if (::close(std::exchange(descriptor_, -1)) != 0) return errno;
    if (std::rename(path_.c_str(), target.c_str()) != 0) return errno;
    path_.clear();
    return 0;
  }

 private:
  std::string path_;
  int descriptor_ = -1;
  int error_ = 0;
};

int write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
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
  target_ = target;
  mode_ = exists ? status.st_mode & 07777U : creation_mode();
  const TemporaryFile probe(target_);
  if (probe.descriptor() < 0) refuse(path_, std::strerror(probe.error()));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
}

void AtomicFile::commit(std::string_view content) {
  int error = 0;
  if (target_.empty()) {
    error = write_all(descriptor_, content);
  } else {
    TemporaryFile file(target_);
    error = file.error();
    if (error == 0) error = write_all(file.descriptor(), content);
    if (error == 0) error = file.rename_to(target_, mode_);
  }
  if (error != 0) throw RuntimeError(fmt::format("{}: cannot be written: {}", path_, std::strerror(error)));
}

void write_file_atomically(const std::string& path, std::string_view content) { AtomicFile(path).commit(content); }

}  // namespace perfmodel
