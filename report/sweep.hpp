// A what-if: one subject predicted over the values of up to two keys, with a change and without it.
//
//     llama2_block with dropout_mode=overlapped, on h100-sxm, by seq
//
//     seq     before    after  speedup  90 % interval      clock  limiter
//     1024    362 us   355 us    1.020  340 to 372 us   1612 MHz  power
//     2048    ...
//
//     speedup 1.020 to 1.087, the most at seq=8192
//
// before: the subject as its file and --given have it. after: with --set. Without a change there is only one time, and
// where a sweep names a machine or a mode, each is set against the first. Of two keys, text shows a table of
// speedups (times without a change) with a row a value of the first and a column a value of the second, and one of
// the limiters.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/estimate.hpp"
#include "report/style.hpp"
#include "report/subject.hpp"

namespace perfmodel {

struct SweepAxis {
  std::string key;                  // "seq", "machine.pipes.xu.rate"
  std::vector<std::string> values;  // as asked for: "4096", "*2", "fused"
  std::vector<double> numbers;      // the same as numbers, in SI; empty unless all are
};

// What a sweep keeps of a prediction.
struct SweepOutcome {
  Seconds time;
  Seconds lower;  // 90 % interval
  Seconds upper;
  Seconds matmul;
  Limiter limiter = Limiter::launch;
  Limiter second = Limiter::launch;
  Hertz clock;
  ClockLimit clock_limit = ClockLimit::top;
  Watts power;
  Seconds roofline;
  Bytes mask;                    // memory of a dropout mask
  std::optional<Hiding> hiding;  // how it is made, where it may be hidden
  std::string refusal;           // why there is none of all this

  [[nodiscard]] bool feasible() const { return refusal.empty(); }
};

SweepOutcome outcome_of(const SequenceEstimate& sequence);

struct SweepPoint {
  SweepOutcome after;
  std::optional<SweepOutcome> before;  // without the change; empty if the sweep has none

  // before over after; empty where one of them cannot run.
  [[nodiscard]] std::optional<double> speedup() const;
};

struct Sweep {
  std::string subject;               // "llama2_block"
  std::string machine;               // id; empty where it is swept
  std::vector<std::string> changes;  // of --set: "machine.pipes.xu.rate=*2"
  std::vector<std::string> given;    // of --given
  Fidelity fidelity = Fidelity::pipeline;
  std::vector<SweepAxis> axes;     // one or two
  std::vector<SweepPoint> points;  // the last axis fastest

  [[nodiscard]] const SweepPoint& at(std::size_t first, std::size_t second = 0) const;
  // "seq=4096, batch=2" of a point.
  [[nodiscard]] std::string place(std::size_t point) const;
};

// The smallest and the greatest speedup and where they are; empty without a change or where nothing can run.
struct SpeedupRange {
  double least = 0;
  double most = 0;
  double median = 0;
  std::size_t least_at = 0;
  std::size_t most_at = 0;
};
std::optional<SpeedupRange> speedup_range(const Sweep& sweep);

// "llama2_block with dropout_mode=overlapped, on h100-sxm, by seq"
std::string sweep_title(const Sweep& sweep);

std::string text_sweep(const Sweep& sweep, const Style& style = {});
// A row a point: the keys, the prediction columns of a table (report/csv.hpp); with a change before_us and speedup;
// with a mask that may be hidden mask_us, mask_hidden and mask_bytes.
std::string csv_sweep(const Sweep& sweep);
// docs/json-schema.md describes the keys.
std::string json_sweep(const Sweep& sweep);
nlohmann::ordered_json sweep_document(const Sweep& sweep);

}  // namespace perfmodel
