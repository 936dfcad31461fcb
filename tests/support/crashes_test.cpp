// Every input that a fuzzer once broke a reader with is read again: refused or read, but never a crash. The file name
// begins with the reader it is for, "yaml-" or "csv-".
#include <doctest/doctest.h>

#include <filesystem>

#include "support/table.hpp"
#include "support/yaml.hpp"
#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

TEST_CASE("inputs that crashed a reader once") {
  for (const auto& entry : std::filesystem::directory_iterator(PERFMODEL_ROOT_DIR "/fuzz/crashes")) {
    const std::string path = entry.path().string();
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    if (name.starts_with("yaml-")) test::error_of([&] { load_yaml_file(path); });
    if (name.starts_with("csv-")) test::error_of([&] { Table::load_file(path); });
  }
}

}  // namespace
}  // namespace perfmodel
