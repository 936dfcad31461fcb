#include "calibrate/measurements.hpp"

#include <fmt/core.h>

#include <filesystem>

#include "support/diagnostic.hpp"
#include "support/table.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {

namespace {

// Readings of the power that lag behind or rest on few samples say little.
constexpr double enough_samples = 20;

std::string family_of(const Operator& op) {
  struct Visitor {
    std::string operator()(const Gemm& g) const { return fmt::format("gemm {}x{}", g.n, g.k); }
    std::string operator()(const Attention& a) const {
      return fmt::format("attention {}/{} heads, {} x {}, d {}", a.heads, a.kv_heads, a.seq_q, a.seq_kv, a.head_dim);
    }
    std::string operator()(const Rng& r) const {
      return fmt::format("rng {} CTAs of {}", r.ctas.value_or(0), r.threads.value_or(0));
    }
    std::string operator()(const MemoryBound& m) const { return fmt::format("membound {}", name_of(m.kind)); }
    std::string operator()(const Overlap& o) const { return fmt::format("overlap {}x{}", o.gemm.n, o.gemm.k); }
    std::string operator()(const BlockRow& b) const { return fmt::format("block {} {}", b.model, b.seq); }
  };
  return std::visit(Visitor{}, op.work);
}

class MeasuredColumns {
 public:
  MeasuredColumns(const Table& table, Diagnostics& faults)
      : table_(table),
        faults_(faults),
        time_(table.column("measured_us")),
        clock_(table.column("sm_mhz")),
        power_(table.column("power_w")),
        samples_(table.column("samples")) {}

  void read(std::size_t row, Measurement& into) {
    const bool steady = into.op.regime == Regime::sustained;
    if (const auto time = value(row, time_)) {
      into.time = Seconds(*time * 1e-6);
    }
    if (const auto clock = value(row, clock_); clock && steady) {
      into.clock = Hertz(*clock * 1e6);
    }
    const auto samples = value(row, samples_);
    if (const auto power = value(row, power_); power && steady && samples && *samples >= enough_samples) {
      into.power = Watts(*power);
    }
  }

 private:
  std::optional<double> value(std::size_t row, std::optional<std::size_t> column) {
    return column ? table_.number(row, *column, faults_) : std::nullopt;
  }

  const Table& table_;
  Diagnostics& faults_;
  std::optional<std::size_t> time_;
  std::optional<std::size_t> clock_;
  std::optional<std::size_t> power_;
  std::optional<std::size_t> samples_;
};

}  // namespace

std::vector<Measurement> load_measurements(const std::string& path) {
  const Table table = Table::load_file(path);
  Diagnostics faults;
  RowReader rows(table, faults);
  MeasuredColumns measured(table, faults);
  std::vector<Measurement> result(table.rows());
  const std::string name = std::filesystem::path(path).filename().string();
  BlockModels models;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    result[row].op = rows.read(row);
    result[row].family = family_of(result[row].op);
    result[row].table = name;
    if (std::holds_alternative<BlockRow>(result[row].op.work)) {
      result[row].block = expand_block_row(result[row].op, models);
      result[row].op.regime = result[row].block->regime;
    }
    measured.read(row, result[row]);
  }
  faults.throw_if_errors();
  return result;
}

}  // namespace perfmodel
