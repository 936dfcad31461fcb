// Recordings of an H200 (run of 2026-11-24) become the rows that the run on the card wrote, without a card: data/ holds
// twelve rows' counters and what the tracer saw, in the order of the rows.
#include "calibrate/counter_row.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "support/table.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;

std::vector<CounterRecord> counted() { return load_counter_records(PERFMODEL_TEST_DIR "/data/counters.jsonl"); }
std::vector<KernelRecord> traced() { return load_kernel_records(PERFMODEL_TEST_DIR "/data/kernels.jsonl"); }
Table written() { return Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/h200/counters.csv"); }

// The choice on a chip that has the metrics of these records and no others.
std::vector<MetricChoice> recorded_choices() {
  std::vector<std::string> bases;
  const CounterRecord record = counted().front();
  for (const auto& [metric, value] : record.values) bases.push_back(metric.substr(0, metric.find('.')));
  return choose_metrics(counter_wishes(), bases);
}

std::map<std::string, std::string> by_name(const Cells& cells) { return {cells.begin(), cells.end()}; }

std::string cell(const Table& table, std::size_t row, const std::string& column) {
  const auto index = table.column(column);
  return index ? std::string(table.cell(row, *index)) : "no such column";
}

// Rows of these cycles and nanoseconds: there is one.
std::size_t row_of(const Table& table, const std::map<std::string, std::string>& figures) {
  std::vector<std::size_t> found;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (cell(table, row, "cycles") == figures.at("cycles") &&
        cell(table, row, "counted_ns") == figures.at("counted_ns"))
      found.push_back(row);
  }
  REQUIRE(found.size() == 1);
  return found.front();
}

TEST_CASE("GH100 has a counter for every figure, the first choice of each") {
  const std::vector<MetricChoice> choices = recorded_choices();
  REQUIRE(choices.size() == counter_wishes().size());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    CHECK(choices[i].name == counter_wishes()[i].name);
    CHECK(choices[i].metric == counter_wishes()[i].candidates.front());
  }
}

TEST_CASE("counters become the cells that the run wrote, all of them") {
  const Table table = written();
  const std::vector<CounterRecord> records = counted();
  REQUIRE(records.size() == 12);
  for (const CounterRecord& record : records) {
    CAPTURE(record.label);
    const auto figures = by_name(counter_cells(recorded_choices(), record));
    CHECK(figures.size() == counter_wishes().size() + 2);
    const std::size_t row = row_of(table, figures);
    for (const auto& [column, text] : figures) {
      CAPTURE(column);
      CHECK(text == cell(table, row, column));
    }
  }
}

TEST_CASE("what the tracer saw becomes the cells that the run wrote") {
  const Table table = written();
  const std::vector<KernelRecord> all = traced();
  std::size_t next = 0;
  for (const CounterRecord& record : counted()) {
    CAPTURE(record.label);
    const std::size_t row = row_of(table, by_name(counter_cells(recorded_choices(), record)));
    const std::size_t count = std::stoul(cell(table, row, "kernels"));
    REQUIRE(next + count <= all.size());
    const std::span<const KernelRecord> records = std::span(all).subspan(next, count);
    next += count;
    for (const auto& [column, text] : main_kernel_cells(records)) {
      CAPTURE(column);
      CHECK(text == cell(table, row, column));
    }
    // Counters are of kernels alone, the tracer's records of memsets too.
    const auto memsets = std::ranges::count(records, RecordKind::memset, &KernelRecord::kind);
    CHECK(record.kernels == static_cast<int>(records.size()) - memsets);
    // The table's time is a median of five others. One launch that was traced warm is near it, except beside a flush.
    if (cell(table, row, "regime") != "warm") continue;
    CHECK(1e6 * busy_of(records).si() == Approx(std::stod(cell(table, row, "measured_us"))).epsilon(0.01));
  }
  CHECK(next == all.size());
}

TEST_CASE("a GEMM of cuBLAS by hand: its memset, its shape, its figures") {
  const std::vector<KernelRecord> records = traced();
  const auto kernel = by_name(main_kernel_cells(std::span(records).first(2)));
  CHECK(kernel.at("kernel") == "nvjet_sm90_tst_256x128_64x4_1x2_h_bz_coopA_TNT");
  CHECK(kernel.at("kernels") == "2");
  CHECK(kernel.at("main_ctas") == "132");
  CHECK(kernel.at("main_threads") == "384");
  CHECK(kernel.at("main_registers") == "168");
  CHECK(kernel.at("main_cluster") == "2");
  const auto figures = by_name(counter_cells(recorded_choices(), counted().front()));
  CHECK(figures.at("tensor_pct") == "90.37");
  // 25,942,000 wavefronts of 128 B and what TMA brought, 1,610,612,736 B; 27,361,962 sectors of 32 B.
  CHECK(figures.at("smem_bytes") == "4931188736");
  CHECK(figures.at("l2_bytes") == "875582784");
  // 4096 x 4096 x 4096 in instructions of 64 x 128 x 16 a warp group of four warps
  CHECK(figures.at("tensor_instructions") == "2097152");
}

TEST_CASE("a chip without a metric has no cell for it, and an unknown one is left out") {
  const CounterRecord record{"x", 1, {{"sm__cycles_elapsed.max", 2000.4}, {"lts__t_sectors_srcunit_tex.sum", 3}}};
  const auto figures = by_name(counter_cells(recorded_choices(), record));
  CHECK(figures.at("cycles") == "2000");
  CHECK(figures.at("l2_bytes") == "96");
  CHECK_FALSE(figures.contains("tensor_pct"));
}

}  // namespace
}  // namespace perfmodel
