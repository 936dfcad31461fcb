#include "support/yaml.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::error_of;

std::string fault(const std::string& text) {
  return error_of([&] { load_yaml_text(text, "in.yaml"); });
}

TEST_CASE("values keep their kind, text and place") {
  const YamlNode root = load_yaml_text("a: 1\nb: [x, 'y z', ~]\nc: {d: 3.35 TB/s}\n", "in.yaml");
  REQUIRE(root.is_map());
  CHECK(root.entries().size() == 3);
  CHECK(root.entries()[1].key == "b");
  CHECK(root.entries()[1].key_location.text() == "in.yaml:2:1");
  const YamlNode list = root.find("b");
  REQUIRE(list.is_list());
  CHECK(list.items()[1].text() == "y z");
  CHECK(list.items()[1].quoted());
  CHECK(list.items()[1].location().text() == "in.yaml:2:8");
  CHECK_FALSE(list.items()[0].quoted());
  CHECK(list.items()[2].kind() == YamlKind::null);
  CHECK(root.find("c").find("d").text() == "3.35 TB/s");
  CHECK(root.find("c").find("d").location().text() == "in.yaml:3:8");
  CHECK(root.find("none").is_missing());
  CHECK(root.find("a").find("none").is_missing());
}

TEST_CASE("byte-order mark, CRLF and comments do not matter") {
  const YamlNode root = load_yaml_text("\xEF\xBB\xBF# first\r\na: 1\r\nb: 2\r\n", "in.yaml");
  CHECK(root.find("b").text() == "2");
  CHECK(root.find("b").location().text() == "in.yaml:3:4");
}

TEST_CASE("aliases stand for their anchors") {
  const YamlNode root = load_yaml_text("a: &x {k: 1}\nb: *x\n", "in.yaml");
  CHECK(root.find("b").find("k").text() == "1");
}

TEST_CASE("duplicate keys are all reported with both places") {
  CHECK(fault("a: 1\nb: {c: 1, c: 2}\na: 3\n") ==
        "in.yaml:2:11: error: key 'c' is given twice\n"
        "  b: {c: 1, c: 2}\n"
        "            ^\n"
        "in.yaml:2:5: note: first given here\n"
        "  b: {c: 1, c: 2}\n"
        "      ^\n"
        "in.yaml:3:1: error: key 'a' is given twice\n"
        "  a: 3\n"
        "  ^\n"
        "in.yaml:1:1: note: first given here\n"
        "  a: 1\n"
        "  ^\n");
}

TEST_CASE("syntax errors point at the place") {
  CHECK(fault("a: 1\nb: [1, 2\n") ==
        "in.yaml:2:9: error: expected ',' or ']' in a list\n"
        "  b: [1, 2\n"
        "          ^\n");
  CHECK(fault("a: 1\n\tb: 2\n").starts_with("in.yaml:2:"));
  CHECK(fault("a: {b: 1\nc: 2\n") == "in.yaml:2:2: error: expected ',' or '}' in a map\n  c: 2\n   ^\n");
  CHECK(fault("a:\n  - b\n c\n") == "in.yaml:3:2: error: expected a key here, is the indentation right?\n   c\n   ^\n");
  CHECK(fault("a: b: c\n") ==
        "in.yaml:1:5: error: unexpected ':', quote the text if it belongs to it\n  a: b: c\n      ^\n");
  CHECK(fault("a: @x\n") ==
        "in.yaml:1:4: error: a plain text cannot begin with this character, quote it\n  a: @x\n     ^\n");
  CHECK(fault("\u00e9: 'x\nb: 1\n") == "in.yaml:1:4: error: quote is never closed\n  \u00e9: 'x\n     ^\n");
  CHECK(fault("a: \"x\\\"\n") == "in.yaml:1:4: error: quote is never closed\n  a: \"x\\\"\n     ^\n");
  CHECK(fault("a: 1\nb:2\nc: 3\n") == "in.yaml:2:1: error: expected ':' after this key\n  b:2\n  ^\n");
  CHECK(fault("  a: 1\nb: 2\n") ==
        "in.yaml:2:1: error: expected the end of the file, is the indentation right?\n  b: 2\n  ^\n");
  CHECK(fault("a: {b: 1,\n") == "in.yaml:1:10: error: expected a value here\n  a: {b: 1,\n           ^\n");
  CHECK(fault("a: b\nc: \"\x01\"\n") ==
        "in.yaml:2:5: error: control characters are not allowed\n  c: \"?\"\n      ^\n");
  CHECK(fault("a: 'x''y'\nb: \"\\\"\"\n") == "");
  CHECK(fault("a: *x\n") == "in.yaml:1:4: error: no anchor of this name before this place\n  a: *x\n     ^\n");
}

TEST_CASE("what is no plain YAML is refused") {
  CHECK(fault("a: !!int 3\n") ==
        "in.yaml:1:4: error: tags such as 'tag:yaml.org,2002:int' are not read\n"
        "  a: !!int 3\n"
        "     ^\n");
  CHECK(fault("a: 1\n---\nb: 2\n") ==
        "in.yaml:2:1: error: a second document starts here, expected one\n"
        "  ---\n"
        "  ^\n");
  CHECK(fault("[a, b]: 1\n") ==
        "in.yaml:1:1: error: a key must be text, not a list\n"
        "  [a, b]: 1\n"
        "  ^\n");
  CHECK(fault("a: &x {k: 1}\nb: {<<: *x}\n") ==
        "in.yaml:2:5: error: merge keys ('<<') are not read\n"
        "  b: {<<: *x}\n"
        "      ^\n");
  CHECK(fault("a: &x [*x]\n") ==
        "in.yaml:1:8: error: an alias inside of what it stands for\n"
        "  a: &x [*x]\n"
        "         ^\n");
}

