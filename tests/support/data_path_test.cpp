#include "support/data_path.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

TEST_CASE("files given by path come before shipped ones") {
  const test::TemporaryFolder folder;
  const std::string file = folder.write("mine.yaml", "a: 1\n");
  CHECK(find_data_file(file, "workloads", ".yaml") == file);
  CHECK(find_data_file(folder.file("mine"), "workloads", ".yaml") == file);
  CHECK(find_data_file(folder.file("other.yaml"), "workloads", ".yaml") == std::nullopt);
  CHECK(find_data_file("surely-not-there.yaml", "workloads", ".yaml") == std::nullopt);
  CHECK(find_data_file("", "workloads", ".yaml") == std::nullopt);
  CHECK(find_data_file("-", "workloads", ".yaml") == "-");
  CHECK(find_data_file("/dev/stdin", "workloads", ".yaml") == "/dev/stdin");
  CHECK(find_data_file(folder.path(), "workloads", ".yaml") == folder.path());
  CHECK(find_data_file(std::string(10000, 'a'), "workloads", ".yaml") == std::nullopt);
  CHECK(find_data_file("h100-sxm", "arch", ".yaml") == data_path("arch/h100-sxm.yaml"));
}

TEST_CASE("the root is a folder with data") {
  CHECK(std::filesystem::is_directory(data_path("arch")));
  CHECK(list_data_files("no/such/folder", ".yaml").empty());
}

}  // namespace
}  // namespace perfmodel
