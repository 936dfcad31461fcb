// The folder that a calibration fills: findings, tables, a marker for every step that is finished, and a page that says
// on which card, when and how. A run that was cut off goes on from what is there.
//
//     results/
//       README.md       the card, versions, date, command, what each step took
//       probes.csv      findings
//       gemm.csv ...    tables of the experiments
//       machine.yaml    the constants that the findings give
//       .done/NAME      one file a finished step, with its duration
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "calibrate/finding.hpp"
#include "calibrate/table_sink.hpp"
#include "support/units.hpp"

namespace perfmodel {

class ResultsFolder {
 public:
  // Creates the folder, or takes up what an earlier run left. Throws InputError for files that cannot be read back.
  explicit ResultsFolder(std::string path);

  [[nodiscard]] std::string file(std::string_view name) const;
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }

  // Keeps a finding and writes probes.csv; one of the same probe, case and quantity is replaced.
  void add(const Finding& finding);
  // The table of that name, "gemm.csv", continued if it is there.
  [[nodiscard]] TableSink table(std::string_view name) const { return TableSink(file(name)); }

  [[nodiscard]] bool finished(std::string_view step) const { return took(step).has_value(); }
  // How long a finished step took.
  [[nodiscard]] std::optional<Seconds> took(std::string_view step) const;
  void finish(std::string_view step, Seconds took);

  // Writes README.md: the lines, name and value, then the finished steps with their durations.
  void write_header(const std::vector<std::pair<std::string, std::string>>& lines) const;

 private:
  std::string path_;
  std::vector<Finding> findings_;
};

}  // namespace perfmodel
