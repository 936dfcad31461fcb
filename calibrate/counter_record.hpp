// Hardware counters of one launch, by name. Recordings are JSON lines:
//
//     {"label":"gemm bf16 4096x4096x4096 cublas","kernels":1,"values":{"sm__cycles_elapsed.max":250123,...}}
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace perfmodel {

struct CounterRecord {
  std::string label;
  int kernels = 0;                       // that the values are of
  std::map<std::string, double> values;  // by metric, in the metric's own unit

  [[nodiscard]] std::optional<double> value(std::string_view metric) const;
};

// One record of kernels that ran one after the other: shares of a peak are averaged by elapsed cycles, everything else
// is added up.
CounterRecord total_of(std::span<const CounterRecord> kernels);

std::string counter_records_json(std::span<const CounterRecord> records);
// Throws InputError at the line that is no record.
std::vector<CounterRecord> load_counter_records(const std::string& path);

// A figure wanted of a kernel, and the metrics that give it, the best first: their names differ by chip.
struct MetricWish {
  std::string name;                     // "tensor_pct"
  std::vector<std::string> candidates;  // "sm__inst_executed_pipe_xu.avg.pct_of_peak_sustained_elapsed"
};

struct MetricChoice {
  std::string name;
  std::string metric;
};

// The first candidate of each wish whose base, the part before the first dot, is among the names; wishes without are
// left out.
std::vector<MetricChoice> choose_metrics(std::span<const MetricWish> wishes, const std::vector<std::string>& bases);

}  // namespace perfmodel
