#include "calibrate/finding.hpp"

#include <array>
#include <cmath>
#include <limits>

#include "support/format.hpp"
#include "support/table.hpp"

namespace perfmodel {
namespace {

constexpr std::array<std::string_view, 13> columns{"probe",  "case",    "quantity", "value",   "unit",
                                                   "spread", "samples", "sm_mhz",   "power_w", "temperature_c",
                                                   "sass",   "key",     "note"};
constexpr double percent_digits = 1e4;

// A value that repetitions do not agree on is none.
bool has_value(const Summary& value) {
  return value.samples > 0 && std::isfinite(value.median) && !(value.spread > Summary::default_spread_limit);
}

double rounded(double value, double digits) { return std::round(value * digits) / digits; }

void write_row(CsvWriter& csv, const Finding& finding) {
  csv.cell(finding.probe).cell(finding.case_name).cell(finding.quantity);
  csv.cell(has_value(finding.value) ? format_significant(finding.value.median, 7) : "").cell(finding.unit);
  csv.cell(finding.value.samples > 0 ? rounded(finding.value.spread, percent_digits)
                                     : std::numeric_limits<double>::quiet_NaN());
  csv.cell(static_cast<double>(finding.value.samples));
  csv.cell(std::round(finding.card.sm_clock.si() * 1e-6)).cell(rounded(finding.card.power.si(), 10));
  csv.cell(finding.card.temperature).cell(sass_check_name(finding.sass)).cell(finding.key).cell(finding.note);
  csv.end_row();
}

class FindingReader {
 public:
  FindingReader(const Table& table, Diagnostics& faults) : table_(table), faults_(faults) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto index = table.column(columns[i]);
      if (!index) faults.error(table.header_location(0), "no column '" + std::string(columns[i]) + "'");
      index_[i] = index.value_or(0);
    }
  }

  Finding read(std::size_t row) {
    Finding finding;
    finding.probe = text(row, 0);
    finding.case_name = text(row, 1);
    finding.quantity = text(row, 2);
    const auto value = number(row, 3);
    finding.unit = text(row, 4);
    finding.value.median = value.value_or(0);
    finding.value.spread = number(row, 5).value_or(0);
    finding.value.samples =
        static_cast<std::size_t>(table_.integer(row, index_[6], faults_, IntegerRange::not_negative()).value_or(0));
    finding.card.sm_clock = Hertz(1e6 * number(row, 7).value_or(0));
    finding.card.power = Watts(number(row, 8).value_or(0));
    finding.card.temperature = number(row, 9).value_or(0);
    const auto sass = table_.choice(row, index_[10], faults_, {"unchecked", "checked"});
    finding.sass = static_cast<SassCheck>(sass.value_or(0));
    finding.key = text(row, 11);
    finding.note = text(row, 12);
    return finding;
  }

 private:
  std::string text(std::size_t row, std::size_t column) { return std::string(table_.cell(row, index_[column])); }
  std::optional<double> number(std::size_t row, std::size_t column) {
    return table_.number(row, index_[column], faults_);
  }

  const Table& table_;
  Diagnostics& faults_;
  std::array<std::size_t, columns.size()> index_{};
};

}  // namespace

std::string_view sass_check_name(SassCheck check) { return check == SassCheck::checked ? "checked" : "unchecked"; }

std::string findings_csv(const std::vector<Finding>& findings) {
  CsvWriter csv;
  for (const std::string_view column : columns) csv.cell(column);
  csv.end_row();
  for (const Finding& finding : findings) write_row(csv, finding);
  return csv.text();
}

std::vector<Finding> load_findings(const std::string& path) {
  const Table table = Table::load_file(path);
  Diagnostics faults;
  FindingReader reader(table, faults);
  faults.throw_if_errors();
  std::vector<Finding> findings;
  for (std::size_t row = 0; row < table.rows(); ++row) findings.push_back(reader.read(row));
  faults.throw_if_errors();
  return findings;
}

}  // namespace perfmodel
