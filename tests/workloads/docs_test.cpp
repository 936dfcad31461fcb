// The schema pages name every column and key that the readers know.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/input_error.hpp"
#include "workloads/attention_program.hpp"
#include "workloads/block.hpp"
#include "workloads/pipeline_file.hpp"
#include "workloads/table_columns.hpp"

namespace perfmodel {
namespace {

std::string page(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(PERFMODEL_ROOT_DIR "/docs/" + name).rdbuf();
  return text.str();
}

// The lists of known keys that a fault's text holds ("note: known keys: name, pass, ..."), each as words.
std::vector<std::vector<std::string>> known_keys(const std::string& fault) {
  const std::string start = "note: known keys: ";
  std::vector<std::vector<std::string>> lists;
  for (std::size_t at = fault.find(start); at != std::string::npos; at = fault.find(start, at + 1)) {
    std::istringstream words(fault.substr(at + start.size(), fault.find('\n', at) - at - start.size()));
    std::vector<std::string>& keys = lists.emplace_back();
    for (std::string key; words >> key;) {
      if (key.ends_with(',')) key.pop_back();
      keys.push_back(key);
    }
  }
  return lists;
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
  const std::vector<std::vector<std::string>> lists = known_keys(fault);
  CHECK(lists.size() == 2);
  for (const std::vector<std::string>& keys : lists) {
    for (const std::string& key : keys) {
      const bool column = find_column(key).has_value() && key != "pass" && key != "op";
      CHECK_MESSAGE((column || text.find("`" + key + "`") != std::string::npos), key);
    }
  }
  CHECK(text.find("`based-on`") != std::string::npos);
}

// The part of a page from a heading to the next of its level.
std::string section(const std::string& text, const std::string& heading) {
  const std::size_t start = text.find("## " + heading + "\n");
  return start == std::string::npos ? std::string() : text.substr(start, text.find("\n## ", start) - start);
}

TEST_CASE("docs/program-schema.md has every key in the section of its map, and families") {
  const std::string text = page("program-schema.md");
  const std::string fault = test::error_of([] {
    (void)attention_programs_from_text(
        "no: 1\nfamily: none\nprograms:\n  - {no: 1, tiles: [{no: 1}], split: {no: 1}, helpers: [{no: 1}]}\n", "p.yaml");
  });
  const std::vector<std::string> headings = {"Keys of a tile", "Keys of `split`", "Keys of a helper kernel",
                                             "Keys of a program", "Keys of the file"};
  const std::vector<std::vector<std::string>> lists = known_keys(fault);
  REQUIRE(lists.size() == headings.size());
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const std::string keys = section(text, headings[i]);
    for (const std::string& key : lists[i]) {
      CHECK_MESSAGE(keys.find("`" + key + "`") != std::string::npos, headings[i] << ": " << key);
    }
    // A row of the table a key, two keys of a row apart.
    std::size_t rows = 0;
    for (std::size_t at = keys.find("\n| `"); at != std::string::npos; at = keys.find("\n| `", at + 1)) {
      rows += keys.compare(keys.find('`', keys.find('`', at) + 1), 4, "`, `") == 0 ? 2 : 1;
    }
    CHECK_MESSAGE(rows == lists[i].size(), headings[i]);
  }
  for (const std::string& family : enum_names<Family>()) {
    CHECK_MESSAGE((family == "cublas" || text.find("`" + family + "`") != std::string::npos), family);
  }
}

// Programs as they are shipped, but for blanks and comments.
TEST_CASE("the example of docs/program-schema.md is the shipped program") {
  const std::string text = section(page("program-schema.md"), "A worked example");
  std::string example;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("    ")) example += line.substr(4) + "\n";
  }
  const AttentionProgram written = attention_programs_from_text(example, "example.yaml").at(0);
  const AttentionProgram shipped =
      load_attention_programs(PERFMODEL_ROOT_DIR "/workloads/programs/flash2.yaml").at(0);
  CHECK(written.code == shipped.code);
  CHECK(written.threads == shipped.threads);
  CHECK(written.alone == shipped.alone);
  REQUIRE(written.tiles.size() == shipped.tiles.size());
  for (std::size_t i = 0; i < written.tiles.size(); ++i) {
    CHECK(written.tiles[i].cta_m == shipped.tiles[i].cta_m);
    CHECK(written.tiles[i].cta_n == shipped.tiles[i].cta_n);
    CHECK(written.tiles[i].split_n == shipped.tiles[i].split_n);
  }
  CHECK(written.split.slots_per_sm == shipped.split.slots_per_sm);
}

TEST_CASE("docs/pipeline-schema.md has every key, sequence parameter and shape word") {
  const std::string text = page("pipeline-schema.md");
  const std::string fault = test::error_of([] {
    (void)PipelineFile::from_text(R"(name: p
operator: mask
no: 1
parameters: {q: {default: 1, no: 1}}
roles: {a: {warps: 4, registers: 32, no: 1}}
channels: {X: {no: 1}}
segments: [{name: s, no: 1, ops: [{name: o, role: a, no: 1}]}]
)", "p.yaml");
  });
  const std::vector<std::vector<std::string>> lists = known_keys(fault);
  CHECK(lists.size() >= 6);
  for (const std::vector<std::string>& keys : lists) {
    for (const std::string& key : keys) CHECK_MESSAGE(text.find("`" + key + "`") != std::string::npos, key);
  }
  for (const PipelineKind kind : {PipelineKind::attention_forward, PipelineKind::gemm, PipelineKind::mask}) {
    for (const ShapeWord& word : shape_words(kind)) {
      CHECK_MESSAGE(text.find("`" + std::string(word.name) + "`") != std::string::npos, word.name);
    }
  }
}

}  // namespace
}  // namespace perfmodel