TEST_CASE("empty and binary texts are refused") {
  CHECK(fault("") == "in.yaml: error: is empty\n");
  CHECK(fault("# nothing\n\n") == "in.yaml: error: has no values, only comments or blanks\n");
  CHECK(fault(std::string("a: 1\nb\0c", 8)) == "in.yaml:2:2: error: NUL byte: this is a binary file, not text\n");
  CHECK(fault("a: \xff\n") == "in.yaml:1:4: error: not UTF-8 text: this is a binary file or has another encoding\n");
  CHECK(fault("a: \xc0\x80\n").find("not UTF-8") != std::string::npos);
  CHECK(fault("a: \xed\xa0\x80\n").find("not UTF-8") != std::string::npos);
}

TEST_CASE("deep nesting is refused") {
  CHECK(fault(std::string(100, '[') + std::string(100, ']')) ==
        "in.yaml:1:65: error: nested more than 64 levels deep\n"
        "  ..." +
            std::string(72, '[') +
            "...\n"
            "  " +
            std::string(39, ' ') + "^\n");
  CHECK(fault(std::string(100000, '[')).find("nested more than 64 levels deep") != std::string::npos);
  CHECK(fault(std::string(100000, '{')).find("nested more than 64 levels deep") != std::string::npos);
}

TEST_CASE("alias bombs are refused") {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 8; ++j) bomb += last + ",";
    bomb += last + "]\n";
  }
  CHECK(fault(bomb).find("error: more than 200000 values, aliases counted with all that they stand for") !=
        std::string::npos);
  std::string tower = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    tower += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  CHECK(fault(tower).find("nested more than 64 levels deep") != std::string::npos);
}

TEST_CASE("files that cannot be read are refused") {
  const test::TemporaryFolder folder;
  CHECK(error_of([] { load_yaml_file("/nowhere/x.yaml"); }) == "/nowhere/x.yaml: error: no such file\n");
  CHECK(error_of([] { load_yaml_file(""); }) == "error: the file name is empty\n");
  CHECK(error_of([&] { load_yaml_file(folder.path()); }) == folder.path() + ": error: is a directory, not a file\n");
  const std::string big = folder.write("big.yaml", "a: " + std::string(1000, 'x'));
  CHECK(error_of([&] { load_yaml_file(big, {.max_size = 100}); }) ==
        big + ": error: is larger than 100 bytes, the most that is read\n");
  CHECK(load_yaml_file(folder.write("good.yaml", "a: 1\n")).find("a").text() == "1");
}

YamlNode assigned(const std::string& text, std::string_view assignment) {
  return assign(load_yaml_text(text, "in.yaml"), parse_assignment(assignment));
}

TEST_CASE("assignments replace or add a value and keep their place") {
  CHECK(assigned("seq: 4096\n", "seq=8192").find("seq").text() == "8192");
  CHECK(assigned("seq: 4096\n", "seq=8192").find("seq").location().text() == "--set:1:5");
  CHECK(assigned("seq: 4096\n", "batch=2").find("batch").text() == "2");
  CHECK(assigned("dram: {bandwidth: 1 TB/s}\n", "dram.bandwidth=8 TB/s").find("dram").find("bandwidth").text() ==
        "8 TB/s");
  CHECK(assigned("ops: [{name: qkv, n: 1}, {name: proj, n: 2}]\n", "ops.proj.n=7")
            .find("ops")
            .items()[1]
            .find("n")
            .text() == "7");
  CHECK(assigned("ops: [{n: 1}, {n: 2}]\n", "ops.1.n=7").find("ops").items()[1].find("n").text() == "7");
  CHECK(assigned("a: 1\n", "a=[1, 2]").find("a").items().size() == 2);
  const YamlNode root = load_yaml_text("a: {b: 1}\n", "in.yaml");
  assign(root, parse_assignment("a.b=2"));
  CHECK(root.find("a").find("b").text() == "1");
}

TEST_CASE("faulty assignments point into the argument") {
  const auto refused = [](const std::string& assignment) {
    return error_of([&] { assigned("dram: {bandwidth: 1}\nops: [{name: qkv}]\nseq: 1\n", assignment); });
  };
  CHECK(refused("seq") == "--set:1:1: error: expected KEY=VALUE\n  seq\n  ^\n");
  CHECK(refused("=3") == "--set:1:1: error: no key before '='\n  =3\n  ^\n");
  CHECK(refused("seq=") == "--set:1:5: error: no value after '='\n  seq=\n      ^\n");
  CHECK(refused("drum.bandwidth=3") ==
        "--set:1:1: error: no key 'drum' to go through\n  drum.bandwidth=3\n  ^\nnote: did you mean 'dram'?\n");
  CHECK(refused("seq.x=3") == "--set:1:1: error: 'x' leads into a single value, which has no keys\n  seq.x=3\n  ^\n");
  CHECK(refused("ops.3.n=3") == "--set:1:1: error: no item '3' in the list\n  ops.3.n=3\n  ^\n");
  CHECK(refused("dram..x=3") == "--set:1:1: error: empty step in the path\n  dram..x=3\n  ^\n");
  CHECK(refused("seq=[1,") == "--set:1:8: error: expected a value here\n  seq=[1,\n         ^\n");
}

}  // namespace
}  // namespace perfmodel
