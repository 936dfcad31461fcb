// The schema pages name every column and key that the readers know.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/input_error.hpp"
#include "workloads/block.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {
namespace {

std::string page(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(PERFMODEL_ROOT_DIR "/docs/" + name).rdbuf();
  return text.str();
}

TEST_CASE("docs/table-schema.md has every column") {
  const std::string text = page("table-schema.md");
  for (std::size_t i = 0; i < op_count; ++i) {
    const std::string& op = op_names()[i];
    CHECK_MESSAGE(text.find("## " + op) != std::string::npos, op);
    for (const std::string& column : columns_of(static_cast<Op>(i))) {
      CHECK_MESSAGE(text.find("`" + column + "`") != std::string::npos, column);
    }
  }
}

TEST_CASE("docs/block-schema.md has every key") {
  const std::string text = page("block-schema.md");
  const std::string fault = test::error_of([] {
    (void)BlockFile::from_text("operators: [{op: rng, elements: 1, rounds: 1, bits: 8, no: 1}]\nno: 1\n", "b.yaml")
        .block();
  });
  // The reader's own list of keys: "note: known keys: name, pass, ..."
  const std::string start = "note: known keys: ";
  std::size_t lists = 0;
  for (std::size_t at = fault.find(start); at != std::string::npos; at = fault.find(start, at + 1)) {
    std::istringstream keys(fault.substr(at + start.size(), fault.find('\n', at) - at - start.size()));
    for (std::string key; keys >> key;) {
      if (key.ends_with(',')) key.pop_back();
      const bool column = find_column(key).has_value() && key != "pass" && key != "op";
      CHECK_MESSAGE((column || text.find("`" + key + "`") != std::string::npos), key);
    }
    ++lists;
  }
  CHECK(lists == 2);
  CHECK(text.find("`based-on`") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
