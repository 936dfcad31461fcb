#include "calibrate/kernel_record.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using doctest::Approx;
using test::TemporaryFolder;

// A mask kernel on one stream, a GEMM and its memset on another.
std::vector<KernelRecord> recorded() { return load_kernel_records(PERFMODEL_TEST_DIR "/data/kernels.jsonl"); }

TEST_CASE("a recording is read") {
  const std::vector<KernelRecord> records = recorded();
  REQUIRE(records.size() == 3);
  CHECK(records[0].name == "_ZN9perfmodel8rng_maskE");
  CHECK(records[0].grid == std::array<int, 3>{132, 1, 1});
  CHECK(records[1].kind == RecordKind::memset);
  CHECK(records[1].bytes == Bytes(4096));
  CHECK(records[2].registers == 168);
  CHECK(records[2].cluster == 2);
  CHECK(records[2].dynamic_smem == Bytes(213504));
}

TEST_CASE("times of an overlap") {
  const std::vector<KernelRecord> records = recorded();
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
        }).find("a.jsonl:4:1: error: no kernel record") != std::string::npos);
  const std::string cut = folder.write("b.jsonl", good.substr(0, 100));
  CHECK(test::error_of([&] { static_cast<void>(load_kernel_records(cut)); }).find("b.jsonl:1:1") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
