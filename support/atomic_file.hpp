// Output files that appear whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace perfmodel {

// Opens on construction, so that a bad path or missing permission is found before the work; commit() puts the
// content in place by renaming a temporary file in the same directory. Without commit nothing changes.
// "-" is standard output, written on commit. An existing device or pipe, such as /dev/null, is written on commit too.
class AtomicFile {
 public:
  // Throws InputError if the file cannot be created there.
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  // Writes the content and puts it in place, once. Throws RuntimeError if it cannot be written (disk full, closed
  // pipe); the former file, if any, then stays as it was.
  void commit(std::string_view content);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string temporary_;  // empty: written in place
  int descriptor_ = -1;
};

// Both steps in one, for small files.
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace perfmodel
