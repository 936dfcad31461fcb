#include "calibrate/counter_record.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::TemporaryFolder;

std::vector<CounterRecord> recorded() { return load_counter_records(PERFMODEL_TEST_DIR "/data/counters.jsonl"); }

TEST_CASE("kernels in a row: amounts add up, shares are weighted by cycles") {
  const CounterRecord total = total_of(recorded());
  CHECK(total.kernels == 2);
  CHECK(total.value("sm__cycles_elapsed.max") == 4000.0);
  CHECK(total.value("dram__bytes_read.sum") == 5120.0);
  // (1000 * 10 + 3000 * 50) / 4000
  CHECK(*total.value("sm__inst_executed_pipe_xu.avg.pct_of_peak_sustained_elapsed") == Approx(40.0));
  CHECK_FALSE(total.value("lts__t_bytes.sum").has_value());
}

TEST_CASE("what is written reads back, and a line that is no record is named") {
  const TemporaryFolder folder;
  const std::string text = counter_records_json(recorded());
  CHECK(counter_records_json(load_counter_records(folder.write("a.jsonl", text))) == text);
  const std::string bad = folder.write("b.jsonl", text + "{\"label\":1}\n");
  CHECK(test::error_of([&] {
          static_cast<void>(load_counter_records(bad));
        }).find("b.jsonl:3:1: error: no counter record") != std::string::npos);
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
