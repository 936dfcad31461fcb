#include "support/yaml_map.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "tests/input_error.hpp"

namespace perfmodel {
namespace {

enum class Colour { red, green };
constexpr std::array<Choice<Colour>, 2> colours{{{"red", Colour::red}, {"green", Colour::green}}};

// What reading `text` in this way reports.
std::string faults_of(const std::string& text, const std::function<void(YamlMap&)>& read) {
  return test::error_of([&] {
    Diagnostics faults;
    YamlMap map(load_yaml_text(text, "in.yaml"), "the machine", faults);
    read(map);
    faults.throw_if_errors();
  });
}

TEST_CASE("typed getters") {
  Diagnostics faults;
  YamlMap map(load_yaml_text("name: H100\nsms: 132\nratio: 0.9\nbandwidth: 3.35 TB/s\nfast: true\ncolour: green\n"
                             "power: {limit: 700 W}\nlist: [1, 2]\nexpression: 2 * seq\n",
                             "in.yaml"),
              "the machine", faults);
  CHECK(map.string("name") == "H100");
  CHECK(map.integer("sms", IntegerRange::positive()) == 132);
  CHECK(map.number("ratio", NumberRange::fraction()) == 0.9);
  CHECK(map.quantity<BytesPerSecond>("bandwidth").si() == doctest::Approx(3.35e12));
  CHECK(map.boolean("fast"));
  CHECK(map.choice("colour", colours) == Colour::green);
  YamlMap power = map.map("power");
  CHECK(power.quantity<Watts>("limit") == Watts(700));
  power.finish();
  CHECK(map.list("list").size() == 2);
  CHECK(map.node("expression").text() == "2 * seq");
  CHECK(map.optional_integer("none") == std::nullopt);
  CHECK(map.optional_quantity<Seconds>("none") == std::nullopt);
  CHECK(map.optional_choice("none", colours) == std::nullopt);
  CHECK(map.optional_list("none").empty());
  CHECK_FALSE(map.optional_map("none").valid());
  CHECK(map.location("sms").text() == "in.yaml:2:6");
  CHECK(map.key_location("sms").text() == "in.yaml:2:1");
  CHECK(map.location("none").text() == "in.yaml:1:1");
  map.finish();
  CHECK_FALSE(faults.has_errors());
}

TEST_CASE("every fault of a file in one run") {
  const std::string text =
      "nmae: H100\n"
      "sms: 0\n"
      "bandwidth: 3.35\n"
      "clock: 1980 MB\n"
      "colour: gren\n"
      "power: {limit: 700 W, idel: 1 W}\n"
      "fast: yes\n";
  const std::string expected =
      "in.yaml:1:1: error: missing key 'name' in the machine\n"
      "  nmae: H100\n"
      "  ^\n"
      "in.yaml:2:6: error: 'sms': expected a positive integer, not '0'\n"
      "  sms: 0\n"
      "       ^\n"
      "in.yaml:3:12: error: 'bandwidth': unit missing after '3.35', write it in B/s\n"
      "  bandwidth: 3.35\n"
      "             ^\n"
      "in.yaml:4:13: error: 'clock': '1980 MB' is in B, expected Hz\n"
      "  clock: 1980 MB\n"
      "              ^\n"
      "in.yaml:5:9: error: 'colour': unknown value 'gren'\n"
      "  colour: gren\n"
      "          ^\n"
      "note: did you mean 'green'?\n"
      "note: known values: red, green\n"
      "in.yaml:7:7: error: 'fast': expected true or false, not 'yes'\n"
      "  fast: yes\n"
      "        ^\n"
      "in.yaml:6:23: error: unknown key 'idel' in 'power'\n"
      "  power: {limit: 700 W, idel: 1 W}\n"
      "                        ^\n"
      "note: did you mean 'idle'?\n"
      "note: known keys: limit, idle\n"
      "in.yaml:1:1: error: unknown key 'nmae' in the machine\n"
      "  nmae: H100\n"
      "  ^\n"
      "note: did you mean 'name'?\n"
      "note: known keys: name, sms, bandwidth, clock, colour, fast, power\n";
  CHECK(faults_of(text, [](YamlMap& map) {
          map.string("name");
          map.integer("sms", IntegerRange::positive());
          map.quantity<BytesPerSecond>("bandwidth");
          map.quantity<Hertz>("clock");
          map.choice("colour", colours);
          map.boolean("fast");
          YamlMap power = map.map("power");
          power.quantity<Watts>("limit");
          power.optional_quantity<Watts>("idle");
          power.finish();
          map.finish();
        }) == expected);
}

TEST_CASE("values of the wrong kind") {
  CHECK(faults_of("a: [1]\n", [](YamlMap& map) { map.integer("a"); }) ==
        "in.yaml:1:4: error: 'a': expected an integer, not a list\n  a: [1]\n     ^\n");
  CHECK(faults_of("a:\n", [](YamlMap& map) { map.optional_string("a"); }) ==
        "in.yaml:1:3: error: 'a': expected text, not nothing\n  a:\n    ^\n");
  CHECK(faults_of("a: ''\n", [](YamlMap& map) { map.string("a"); }) ==
        "in.yaml:1:4: error: 'a': expected text, not an empty string\n  a: ''\n     ^\n");
  CHECK(faults_of("a: 1\n", [](YamlMap& map) { map.map("a").string("b"); }) ==
        "in.yaml:1:4: error: expected a map for 'a', not a single value\n  a: 1\n     ^\n");
  CHECK(faults_of("a: 1\n", [](YamlMap& map) { map.list("a"); }) ==
        "in.yaml:1:4: error: 'a': expected a list, not a single value\n  a: 1\n     ^\n");
  CHECK(faults_of("a: ~\n", [](YamlMap& map) { map.node("a"); }) ==
        "in.yaml:1:4: error: 'a': expected a value, not nothing\n  a: ~\n     ^\n");
  CHECK(faults_of("- 1\n", [](YamlMap& map) {
          map.string("a");
          map.finish();
        }) == "in.yaml:1:1: error: expected a map for the machine, not a list\n  - 1\n  ^\n");
}

TEST_CASE("numbers that are none") {
  CHECK(faults_of("a: .nan\n", [](YamlMap& map) { map.number("a"); }) ==
        "in.yaml:1:4: error: 'a': expected a number, not '.nan'\n  a: .nan\n     ^\n");
  CHECK(faults_of("a: inf W\n", [](YamlMap& map) { map.quantity<Watts>("a"); }) ==
        "in.yaml:1:4: error: 'a': NaN and infinity are no quantities\n  a: inf W\n     ^\n");
  CHECK(faults_of("a: 9223372036854775808\n", [](YamlMap& map) { map.integer("a"); }) ==
        "in.yaml:1:4: error: 'a': '9223372036854775808' does not fit in 64 bits\n  a: 9223372036854775808\n     ^\n");
  CHECK(faults_of("a: -1 W\n", [](YamlMap& map) { map.quantity<Watts>("a"); }) ==
        "in.yaml:1:4: error: 'a': expected a number of at least 0 in W, not '-1 W'\n  a: -1 W\n     ^\n");
  CHECK(faults_of("a: \"5 w\"\n", [](YamlMap& map) { map.quantity<Watts>("a"); }) ==
        "in.yaml:1:7: error: 'a': unknown unit 'w', did you mean 'W'?\n  a: \"5 w\"\n        ^\n");
}

TEST_CASE("user-named keys are all known") {
  CHECK(faults_of("a: 1\nb: 2\n", [](YamlMap& map) {
          CHECK(map.entries().size() == 2);
          map.finish();
        }) == "");
}

TEST_CASE("a value from the command line is faulted there") {
  CHECK(test::error_of([] {
          Diagnostics faults;
          YamlMap map(assign(load_yaml_text("seq: 1\n", "in.yaml"), parse_assignment("seq=many")), "it", faults);
          map.integer("seq");
          faults.throw_if_errors();
        }) == "--set:1:5: error: 'seq': expected an integer, not 'many'\n  seq=many\n      ^\n");
}

}  // namespace
}  // namespace perfmodel
