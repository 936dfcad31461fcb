#include "support/table.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::error_of;

Table table(std::string text) { return Table::load_text(std::move(text), "in.csv"); }

std::string fault(const std::string& text) {
  return error_of([&] { table(text); });
}

TEST_CASE("cells by row and column") {
  const Table t = table("op,m,note\ngemm,4096,\nrng,,\"a, \"\"b\"\"\"\n");
  CHECK(t.rows() == 2);
  CHECK(t.columns() == 3);
  CHECK(t.column("m") == 1);
  CHECK(t.column("none") == std::nullopt);
  CHECK(t.cell(0, 0) == "gemm");
  CHECK(t.cell(0, 2) == "");
  CHECK(t.cell(1, 2) == "a, \"b\"");
  CHECK(t.raw_header() == "op,m,note");
  CHECK(t.raw_row(0) == "gemm,4096,");
  CHECK(t.raw_row(1) == "rng,,\"a, \"\"b\"\"\"");
  CHECK(t.location(1, 2).text() == "in.csv:3:6");
  CHECK(t.header_location(2).text() == "in.csv:1:6");
}

TEST_CASE("byte-order mark, line ends, blank lines and blanks do not matter") {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    CAPTURE(end);
    const Table t = table("\xEF\xBB\xBF" + end + "a,b" + end + end + " 1 ,\t2" + end + "  " + end + "3,4");
    REQUIRE(t.rows() == 2);
    CHECK(t.names()[0] == "a");
    CHECK(t.cell(0, 0) == "1");
    CHECK(t.cell(0, 1) == "2");
    CHECK(t.cell(1, 1) == "4");
    CHECK(t.raw_row(0) == " 1 ,\t2");
    CHECK(t.raw_row(1) == "3,4");
    CHECK(t.location(0).line == 4);
    CHECK(t.location(1, 1).text() == "in.csv:6:3");
  }
}

TEST_CASE("quoted cells may hold line ends") {
  const Table t = table("a,b\n\"x\r\ny\",1\n\"\n\n\",2\n3,4\n");
  REQUIRE(t.rows() == 3);
  CHECK(t.cell(0, 0) == "x\r\ny");
  CHECK(t.cell(1, 0) == "\n\n");
  CHECK(t.raw_row(0) == "\"x\r\ny\",1");
  CHECK(t.location(0, 1).text() == "in.csv:3:4");
  CHECK(t.location(2).line == 7);
}

TEST_CASE("a header alone is a table without rows") {
  CHECK(table("a,b\n").rows() == 0);
  CHECK(table("a,b").columns() == 2);
}

TEST_CASE("typed cells") {
  const Table t = table("m,x,d\n4096,0.5,bf16\n,,\n0,nan,bf61\n12x,1e999,\n9223372036854775808,,\n");
  Diagnostics faults;
  const auto positive = IntegerRange::positive();
  const std::vector<std::string> types{"fp16", "bf16"};
  CHECK(t.integer(0, 0, faults, positive) == 4096);
  CHECK(t.number(0, 1, faults) == 0.5);
  CHECK(t.choice(0, 2, faults, types) == 1);
  CHECK(t.integer(1, 0, faults, positive) == std::nullopt);
  CHECK(t.number(1, 1, faults) == std::nullopt);
  CHECK(t.choice(1, 2, faults, types) == std::nullopt);
  CHECK_FALSE(faults.has_errors());
  for (std::size_t row : {2U, 3U, 4U}) {
    t.integer(row, 0, faults, positive);
    t.number(row, 1, faults);
    t.choice(row, 2, faults, types);
  }
  CHECK(faults.format() ==
        "in.csv:4:1: error: 'm': expected a positive integer, not '0'\n"
        "  0,nan,bf61\n"
        "  ^\n"
        "in.csv:4:3: error: 'x': expected a number, not 'nan'\n"
        "  0,nan,bf61\n"
        "    ^\n"
        "in.csv:4:7: error: 'd': unknown value 'bf61'\n"
        "  0,nan,bf61\n"
        "        ^\n"
        "note: did you mean 'bf16'?\n"
        "note: known values: fp16, bf16\n"
        "in.csv:5:1: error: 'm': expected a positive integer, not '12x'\n"
        "  12x,1e999,\n"
        "  ^\n"
        "in.csv:5:5: error: 'x': '1e999' is out of range\n"
        "  12x,1e999,\n"
        "      ^\n"
        "in.csv:6:1: error: 'm': '9223372036854775808' does not fit in 64 bits\n"
        "  9223372036854775808,,\n"
        "  ^\n");
}

