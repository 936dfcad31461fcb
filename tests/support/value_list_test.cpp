#include "support/value_list.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

std::string labels(const std::string& text) {
  std::string joined;
  for (const ListedValue& value : parse_value_list(text, "--sweep").values) {
    joined += (joined.empty() ? "" : "|") + value_label(value);
  }
  return joined;
}

std::string fault(const std::string& text) {
  return test::error_of([&] { parse_value_list(text, "--sweep"); });
}

TEST_CASE("values one by one") {
  const ValueList list = parse_value_list("dropout_mode=none, fused", "--sweep");
  CHECK(list.key == "dropout_mode");
  REQUIRE(list.values.size() == 2);
  CHECK(list.values[1].text == "fused");
  CHECK_FALSE(list.values[1].factor);
  CHECK(list.values[1].where.text() == "--sweep:1:20");
  CHECK(labels("k=[a, b],f(1,2),3") == "[a, b]|f(1,2)|3");
}

TEST_CASE("ranges") {
  CHECK(labels("seq=1024..8192*2") == "1024|2048|4096|8192");
  CHECK(labels("seq=1024..9000*2,12345") == "1024|2048|4096|8192|12345");
  CHECK(labels("rounds=3..10+3") == "3|6|9");
  CHECK(labels("x=0..1+0.25") == "0|0.25|0.5|0.75|1");
  CHECK(labels("x=0.1..0.3+0.1") == "0.1|0.2|0.3");  // the last one is not lost to rounding
  CHECK(labels("dram=3 TB/s..4 TB/s+0.5 TB/s") == "3 TB/s|3.5 TB/s|4 TB/s");
  CHECK(labels("dram=3 TB/s..6 TB/s*2") == "3 TB/s|6 TB/s");
}

TEST_CASE("factors of what stands there") {
  const ValueList list = parse_value_list("xu=*1,*0.5", "--sweep");
  CHECK(list.values[1].factor == 0.5);
  CHECK(labels("xu=*1..*4*2") == "*1|*2|*4");
  CHECK(labels("xu=*1..2+0.5") == "*1|*1.5|*2");
}

TEST_CASE("lists that are none") {
  CHECK(fault("seq") == "--sweep:1:1: error: expected KEY=VALUE\n  seq\n  ^\n");
  CHECK(fault("=3") == "--sweep:1:1: error: no key before '='\n  =3\n  ^\n");
  CHECK(fault("seq=") == "--sweep:1:5: error: no value after '='\n  seq=\n      ^\n");
  CHECK(fault("seq=1,,2") == "--sweep:1:7: error: a value is missing between commas\n  seq=1,,2\n        ^\n");
  CHECK(fault("xu=*two") ==
        "--sweep:1:4: error: a factor after '*': expected a positive number, not 'two'\n  xu=*two\n     ^\n");
  CHECK(fault("seq=1024..8192") ==
        "--sweep:1:5: error: '1024..8192' has no step\n"
        "  seq=1024..8192\n"
        "      ^\n"
        "note: write FROM..TO*2 to double, FROM..TO+16 to count up\n");
  CHECK(fault("seq=a..b*2") ==
        "--sweep:1:5: error: 'a..b*2' is no range of numbers\n"
        "  seq=a..b*2\n"
        "      ^\n");
  CHECK(fault("d=3 TB/s..4 GB/s*2") ==
        "--sweep:1:3: error: '3 TB/s..4 GB/s*2': ends and step of a range are in one unit\n"
        "  d=3 TB/s..4 GB/s*2\n"
        "    ^\n"
        "note: such as 3 TB/s..5 TB/s+1 TB/s; a factor has none\n");
  CHECK(fault("seq=8..4*2") ==
        "--sweep:1:5: error: '8..4*2' leads nowhere: a range goes up, by a factor above 1 or a step above 0\n"
        "  seq=8..4*2\n"
        "      ^\n");
  CHECK(fault("seq=1..9*1").find("leads nowhere") != std::string::npos);
  CHECK(fault("seq=0..9*2").find("leads nowhere") != std::string::npos);
  CHECK(fault("seq=1..100000+1").find("more than 1000 values of 'seq'") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
