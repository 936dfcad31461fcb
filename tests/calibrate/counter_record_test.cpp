#include "calibrate/counter_record.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::TemporaryFolder;

constexpr const char* xu_share = "sm__inst_executed_pipe_xu.avg.pct_of_peak_sustained_elapsed";

// The two kernels of a launch.
std::vector<CounterRecord> two_kernels() {
  return {
      {"attention 4096 bwd", 1, {{"sm__cycles_elapsed.max", 1000}, {xu_share, 10}, {"dram__bytes_read.sum", 4096}}},
      {"attention 4096 bwd", 1, {{"sm__cycles_elapsed.max", 3000}, {xu_share, 50}, {"dram__bytes_read.sum", 1024}}}};
}

std::vector<CounterRecord> recorded() { return load_counter_records(PERFMODEL_TEST_DIR "/data/counters.jsonl"); }

TEST_CASE("kernels in a row: amounts add up, shares are weighted by cycles") {
  const CounterRecord total = total_of(two_kernels());
  CHECK(total.kernels == 2);
  CHECK(total.value("sm__cycles_elapsed.max") == 4000.0);
  CHECK(total.value("dram__bytes_read.sum") == 5120.0);
  // (1000 * 10 + 3000 * 50) / 4000
  CHECK(*total.value(xu_share) == Approx(40.0));
  CHECK_FALSE(total.value("lts__t_bytes.sum").has_value());
}

TEST_CASE("a recording of an H200 is read") {
  const std::vector<CounterRecord> records = recorded();
  REQUIRE(records.size() == 12);
  CHECK(records[0].label == "gemm 4096x4096x4096 bf16 cublas");
  CHECK(records[0].kernels == 1);
  CHECK(records[0].values.size() == 28);
  CHECK(records[0].value("sm__cycles_elapsed.max") == 287523.0);
  CHECK(records[0].value("dram__bytes_read.sum") == 149840384.0);
  // The backward pass of cuDNN is three kernels, added up already.
  CHECK(records[9].label == "attention 4096 bwd causal dropout 0.1 cudnn");
  CHECK(records[9].kernels == 3);
}

TEST_CASE("what is written reads back, and a line that is no record is named") {
  const TemporaryFolder folder;
  const std::string text = counter_records_json(recorded());
  CHECK(counter_records_json(load_counter_records(folder.write("a.jsonl", text))) == text);
  const std::string bad = folder.write("b.jsonl", text + "{\"label\":1}\n");
  CHECK(test::error_of([&] {
          static_cast<void>(load_counter_records(bad));
        }).find("b.jsonl:13:1: error: no counter record") != std::string::npos);
}

TEST_CASE("the first metric that the chip has is taken") {
  const std::vector<MetricWish> wishes{
      {"tensor_pct",
       {"sm__new_name.avg.pct_of_peak_sustained_elapsed", "sm__old_name.avg.pct_of_peak_sustained_elapsed"}},
      {"xu_pct", {"sm__xu.sum"}},
      {"unknown", {"sm__none.sum"}}};
  const std::vector<MetricChoice> choices = choose_metrics(wishes, {"sm__old_name", "sm__xu", "sm__xu_more"});
  REQUIRE(choices.size() == 2);
  CHECK(choices[0].name == "tensor_pct");
  CHECK(choices[0].metric == "sm__old_name.avg.pct_of_peak_sustained_elapsed");
  CHECK(choices[1].metric == "sm__xu.sum");
}

}  // namespace
}  // namespace perfmodel
