#include "report/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/subject.hpp"
#include "support/table.hpp"

namespace perfmodel {
namespace {

constexpr std::string_view header =
    "predicted_us,lower_us,upper_us,limiter,predicted_sm_mhz,predicted_sequence_us,note";
constexpr std::array<std::string_view, 7> columns{
    "predicted_us", "lower_us", "upper_us", "limiter", "predicted_sm_mhz", "predicted_sequence_us", "note"};

// With `decimals` (1 or 3) decimals. Integers are printed several times as fast as doubles, and tables have millions
// of cells.
void append_fixed(std::string& out, double value, int decimals) {
  constexpr double too_large = 9e14;
  const double factor = decimals == 1 ? 10.0 : 1000.0;
  if (!(std::abs(value) < too_large)) {
    out += fmt::format("{}", value);
    return;
  }
  long long scaled = std::llround(value * factor);
  if (scaled < 0) {
    out += '-';
    scaled = -scaled;
  }
  const auto step = static_cast<long long>(factor);
  const fmt::format_int whole(scaled / step);
  out.append(whole.data(), whole.size());
  out += '.';
  for (long long place = step / 10, rest = scaled % step; place > 0; place /= 10) {
    out += static_cast<char>('0' + rest / place % 10);
  }
}

void append_microseconds(std::string& out, Seconds time) { append_fixed(out, time.si() * 1e6, 3); }

void append_text(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string line_of(std::string_view name, std::string_view op, const Estimate& estimate, double share,
                    std::string_view note) {
  std::string line;
  append_text(line, name);
  line += fmt::format(",{},{:.6f},", op, share);
  append_prediction(line, estimate, note);
  return line + '\n';
}

Estimate subtotal(const SequenceEstimate& sequence) {
  Estimate matmul = flattened(sequence);
  matmul.time = sequence.matmul;
  matmul.lower = sequence.matmul_lower;
  matmul.upper = sequence.matmul_upper;
  return matmul;
}

}  // namespace

std::string_view prediction_header() { return header; }

bool is_prediction_column(std::string_view name) { return std::ranges::find(columns, name) != columns.end(); }

void append_prediction(std::string& out, const Estimate& estimate, std::string_view note) {
  if (!estimate.feasible()) {
    out += ",,,";
    out += limiter_name(Limiter::infeasible);
    out += ",,,";
    append_text(out, estimate.refusal);
    return;
  }
  append_microseconds(out, estimate.time);
  out += ',';
  append_microseconds(out, estimate.lower);
  out += ',';
  append_microseconds(out, estimate.upper);
  out += ',';
  out += limiter_name(estimate.limiter);
  out += ',';
  append_fixed(out, reported_clock(estimate).si() * 1e-6, 1);
  out += ',';
  if (estimate.sequence > Seconds(0.0)) append_microseconds(out, estimate.sequence);
  out += ',';
  append_text(out, note);
}

std::string csv_report(const Study& study) {
  std::string text = fmt::format("operator,op,share,{}\n", header);
  const SequenceEstimate& sequence = study.estimate;
  for (const SequenceItem& item : sequence.items) {
    // What runs beside another has its time within that one's.
    const bool own = item.beside.empty();
    text += line_of(item.name, op_name(item.op), item.estimate, own ? item.estimate.time / sequence.total : 0.0,
                    own ? note_of(item.op) : "beside " + item.beside);
  }
  if (study.single) return text;
  text += line_of("total", "block", flattened(sequence), 1.0, "");
  if (sequence.matmul > Seconds(0.0)) {
    text += line_of("matmul", "block", subtotal(sequence), sequence.matmul / sequence.total, "");
  }
  return text;
}

}  // namespace perfmodel
