#include "calibrate/kernel_record.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/diagnostic.hpp"
#include "support/text_file.hpp"

namespace perfmodel {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t largest_recording = std::size_t{64} << 20U;

Json json_of(const KernelRecord& record) {
  return {{"kind", record_kind_name(record.kind)},
          {"name", record.name},
          {"start", record.start.si()},
          {"end", record.end.si()},
          {"grid", record.grid},
          {"block", record.block},
          {"cluster", record.cluster},
          {"registers", record.registers},
          {"static_smem", record.static_smem.si()},
          {"dynamic_smem", record.dynamic_smem.si()},
          {"executed_smem", record.executed_smem.si()},
          {"bytes", record.bytes.si()},
          {"stream", record.stream},
          {"correlation", record.correlation}};
}

RecordKind kind_of(const std::string& name) {
  for (const RecordKind kind : {RecordKind::kernel, RecordKind::memset, RecordKind::memcpy}) {
    if (record_kind_name(kind) == name) return kind;
  }
  throw std::invalid_argument("unknown kind '" + name + "'");
}

KernelRecord record_of(const Json& json) {
  KernelRecord record;
  record.kind = kind_of(json.at("kind"));
  record.name = json.at("name");
  record.start = Seconds(json.at("start"));
  record.end = Seconds(json.at("end"));
  record.grid = json.at("grid");
  record.block = json.at("block");
  record.cluster = json.at("cluster");
  record.registers = json.at("registers");
  record.static_smem = Bytes(json.at("static_smem"));
  record.dynamic_smem = Bytes(json.at("dynamic_smem"));
  record.executed_smem = Bytes(json.at("executed_smem"));
  record.bytes = Bytes(json.at("bytes"));
  record.stream = json.at("stream");
  record.correlation = json.at("correlation");
  return record;
}

// Stretches of time in which at least one record runs, rising and apart.
std::vector<std::pair<Seconds, Seconds>> stretches_of(std::span<const KernelRecord> records) {
  std::vector<std::pair<Seconds, Seconds>> sorted;
  for (const KernelRecord& record : records) sorted.emplace_back(record.start, record.end);
  std::ranges::sort(sorted);
  std::vector<std::pair<Seconds, Seconds>> merged;
  for (const auto& [start, end] : sorted) {
    if (!merged.empty() && start <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, end);
    } else {
      merged.emplace_back(start, end);
    }
  }
  return merged;
}

}  // namespace

std::string_view record_kind_name(RecordKind kind) {
  switch (kind) {
    case RecordKind::kernel: return "kernel";
    case RecordKind::memset: return "memset";
    case RecordKind::memcpy: return "memcpy";
  }
  return "";
}

Seconds span_of(std::span<const KernelRecord> records) {
  if (records.empty()) return Seconds(0);
  Seconds first = records.front().start;
  Seconds last = records.front().end;
  for (const KernelRecord& record : records) {
    first = std::min(first, record.start);
    last = std::max(last, record.end);
  }
  return last - first;
}

Seconds busy_of(std::span<const KernelRecord> records) {
  Seconds sum(0);
  for (const KernelRecord& record : records) sum += record.duration();
  return sum;
}

Seconds busy_of(std::span<const KernelRecord> records, RecordKind kind) {
  Seconds sum(0);
  for (const KernelRecord& record : records) {
    if (record.kind == kind) sum += record.duration();
  }
  return sum;
}

Seconds overlap_of(std::span<const KernelRecord> a, std::span<const KernelRecord> b) {
  const auto of_b = stretches_of(b);
  Seconds both(0);
  for (const auto& [start, end] : stretches_of(a)) {
    for (const auto& [other_start, other_end] : of_b) {
      both += std::max(Seconds(0), std::min(end, other_end) - std::max(start, other_start));
    }
  }
  return both;
}

const KernelRecord& longest_of(std::span<const KernelRecord> records) {
  return *std::ranges::max_element(records, {}, [](const KernelRecord& record) {
    return record.kind == RecordKind::kernel ? record.duration().si() : 0.0;
  });
}

std::vector<KernelRecord> named(std::span<const KernelRecord> records, std::string_view part) {
  std::vector<KernelRecord> found;
  for (const KernelRecord& record : records) {
    if (record.name.find(part) != std::string::npos) found.push_back(record);
  }
  return found;
}

std::string kernel_records_json(std::span<const KernelRecord> records) {
  std::string text;
  for (const KernelRecord& record : records) text += json_of(record).dump() + '\n';
  return text;
}

std::vector<KernelRecord> load_kernel_records(const std::string& path) {
  const SourcePtr source = read_source(path, largest_recording);
  std::vector<KernelRecord> records;
  int number = 0;
  for (std::size_t start = 0; start < source->text.size();) {
    const std::size_t end = std::min(source->text.find('\n', start), source->text.size());
    const std::string line = source->text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.empty()) continue;
    try {
      records.push_back(record_of(Json::parse(line)));
    } catch (const std::exception& error) {
      throw InputError(Location(source, number, 1), "no kernel record", {{{}, error.what()}});
    }
  }
  return records;
}

}  // namespace perfmodel
