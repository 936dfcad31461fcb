// Rows of cells as aligned text for a terminal or as a Markdown table.
//
//     operator      time  share  limiter
//     qkv         412 us   24 %  power
//     attention   310 us   18 %  xu
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace perfmodel {

class Grid {
 public:
  enum class Align { left, right };

  // Columns first, then rows; a row may have fewer cells than there are columns.
  Grid& column(std::string title, Align align = Align::right);
  Grid& row(std::vector<std::string> cells);
  // A blank line in text; nothing in Markdown.
  Grid& gap();

  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // Two blanks between columns, no blanks at line ends; every line starts with `indent` blanks. A grid whose titles
  // are all empty has no title line.
  [[nodiscard]] std::string text(std::size_t indent = 0) const;
  // Pipes in cells are escaped.
  [[nodiscard]] std::string markdown() const;

 private:
  struct Column {
    std::string title;
    Align align;
  };

  [[nodiscard]] std::vector<std::size_t> widths() const;
  void append_line(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                   std::size_t indent) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // one without cells is a gap
};

// Characters of UTF-8 text.
std::size_t display_width(std::string_view text);

}  // namespace perfmodel
