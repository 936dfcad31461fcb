// The oracle's protocol: a line in, a line out.
#include "search/oracle_stream.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "search/oracle_request.hpp"
#include "support/diagnostic.hpp"
#include "tests/search/suites.hpp"

namespace {

using namespace perfmodel;
using nlohmann::json;

Oracle& h100() {
  static Oracle oracle = test::oracle_of("h100-sxm");
  return oracle;
}

// What comes back for some input, handed over in pieces of that size.
std::string answered(const std::string& input, std::size_t piece = 1 << 16, unsigned threads = 2) {
  std::size_t at = 0;
  std::string output;
  const ReadSome read = [&](std::span<char> buffer) {
    const std::size_t size = std::min({piece, buffer.size(), input.size() - at});
    std::copy_n(input.data() + at, size, buffer.data());
    at += size;
    return size;
  };
  answer_lines(h100(), read, [&](std::string_view text) { output += text; }, {.threads = threads});
  return output;
}

std::vector<json> answers(const std::string& input) {
  std::vector<json> lines;
  const std::string output = answered(input);
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = output.find('\n', at);
    lines.push_back(json::parse(output.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

const std::string define =
    R"({"define":"g","configurations":[{"op":"gemm","m":4096,"n":4096,"k":4096,"dtype":"bf16","impl":"triton"}],)"
    R"("columns":["cta_m","cta_n","stages"],"fidelity":"bound"})"
    "\n";

std::string error_of(const std::string& line) {
  const std::vector<json> found = answers(define + line + "\n");
  REQUIRE(found.size() == 2);
  REQUIRE(found[1].contains("error"));
  CHECK(found[1]["error"]["line"] == 2);
  CHECK(found[1]["schema_version"] == 1);
  return found[1]["error"]["message"];
}

TEST_CASE("questions refer to what was defined before them") {
  const auto found = answers(define + R"({"id":1,"values":[128,128,3]}
{"id":"two","kernel":{"cta_m":128,"cta_n":128,"stages":3}}
{"define":"h","configurations":[{"op":"gemm","m":128,"n":128,"k":128,"dtype":"bf16"}],"fidelity":"bound"}
{"id":3.5}
{"use":"g","values":[128,128,3]})");
  REQUIRE(found.size() == 6);
  CHECK(found[0] == json{{"schema_version", 1}, {"id", nullptr}, {"define", "g"}, {"configurations", 1}});
  CHECK(found[1]["id"] == 1);
  CHECK(found[2]["id"] == "two");
  CHECK(found[1]["tflops"] == found[2]["tflops"]);
  CHECK(found[4]["id"] == 3.5);
  CHECK(found[4]["time"][0] < found[1]["time"][0]);
  CHECK(found[5]["id"] == nullptr);
  CHECK(found[5]["tflops"] == found[1]["tflops"]);
}

TEST_CASE("an answer has everything on every configuration") {
  const json answer = answers(define + R"({"id":1,"values":[128,128,3]})").back();
  for (const char* key : {"tflops", "time", "lower", "upper", "limiter", "second", "slack"}) {
    CAPTURE(key);
    CHECK(answer[key].size() == 1);
  }
  CHECK(answer["geomean"] == answer["tflops"][0]);
  CHECK(answer["feasible"] == true);
  CHECK(answer["stage"] == "bound");
  const json refused = answers(define + R"({"id":1,"values":[256,256,30]})").back();
  CHECK(refused["geomean"] == 0);
  CHECK(refused["tflops"] == json::array({0}));
  CHECK(refused["feasible"] == false);
  CHECK(refused["refusal"].get<std::string>().find("shared memory") != std::string::npos);
}

TEST_CASE("what is wrong with a line is said in its place") {
  CHECK(error_of("") == "an empty line");
  CHECK(error_of("nonsense") == "malformed JSON");
  CHECK(error_of("[1]") == "expected a JSON object");
  CHECK(error_of("{\"id\":\"\xff\"}") == "not valid UTF-8");
  CHECK(error_of(std::string(40, '[') + std::string(40, ']')) == "nested too deeply");
  CHECK(error_of(R"({"values":[1,2]})") == "'values': 2 values for 3 columns");
  CHECK(error_of(R"({"values":[1,2,3,4]})") == "'values': 4 values for 3 columns");
  CHECK(error_of(R"({"values":[128,128,2.5]})") == "'stages': expected a whole number");
  CHECK(error_of(R"({"value":[1]})").find("unknown key 'value'; did you mean 'values'?; known keys: id, use,") == 0);
  CHECK(error_of(R"({"kernel":{"cta_o":1}})").find("'cta_o' is no column of a kernel") == 0);
  CHECK(error_of(R"({"kernel":{},"program":"fa4_forward"})") == "a candidate is a 'kernel' or a 'program', not both");
  CHECK(error_of(R"({"set":{"emulated":1}})") == "'moves' and 'set' change a 'program', and there is none");
  CHECK(error_of(R"({"use":"q"})") == "'use': nothing of the name 'q' is defined");
  CHECK(error_of(R"({"fidelity":"exact"})") == "'fidelity': expected 'bound' or 'pipeline'");
  CHECK(error_of(R"({"program":"x","moves":[{"move":"fly"}]})").find("unknown key 'fly'") == 0);
  CHECK(error_of(R"({"define":"x"})") == "a definition needs 'suite' or 'configurations'");
  CHECK(error_of(R"({"define":"x","suite":"avo"})").find("unknown suite 'avo'") == 0);
  CHECK(error_of(R"({"define":"x","configurations":[{"op":"gemm","m":0,"n":1,"k":1,"dtype":"bf16"}]})") ==
        "configuration 0: 'm': expected a positive integer, not '0'");
  const auto undefined = answers("{\"values\":[1]}");
  CHECK(undefined[0]["error"]["message"] ==
        "nothing is defined yet: send a line with 'define', or 'suite' with the question");
}

TEST_CASE("terminal escapes do not come back") {
  const std::string output = answered(define + R"({"id":"\u001b[31mred","use":"\u001b]0;title\u0007x\u009b31m"})");
  CHECK(output.find('\x1b') == std::string::npos);
  CHECK(output.find("\\u001b") == std::string::npos);
  CHECK(json::parse(output.substr(output.find('\n') + 1))["id"] == "red");
}

TEST_CASE("lines that are too long are skipped and answered") {
  std::string input =
      define + "{\"id\":\"" + std::string(longest_line, 'x') + "\"}\n" + "{\"id\":7,\"values\":[128,128,3]}\n";
  for (const std::size_t piece : {std::size_t{1} << 20U, std::size_t{100'000}}) {
    const std::string output = answered(input, piece);
    CHECK(output.find("\"error\":{\"line\":2,\"message\":\"a line of more than 1048576 bytes\"}") != std::string::npos);
    CHECK(output.find("\"id\":7,\"geomean\"") != std::string::npos);
  }
}

TEST_CASE("answers are the same bytes however the input comes and whoever works") {
  std::string input = define;
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::uint_fast32_t draw = random();
    if (draw % 97 == 0) {
      input += "{\"define\":\"g\",\"configurations\":[{\"op\":\"gemm\",\"m\":" + std::to_string(64 + draw % 512) +
               ",\"n\":512,\"k\":512,\"dtype\":\"bf16\",\"impl\":\"triton\"}],\"columns\":[\"cta_m\",\"cta_n\","
               "\"stages\"],\"fidelity\":\"bound\"}\r\n";
    } else if (draw % 53 == 0) {
      input += "broken\n";
    } else {
      input += fmt::format("{{\"id\":{},\"values\":[{},{},{}]}}\n", i, 16 << draw % 5, 16 << draw / 8 % 5,
                           1 + draw / 64 % 6);
    }
  }
  const std::string once = answered(input, 1 << 18, 1);
  CHECK(std::ranges::count(once, '\n') == 2001);
  CHECK(answered(input, 1 << 18, 4) == once);
  CHECK(answered(input, 777, 3) == once);
}

TEST_CASE("a reader or writer that fails ends it with what it threw") {
  const ReadSome broken = [](std::span<char>) -> std::size_t { throw RuntimeError("cannot be read"); };
  CHECK_THROWS_WITH(answer_lines(h100(), broken, [](std::string_view) {}, {}), "cannot be read");
  bool given = false;
  const ReadSome once = [&](std::span<char> buffer) -> std::size_t {
    if (std::exchange(given, true)) return 0;
    buffer[0] = '\n';
    return 1;
  };
  CHECK_THROWS_WITH(answer_lines(h100(), once, [](std::string_view) { throw RuntimeError("cannot be written"); }, {}),
                    "cannot be written");
}

TEST_CASE("any bytes at all get one well-formed answer a line") {
  std::mt19937 random(3);
  const std::string alphabet = "{}[]\",:0123456789.eE+-truefalsn\\u \t\x01\x80\xff idvaluesetkernl";
  std::string input;
  int lines = 0;
  for (; lines < 20000; ++lines) {
    const std::uint_fast32_t length = random() % 40;
    for (std::uint_fast32_t i = 0; i < length; ++i) input += alphabet[random() % alphabet.size()];
    input += '\n';
  }
  const std::string output = answered(input);
  int count = 0;
  for (std::size_t at = 0; at < output.size(); ++count) {
    const std::size_t end = output.find('\n', at);
    const json answer = json::parse(output.substr(at, end - at), nullptr, false);
    REQUIRE(!answer.is_discarded());
    REQUIRE(answer.contains("error"));
    at = end + 1;
  }
  CHECK(count == lines);
}

}  // namespace
