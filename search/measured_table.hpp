// A table of measured rows in the place of silicon: a search over it is a replay of what a search on the machine would
// have seen.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "search/design.hpp"
#include "search/fitness.hpp"
#include "search/suite.hpp"
#include "support/table.hpp"

namespace perfmodel {

// A row belongs to the configuration whose work it has, and to the design whose settings stand in its columns of those
// names. A row without a time could not run, and its `status` says why.
class MeasuredTable {
 public:
  // Throws InputError for a table without `measured_us`.
  explicit MeasuredTable(Table table);

  // Whether the table has a row of the design for each configuration: others are outside of what can be searched.
  [[nodiscard]] bool covers(const Suite& suite, const Design& design) const;

  // Refused where the table has no row for it.
  [[nodiscard]] Fitness fitness(const Suite& suite, const Design& design) const;

  [[nodiscard]] bool has_column(std::string_view name) const { return table_.column(name).has_value(); }

  // What a compiler would say of a design: these columns of its rows, the largest over the suite; empty cells are not
  // said.
  [[nodiscard]] Compiled compiled(const Suite& suite, const Design& design,
                                  const std::vector<std::string>& columns) const;

  // The largest geometric mean over the suite of any design with a row for each configuration, by these columns.
  [[nodiscard]] double best(const Suite& suite, const std::vector<std::string>& names) const;

 private:
  // The row of a design on a configuration; nothing if there is none.
  [[nodiscard]] std::optional<std::size_t> find(const Operator& configuration, const Design& design) const;
  [[nodiscard]] std::string key(std::size_t row, const std::vector<std::string>& names) const;
  [[nodiscard]] const std::map<std::string, std::size_t>& index(const std::vector<std::string>& names) const;

  Table table_;
  std::size_t time_ = 0;
  // By the settings' names, made when first asked for.
  mutable std::map<std::vector<std::string>, std::map<std::string, std::size_t>> indices_;
};

}  // namespace perfmodel
