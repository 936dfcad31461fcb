#include "calibrate/kernel_record.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::TemporaryFolder;

// Launches of an H200: what ran for twelve rows of counters.csv.
std::vector<KernelRecord> recorded() { return load_kernel_records(PERFMODEL_TEST_DIR "/data/kernels.jsonl"); }
// Made by hand: a mask kernel on one stream, a GEMM and its memset on another.
std::vector<KernelRecord> side_by_side() { return load_kernel_records(PERFMODEL_TEST_DIR "/data/overlap.jsonl"); }

double us(Seconds time) { return 1e6 * time.si(); }

TEST_CASE("a GEMM of cuBLAS: a memset, then one CTA an SM") {
  const std::vector<KernelRecord> records = recorded();
  REQUIRE(records.size() == 19);
  CHECK(records[0].kind == RecordKind::memset);
  CHECK(records[0].bytes == Bytes(4));
  CHECK(us(records[0].duration()) == Approx(0.768).epsilon(1e-4));
  const KernelRecord& gemm = records[1];
  CHECK(gemm.kind == RecordKind::kernel);
  CHECK(gemm.name == "nvjet_sm90_tst_256x128_64x4_1x2_h_bz_coopA_TNT");
  CHECK(gemm.grid == std::array<int, 3>{2, 66, 1});
  CHECK(gemm.block == std::array<int, 3>{384, 1, 1});
  CHECK(gemm.cluster == 2);
  CHECK(gemm.registers == 168);
  CHECK(gemm.dynamic_smem == Bytes(213188));
  CHECK(us(gemm.duration()) == Approx(176.831).epsilon(1e-6));
  const auto both = std::span(records).first(2);
  CHECK(us(busy_of(both)) == Approx(177.599).epsilon(1e-6));
  CHECK(us(busy_of(both, RecordKind::memset)) == Approx(0.768).epsilon(1e-4));
  // 28.5 us pass between the two launches: the span counts them.
  CHECK(us(span_of(both)) == Approx(206.111).epsilon(1e-6));
  CHECK(overlap_of(both.first(1), both.last(1)) == Seconds(0));
}

TEST_CASE("a backward pass of cuDNN: a memset and three kernels in a row") {
  const std::vector<KernelRecord> records = recorded();
  const auto pass = std::span(records).subspan(13, 4);
  CHECK(pass[0].kind == RecordKind::memset);
  CHECK(named(pass, "bprop_wgmma").size() == 1);
  CHECK(us(busy_of(pass, RecordKind::kernel)) == Approx(942.557).epsilon(1e-5));
  CHECK(us(span_of(pass)) == Approx(983.740).epsilon(1e-5));
  for (std::size_t i = 0; i + 1 < pass.size(); ++i) {
    CHECK(pass[i].correlation < pass[i + 1].correlation);
    CHECK(pass[i].end <= pass[i + 1].start);
    CHECK(pass[i].stream == pass[i + 1].stream);
  }
}

TEST_CASE("times of an overlap") {
  const std::vector<KernelRecord> records = side_by_side();
  CHECK(span_of(records).si() == Approx(150e-6));
  CHECK(busy_of(records).si() == Approx(239e-6));
  CHECK(busy_of(records, RecordKind::memset).si() == Approx(1e-6));
  const auto rng = named(records, "rng_mask");
  const auto gemm = named(records, "nvjet");
  CHECK(overlap_of(rng, gemm).si() == Approx(88e-6));
  CHECK(overlap_of(gemm, rng).si() == Approx(88e-6));
  CHECK(overlap_of(records, records).si() == Approx(150e-6));
  CHECK(span_of({}) == Seconds(0));
}

TEST_CASE("what is written reads back") {
  const TemporaryFolder folder;
  const std::string text = kernel_records_json(recorded());
  const auto again = load_kernel_records(folder.write("kernels.jsonl", text));
  CHECK(kernel_records_json(again) == text);
}

TEST_CASE("a line that is no record is named") {
  const TemporaryFolder folder;
  const std::string good = kernel_records_json(recorded());
  const std::string bad_kind = folder.write("a.jsonl", good + R"({"kind":"graph"})" + "\n");
  CHECK(test::error_of([&] {
          static_cast<void>(load_kernel_records(bad_kind));
        }).find("a.jsonl:20:1: error: no kernel record") != std::string::npos);
  const std::string cut = folder.write("b.jsonl", good.substr(0, 100));
  CHECK(test::error_of([&] { static_cast<void>(load_kernel_records(cut)); }).find("b.jsonl:1:1") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
