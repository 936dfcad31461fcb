// Tables against the model: what is scored, grouped and ranked.
#include "validate/validation.hpp"

#include <doctest/doctest.h>

#include "arch/load.hpp"
#include "tests/input_error.hpp"
#include "validate/tables.hpp"
#include "workloads/library.hpp"

namespace perfmodel {
namespace {

struct Fixture {
  Machine machine = load_machine("h100-sxm");
  Library library = load_library();
  RowPredictor predictor{
      machine, library, {.regime = Regime::warm, .fidelity = Fidelity::bound, .describe = false, .clock = {}}};

  TableValidation validate(const std::string& text, const ValidationOptions& options = {}) {
    return validate_table(Table::load_text(text, "mine.csv"), predictor, options);
  }
};

TEST_CASE_FIXTURE(Fixture, "rows are grouped by op, pass, regime and implementation") {
  const TableValidation result = validate(
      "op,m,n,k,dtype,impl,regime,batch,heads,seq_q,head_dim,pass,measured_us\n"
      "gemm,4096,4096,4096,bf16,cublas,cold,,,,,,200\n"
      "gemm,4096,4096,8192,bf16,cublas-13.1,cold,,,,,,400\n"
      "gemm,4096,4096,4096,bf16,cublas,sustained,,,,,,220\n"
      "attention,,,,bf16,cudnn,,4,16,2048,128,bwd,400\n");
  CHECK(result.name == "mine.csv");
  CHECK(result.all.accuracy.n == 4);
  REQUIRE(result.groups.size() == 3);
  CHECK(result.groups[0].name == "gemm cold cublas");
  CHECK(result.groups[0].accuracy.n == 2);
  CHECK(result.groups[1].name == "gemm sustained cublas");
  CHECK(result.groups[2].name == "attention bwd warm cudnn");
  CHECK_FALSE(result.ranking);
  CHECK_FALSE(result.pays_right);
}

TEST_CASE_FIXTURE(Fixture, "candidates of one problem are ranked") {
  const TableValidation result = validate(
      "op,m,n,k,dtype,impl,cta_m,cta_n,measured_us\n"
      "gemm,4096,4096,4096,bf16,cublas,128,256,200\n"
      "gemm,4096,4096,4096,bf16,cublas,128,128,250\n"
      "gemm,4096,4096,4096,bf16,cublas,64,128,300\n"
      "gemm,4096,4096,4096,bf16,cublas,64,64,400\n"
      "gemm,2048,4096,4096,bf16,cublas,64,64,200\n");
  REQUIRE(result.ranking);
  CHECK(result.ranking->problems == 1);
}

TEST_CASE_FIXTURE(Fixture, "steady clocks and powers are compared where they were measured") {
  const TableValidation result = validate(
      "op,m,n,k,dtype,regime,sm_mhz,power_w,measured_us\n"
      "gemm,8192,8192,8192,bf16,sustained,1330,665,1650\n"
      "gemm,4096,4096,4096,bf16,cold,1980,,200\n");
  REQUIRE(result.all.clock_error);
  CHECK(*result.all.clock_error < 0.5);
  REQUIRE(result.all.power_error);
}

TEST_CASE_FIXTURE(Fixture, "a table's unreadable rows are faults, all of them") {
  const std::string text =
      test::error_of([&] { validate("op,m,n,k,dtype,measured_us\ngemm,x,1,1,bf16,1\ngemm,1,1,1,bf16,-5\n"); });
  CHECK(text.find("'m': expected a positive integer, not 'x'") != std::string::npos);
  CHECK(text.find("'measured_us'") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "withholding blanks columns and nothing else") {
  const Table table = Table::load_text("op,m,cta_m,registers,smem\ngemm,1,2,3,4\n", "t");
  CHECK(without_inputs(table, Withheld::nothing) == "op,m,cta_m,registers,smem\ngemm,1,2,3,4\n");
  CHECK(without_inputs(table, Withheld::compiled) == "op,m,cta_m,registers,smem\ngemm,1,2,,\n");
  CHECK(without_inputs(table, Withheld::tile) == "op,m,cta_m,registers,smem\ngemm,1,,,\n");
}

TEST_CASE_FIXTURE(Fixture, "block rows are predicted once and as a whole") {
  Operator row;
  row.work = BlockRow{.model = "llama2_7b", .operators = BlockPart::matmul, .seq = 2048, .dtype = Dtype::bf16};
  const Estimate whole = predictor.predict(row);
  CHECK(whole.feasible());
  CHECK(whole.regime == Regime::sustained);
  CHECK(whole.lower < whole.time);
  CHECK(whole.time < whole.upper);
  CHECK(predictor.predict(row).time == whole.time);
  row.work = BlockRow{.model = "llama2_7b", .operators = BlockPart::matmul, .seq = 2048, .dtype = Dtype::nvfp4};
  CHECK(predictor.predict(row).refusal == "qkv: NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores");
}

TEST_CASE("the page of a validation with everything in it") {
  TableValidation table;
  table.name = "tiles.csv";
  table.machine = "h100-sxm";
  table.withheld = Withheld::compiled;
  table.rows = 12;
  table.infeasible = 2;
  table.all = {"tiles.csv", {10, 0.051, 0.04, 0.121, -0.013, 0.9, 0.14}, {10, 0.11, 0.1, 0.3, 0.0, 0, 0}, 0.03, {}};
  table.ranking = Ranking{3, 0.012, 0.05, 0.0, 0.881};
  table.pays_right = 0.915;
  table.worst = {{4, {Seconds(1e-4), Seconds(1.3e-4), Seconds(0), Seconds(0)}, Limiter::dram, "m=1"}};
  CHECK(text_validation({table}) ==
        "tiles.csv, not compiled on h100-sxm: 12 rows, 2 of them infeasible and not scored\n"
        "\n"
        "rows   n   mean  median     p95    bias  in interval  width  roofline  clock  power\n"
        "all   10  5.1 %   4.0 %  12.1 %  -1.3 %         90 %   14 %    11.0 %  3.0 %\n"
        "\n"
        "ranking: 3 problems, regret of the first choice 1.2 % (worst 5.0 %), of the best of five 0.0 %, Kendall tau "
        "0.881\n"
        "whether overlap pays: right for 91.5 % of the rows\n"
        "worst: row 5  +30 %  130 us, measured 100 us, limiter dram: m=1\n");
  CHECK(accuracy_table({table}) ==
        "| machine | table | n | mean | median | p95 | bias | in interval | width | roofline |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        "| h100-sxm | tiles.csv, not compiled | 10 | 5.1 % | 4.0 % | 12.1 % | -1.3 % | 90 % | 14 % | 11.0 % |\n");
}

}  // namespace
}  // namespace perfmodel
