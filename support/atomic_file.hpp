// Output files that appear whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace perfmodel {

// Construction finds a bad path or a missing permission before the work; commit() puts the content in place by
// renaming a temporary file in the same directory. Without commit nothing changes and nothing is left behind, not
// even by a program that is killed in between. "-" is standard output. A device or pipe is written in place.
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
  std::string target_;   // the path with links followed; empty: written in place
  unsigned mode_ = 0;    // permissions of the new file
  int descriptor_ = -1;  // of what is written in place
};

// Both steps in one, for small files.
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace perfmodel