TEST_CASE("all faults of a table in one run") {
  CHECK(fault("a,b,a\n1,2\n1,2,3,4\n1,2,3\nx\"y,2,3\n\"x\"y,2,3\n") ==
        "in.csv:1:5: error: column 'a' is given twice\n"
        "  a,b,a\n"
        "      ^\n"
        "in.csv:1:1: note: first given here\n"
        "  a,b,a\n"
        "  ^\n"
        "in.csv:2:4: error: row has 2 cells, the header has 3\n"
        "  1,2\n"
        "     ^\n"
        "in.csv:3:7: error: row has 4 cells, the header has 3\n"
        "  1,2,3,4\n"
        "        ^\n"
        "in.csv:5:2: error: stray quote in a cell\n"
        "  x\"y,2,3\n"
        "   ^\n"
        "note: put the whole cell in quotes and double the quotes inside: \"a \"\"b\"\" c\"\n"
        "in.csv:6:3: error: stray quote in a cell\n"
        "  \"x\"y,2,3\n"
        "    ^\n"
        "note: put the whole cell in quotes and double the quotes inside: \"a \"\"b\"\" c\"\n");
}

TEST_CASE("a quote that nothing closes") {
  CHECK(fault("a,b\n1,2\n3,\"x\n4,5\n6,7\n") ==
        "in.csv:3:3: error: quote is never closed\n"
        "  3,\"x\n"
        "    ^\n");
  CHECK(fault("\"a,b\n") == "in.csv:1:1: error: quote is never closed\n  \"a,b\n  ^\n");
}

TEST_CASE("texts that are no table") {
  CHECK(fault("") == "in.csv: error: is empty\n");
  CHECK(fault("\xEF\xBB\xBF") == "in.csv: error: is empty\n");
  CHECK(fault("\n \n") == "in.csv:1:1: error: has no header row\n");
  CHECK(fault(std::string("a,b\n1,\0\n", 8)) == "in.csv:2:3: error: NUL byte: this is a binary file, not text\n");
  CHECK(error_of([] { Table::load_file("/nowhere/x.csv"); }) == "/nowhere/x.csv: error: no such file\n");
}

TEST_CASE("a broken table of any size has a bounded report") {
  std::string text = "a,b\n";
  for (int i = 0; i < 10000; ++i) text += "1\n";
  const std::string report = fault(text);
  CHECK(report.ends_with("note: 9950 more errors not shown\n"));
  CHECK(report.size() < 10000);
}

TEST_CASE("the writer quotes where needed, and what it writes reads back") {
  CsvWriter writer;
  writer.cell("a").cell("b").cell("c").end_row();
  writer.cell("x,y").cell("say \"hi\"").cell(" blank ").end_row();
  writer.cell("").cell(0.1).cell("line\nend").end_row();
  CHECK(writer.text() == "a,b,c\n\"x,y\",\"say \"\"hi\"\"\",\" blank \"\n,0.1,\"line\nend\"\n");
  const Table t = table(writer.text());
  CHECK(t.cell(0, 0) == "x,y");
  CHECK(t.cell(0, 1) == "say \"hi\"");
  CHECK(t.cell(0, 2) == " blank ");
  CHECK(t.cell(1, 2) == "line\nend");
}

TEST_CASE("input rows repeat unchanged before new cells") {
  const Table t = table("a,\"b\"\r\n 1 , \"x, y\"\r\n");
  CsvWriter writer;
  writer.raw(t.raw_header()).cell("c").end_row();
  writer.raw(t.raw_row(0)).cell("3").end_row();
  CHECK(writer.text() == "a,\"b\",c\n 1 , \"x, y\",3\n");
}

}  // namespace
}  // namespace perfmodel
