#include "support/grid.hpp"

#include <algorithm>
#include <utility>

namespace perfmodel {
namespace {

std::string escaped(std::string_view cell) {
  std::string text;
  for (const char c : cell) {
    if (c == '|') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Grid& Grid::column(std::string title, Align align) {
  columns_.push_back({std::move(title), align});
  return *this;
}

Grid& Grid::row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
  return *this;
}

Grid& Grid::gap() {
  rows_.emplace_back();
  return *this;
}

std::vector<std::size_t> Grid::widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  return widths;
}

void Grid::append_line(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                       std::size_t indent) const {
  std::string line(indent, ' ');
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += "  ";
    const std::string padding(widths[i] - display_width(cells[i]), ' ');
    line += columns_[i].align == Align::left ? cells[i] + padding : padding + cells[i];
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

std::string Grid::text(std::size_t indent) const {
  std::string out;
  const std::vector<std::size_t> columns = widths();
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  const bool titled = std::ranges::any_of(titles, [](const std::string& title) { return !title.empty(); });
  if (titled) append_line(out, titles, columns, indent);
  for (const auto& cells : rows_) append_line(out, cells, columns, cells.empty() ? 0 : indent);
  return out;
}

std::string Grid::markdown() const {
  std::string head = "|";
  std::string rule = "|";
  for (const Column& column : columns_) {
    head += ' ' + escaped(column.title) + " |";
    rule += column.align == Align::left ? "---|" : "---:|";
  }
  std::string out = head + '\n' + rule + '\n';
  for (const auto& cells : rows_) {
    if (cells.empty()) continue;
    out += '|';
    for (const std::string& cell : cells) out += ' ' + escaped(cell) + " |";
    out += '\n';
  }
  return out;
}

}  // namespace perfmodel
