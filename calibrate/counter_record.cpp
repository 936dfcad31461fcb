#include "calibrate/counter_record.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "support/diagnostic.hpp"
#include "support/text_file.hpp"

namespace perfmodel {
namespace {

constexpr std::size_t largest_recording = std::size_t{64} << 20U;
constexpr std::string_view cycles_metric = "sm__cycles_elapsed.max";

bool is_share(std::string_view metric) { return metric.find(".pct_of_peak") != std::string_view::npos; }

CounterRecord record_of(const std::string& line) {
  const auto json = nlohmann::json::parse(line);
  return {json.at("label"), json.at("kernels"), json.at("values")};
}

}  // namespace

std::optional<double> CounterRecord::value(std::string_view metric) const {
  const auto at = values.find(std::string(metric));
  return at == values.end() ? std::nullopt : std::optional(at->second);
}

CounterRecord total_of(std::span<const CounterRecord> kernels) {
  CounterRecord total;
  double weights = 0;
  for (const CounterRecord& kernel : kernels) {
    const double weight = kernel.value(cycles_metric).value_or(1);
    weights += weight;
    total.kernels += kernel.kernels;
    if (total.label.empty()) total.label = kernel.label;
    for (const auto& [metric, value] : kernel.values) total.values[metric] += is_share(metric) ? weight * value : value;
  }
  for (auto& [metric, value] : total.values) {
    if (is_share(metric) && weights > 0) value /= weights;
  }
  return total;
}

std::string counter_records_json(std::span<const CounterRecord> records) {
  std::string text;
  for (const CounterRecord& record : records) {
    const nlohmann::ordered_json json{{"label", record.label}, {"kernels", record.kernels}, {"values", record.values}};
    text += json.dump() + '\n';
  }
  return text;
}

std::vector<CounterRecord> load_counter_records(const std::string& path) {
  const SourcePtr source = read_source(path, largest_recording);
  std::vector<CounterRecord> records;
  int number = 0;
  for (std::size_t start = 0; start < source->text.size();) {
    const std::size_t end = std::min(source->text.find('\n', start), source->text.size());
    const std::string line = source->text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.empty()) continue;
    try {
      records.push_back(record_of(line));
    } catch (const std::exception& error) {
      throw InputError(Location(source, number, 1), "no counter record", {{{}, error.what()}});
    }
  }
  return records;
}

std::vector<MetricChoice> choose_metrics(std::span<const MetricWish> wishes, const std::vector<std::string>& bases) {
  const std::set<std::string, std::less<>> known(bases.begin(), bases.end());
  std::vector<MetricChoice> choices;
  for (const MetricWish& wish : wishes) {
    const auto found = std::ranges::find_if(wish.candidates, [&](const std::string& candidate) {
      return known.contains(std::string_view(candidate).substr(0, candidate.find('.')));
    });
    if (found != wish.candidates.end()) choices.push_back({wish.name, *found});
  }
  return choices;
}

}  // namespace perfmodel
