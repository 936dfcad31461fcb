#include "calibrate/machine_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "arch/fields.hpp"
#include "arch/load.hpp"
#include "support/format.hpp"

namespace perfmodel {
namespace {

bool usable(const Finding& finding) { return !finding.key.empty() && finding.value.samples > 0; }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string reference(const Finding& finding, const MachineSource& source) {
  const std::string note = finding.note.empty() ? "" : "; " + finding.note;
  return fmt::format("perfmodel calibrate, {} probe: {} {}; {}, {}{}", finding.probe, finding.case_name,
                     finding.quantity, source.card, source.date, note);
}

// One constant of the file: the path of its key and the map that it is written as.
struct Entry {
  std::vector<std::string> path;  // "pipes", "alu"
  std::string text;               // "{rate: 63.7 /clk, source: measured, ref: "..."}"
};

std::vector<std::string> split(std::string_view key) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= key.size();) {
    const std::size_t dot = std::min(key.find('.', start), key.size());
    parts.emplace_back(key.substr(start, dot - start));
    start = dot + 1;
  }
  return parts;
}

// A pipe is written as {rate: ...}, an instruction class as {latency: ...}; any other constant as {value: ...} under
// its last name.
Entry entry_of(const std::string& key, const Field& field, double si, const std::string& ref) {
  Entry entry;
  entry.path = split(key);
  std::string name = "value";
  if (entry.path.front() == "pipes" || entry.path.front() == "instructions") {
    name = entry.path.back();
    entry.path.pop_back();
  }
  entry.text = fmt::format("{{{}: {}, source: measured, ref: {}}}", name, format_constant(field, si), quoted(ref));
  return entry;
}

void write_entries(std::string& text, const std::vector<Entry>& entries) {
  std::vector<std::string> open;
  for (const Entry& entry : entries) {
    std::size_t same = 0;
    while (same < open.size() && same + 1 < entry.path.size() && open[same] == entry.path[same]) ++same;
    open.resize(same);
    for (; open.size() + 1 < entry.path.size(); open.push_back(entry.path[open.size()])) {
      text += fmt::format("{}{}:\n", std::string(2 * open.size(), ' '), entry.path[open.size()]);
    }
    text += fmt::format("{}{}: {}\n", std::string(2 * open.size(), ' '), entry.path.back(), entry.text);
  }
}

class MachineFile {
 public:
  explicit MachineFile(const MachineSource& source) : source_(source), machine_(load_machine(source.base)) {}

  void add(const Finding& finding) {
    const std::string value = format_significant(finding.value.median, 6);
    const std::string with_unit = finding.unit.empty() ? value : value + " " + finding.unit;
    const auto named = find_constant(machine_, finding.key);
    if (!named) {
      remarks_[finding.key] = fmt::format("{} has no such constant; {} measured", source_.base, with_unit);
      return;
    }
    if (finding.key.find(".occupies.") != std::string::npos) {
      remarks_[finding.key] = fmt::format("{} measured; occupancies are set by hand", with_unit);
      return;
    }
    if (finding.value.spread > Summary::default_spread_limit) {
      remarks_[finding.key] = fmt::format("repetitions disagree about {}", with_unit);
      return;
    }
    const Field& field = *named->field;
    // A plain number is read as a quantity without unit.
    const ParsedQuantity parsed = finding.unit.empty() ? ParsedQuantity{finding.value.median, {}, "", 0}
                                                       : parse_quantity(with_unit, field.dimension);
    if (!parsed.ok() || parsed.dimension != field.dimension) {
      remarks_[finding.key] = fmt::format("{} is not in {}", with_unit, dimension_name(field.dimension));
    } else if (parsed.si < field.low || parsed.si > field.high) {
      remarks_[finding.key] = fmt::format("{} is outside of {} to {}", with_unit, format_constant(field, field.low),
                                          format_constant(field, field.high));
    } else {
      entries_[finding.key] = entry_of(finding.key, field, parsed.si, reference(finding, source_));
    }
  }

  [[nodiscard]] std::string text() {
    std::string text = fmt::format(
        "# What perfmodel calibrate measured of one card on {}; everything else is that of {}.\nname: {}\n"
        "based-on: {}\n",
        source_.date, source_.base, quoted(source_.card), source_.base);
    std::vector<Entry> sorted;
    for (const auto& [key, entry] : entries_) sorted.push_back(entry);
    std::ranges::sort(sorted, {}, &Entry::path);
    write_entries(text, sorted);
    for (const auto& [key, remark] : remarks_) {
      if (!entries_.contains(key)) text += fmt::format("# {}: {}, left out\n", key, remark);
    }
    return text;
  }

 private:
  const MachineSource& source_;
  Machine machine_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> remarks_;  // why a key has no entry
};

}  // namespace

std::optional<std::string> shipped_machine(std::string_view device_name) {
  const auto has = [&](std::string_view part) { return device_name.find(part) != std::string_view::npos; };
  if (has("GH200")) return "gh200";
  if (has("H200")) return "h200";
  if (has("H100") && !has("PCIe") && !has("NVL")) return "h100-sxm";
  return std::nullopt;
}

std::string machine_yaml(const std::vector<Finding>& findings, const MachineSource& source) {
  MachineFile file(source);
  for (const Finding& finding : findings) {
    if (usable(finding)) file.add(finding);
  }
  return file.text();
}

}  // namespace perfmodel
