// Rows of a measured table as they come: columns by name, written whole to its file after every row, so that a run that
// is cut off keeps what it has and the next one goes on from there.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perfmodel {

// A cell of a row: column and text.
using Cells = std::vector<std::pair<std::string, std::string>>;

void append(Cells& cells, const Cells& more);

class TableSink {
 public:
  // Continues the table at `path` if there is one. Throws InputError if it is no table.
  explicit TableSink(std::string path);

  // Whether a row whose named cells have these texts is there already.
  [[nodiscard]] bool has(const Cells& inputs) const;
  // Appends a row and writes the file; columns not seen before are added on the right.
  void add(const Cells& cells);
  [[nodiscard]] std::size_t rows() const { return rows_.size(); }

 private:
  std::string path_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace perfmodel
