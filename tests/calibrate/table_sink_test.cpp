#include "calibrate/table_sink.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::TemporaryFolder;

TEST_CASE("a table grows row by row and takes new columns") {
  const TemporaryFolder folder;
  TableSink rows(folder.file("gemm.csv"));
  rows.add({{"op", "gemm"}, {"m", "128"}});
  CHECK(folder.read("gemm.csv") == "op,m\ngemm,128\n");
  rows.add({{"op", "gemm"}, {"m", "256"}, {"note", "a, b"}});
  CHECK(folder.read("gemm.csv") == "op,m,note\ngemm,128,\ngemm,256,\"a, b\"\n");
}

TEST_CASE("a table goes on where it was cut off") {
  const TemporaryFolder folder;
  TableSink(folder.file("rng.csv")).add({{"rounds", "7"}, {"bits", "8"}, {"measured_us", "1.5"}});
  TableSink rows(folder.file("rng.csv"));
  CHECK(rows.rows() == 1);
  CHECK(rows.has({{"rounds", "7"}, {"bits", "8"}}));
  CHECK_FALSE(rows.has({{"rounds", "7"}, {"bits", "16"}}));
  // A column that the table does not have is empty.
  CHECK(rows.has({{"rounds", "7"}, {"order", ""}}));
  CHECK_FALSE(rows.has({{"rounds", "7"}, {"order", "rng_first"}}));
  rows.add({{"rounds", "10"}});
  CHECK(folder.read("rng.csv") == "rounds,bits,measured_us\n7,8,1.5\n10,,\n");
}

TEST_CASE("what is no table is refused") {
  const TemporaryFolder folder;
  const std::string path = folder.write("gemm.csv", "a,b\n1\n");
  CHECK_FALSE(test::error_of([&] { TableSink sink(path); }).empty());
}

}  // namespace
}  // namespace perfmodel
