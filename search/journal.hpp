// What a search cannot work out again, kept as it happens: one JSON text a line, at the end of a file. A line counts
// when its end is there; what a killed process left of one is cut off.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace perfmodel {

class Journal {
 public:
  // Opens or makes the file and takes it for this process alone. Throws RuntimeError where it cannot, and where another
  // process has it.
  explicit Journal(std::string path);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // The lines that were there on opening.
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

  // Adds a line; `durable`: it is on the disk, with every line before it, when this returns.
  void add(std::string_view line, bool durable);

  // The whole lines of a journal that may be in use, for readers.
  static std::vector<std::string> read(const std::string& path);

 private:
  std::string path_;
  int descriptor_ = -1;
  std::vector<std::string> lines_;
};

}  // namespace perfmodel
