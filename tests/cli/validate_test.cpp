// `perfmodel validate` and `perfmodel diff` as processes.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/table.hpp"
#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

using nlohmann::json;
using test::Result;
using test::run;

const std::string data = std::string(PERFMODEL_ROOT_DIR) + "/validate/data/h100-sxm/";

TEST_CASE("validate finds the errors that predict makes") {
  const Table measured = Table::load_file(data + "rng.csv");
  const Table predicted = Table::load_text(run("predict " + data + "rng.csv --arch h100-sxm").out, "out");
  double sum = 0.0;
  for (std::size_t row = 0; row < measured.rows(); ++row) {
    const double truth = std::stod(std::string(measured.cell(row, *measured.column("measured_us"))));
    sum += std::abs(std::stod(std::string(predicted.cell(row, *predicted.column("predicted_us")))) / truth - 1.0);
  }
  const json result = json::parse(run("validate " + data + "rng.csv --json").out);
  const json& all = result["tables"][0]["all"];
  CHECK(all["n"] == measured.rows());
  CHECK(all["mean"].get<double>() == doctest::Approx(sum / static_cast<double>(measured.rows())).epsilon(1e-3));
}

TEST_CASE("the machine of a folder is that of its name") {
  const Result result = run("validate " + data + "rng.csv");
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
  CHECK(result.out.starts_with("rng.csv on h100-sxm: 56 rows\n"));
}

TEST_CASE("a mean error above the threshold exits with 3, after the result") {
  const Result failed = run("validate " + data + "rng.csv --fail-above 0.001");
  CHECK(failed.exit == 3);
  CHECK(failed.out.starts_with("rng.csv on h100-sxm"));
  CHECK(failed.err.starts_with("rng.csv: mean error "));
  CHECK(run("validate " + data + "rng.csv --fail-above 1000").exit == 0);
}

TEST_CASE("withheld inputs are not read") {
  const std::string table =
      "op,m,n,k,dtype,cta_m,cta_n,measured_us\n"
      "gemm,4096,4096,4096,bf16,64,64,200\n"
      "gemm,4096,4096,4096,bf16,128,256,200\n";
  const json given = json::parse(run("validate - --arch h100-sxm --json", table).out)["tables"][0];
  const json blind = json::parse(run("validate - --arch h100-sxm --json --blind", table).out)["tables"][0];
  CHECK(given["worst"][0]["predicted"] != given["worst"][1]["predicted"]);
  CHECK(blind["worst"][0]["predicted"] == blind["worst"][1]["predicted"]);
  CHECK(blind["worst"][0]["inputs"] == "m=4096 n=4096 k=4096 dtype=bf16");
}

TEST_CASE("infeasible rows are counted apart") {
  const json result = json::parse(run("validate - --arch h100-sxm --json",
                                      "op,m,n,k,dtype,measured_us\n"
                                      "gemm,4096,4096,4096,nvfp4,100\n"
                                      "gemm,4096,4096,4096,bf16,200\n")
                                      .out)["tables"][0];
  CHECK(result["rows"] == 2);
  CHECK(result["infeasible"] == 1);
  CHECK(result["all"]["n"] == 1);
}

TEST_CASE("diff says what moved") {
  const test::TemporaryFolder folder;
  const std::string fused = folder.file("fused.json");
  const std::string none = folder.file("none.json");
  REQUIRE(run("predict llama2_block.yaml --arch h100-sxm --json -o " + fused).exit == 0);
  REQUIRE(run("predict llama2_block.yaml --arch h100-sxm --set dropout_mode=none --json -o " + none).exit == 0);
  const Result result = run("diff " + fused + " " + none + " --json");
  REQUIRE(result.exit == 0);
  const json found = json::parse(result.out);
  CHECK(found["movements"][0]["name"] == "attention");
  CHECK(found["movements"][0]["effect"].get<double>() < 0.0);
  double last = 1.0;
  for (const json& movement : found["movements"]) {
    const double effect = std::abs(movement["effect"].get<double>());
    CHECK(effect <= last);
    last = effect;
  }
  CHECK(run("diff " + fused + " " + none).out.find("\nattention ") != std::string::npos);
  const Result same = run("diff " + fused + " " + fused);
  CHECK(same.out.find(" 0 of ") != std::string::npos);
}

TEST_CASE("diff takes tables and block files too") {
  const test::TemporaryFolder folder;
  const std::string table = "op,m,n,k,dtype\ngemm,4096,4096,4096,bf16\ngemm,128,128,128,bf16\n";
  folder.write("h100.csv", run("predict - --arch h100-sxm", table).out);
  folder.write("b200.csv", run("predict - --arch b200", table).out);
  const Result tables = run("diff " + folder.file("h100.csv") + " " + folder.file("b200.csv"));
  CHECK(tables.exit == 0);
  CHECK(tables.out.find("\ngemm 4096 4096 4096 bf16 ") != std::string::npos);
  const Result blocks = run("diff llama2_7b.yaml llama2_13b.yaml --arch h100-sxm");
  CHECK(blocks.exit == 0);
  CHECK(blocks.out.find("\nffn_up ") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel

#endif
