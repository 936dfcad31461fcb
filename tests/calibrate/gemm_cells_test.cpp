#include "calibrate/gemm_cells.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace perfmodel {
namespace {

KernelRecord kernel(const std::string& name, double microseconds, int ctas, int threads) {
  KernelRecord record;
  record.name = name;
  record.end = Seconds(microseconds * 1e-6);
  record.grid = {ctas, 1, 1};
  record.block = {threads, 1, 1};
  record.registers = 168;
  record.dynamic_smem = Bytes(213188);
  return record;
}

std::map<std::string, std::string> by_name(const Cells& cells) { return {cells.begin(), cells.end()}; }

const std::string cublas = "nvjet_sm90_qqtst_144x128_128x6_1x2_h_bz_coopA_algo2_TNN";

}  // namespace

TEST_CASE("a row of a library's GEMM says what ran longest, by its launch and its name") {
  const Cells inputs{{"op", "gemm"}, {"m", "8192"}, {"n", "8192"}, {"k", "512"}, {"dtype", "fp8"}};
  std::vector<KernelRecord> records{kernel(cublas, 40, 132, 384), kernel("fill", 3, 1056, 256)};
  records.push_back(records[0]);
  records[2].kind = RecordKind::memset;
  records[2].end = Seconds(1);
  auto cells = by_name(library_gemm_cells(inputs, records));
  // cuBLAS names tiles column-major: 144 x 128 of the transposed product.
  CHECK(cells["cta_m"] == "128");
  CHECK(cells["cta_n"] == "144");
  CHECK(cells["cta_k"] == "128");
  CHECK(cells["stages"] == "6");
  CHECK(cells["cluster"] == "2");
  CHECK(cells["split_k"] == "1");
  CHECK(cells["ctas"] == "132");
  CHECK(cells["threads"] == "384");
  CHECK(cells["registers"] == "168");
  CHECK(cells["smem"] == "213188");
}

TEST_CASE("a kernel whose name tells nothing leaves the tile open") {
  const Cells inputs{{"op", "gemm"}, {"m", "64"}, {"n", "64"}};
  auto cells = by_name(library_gemm_cells(inputs, std::vector{kernel("some_gemm", 5, 4, 128)}));
  CHECK_FALSE(cells.contains("cta_m"));
  CHECK(cells["threads"] == "128");
}

TEST_CASE("rows of other ops and of GEMMs with a tile of their own get nothing") {
  const std::vector<KernelRecord> records{kernel(cublas, 40, 132, 384)};
  CHECK(library_gemm_cells({{"op", "attention"}}, records).empty());
  CHECK(library_gemm_cells({{"op", "gemm"}, {"m", "64"}, {"n", "64"}, {"cta_m", "128"}}, records).empty());
}

}  // namespace perfmodel
