// Sweeps of made-up predictions: text, CSV, JSON and the page.
#include "report/sweep.hpp"

#include <doctest/doctest.h>
#include <expat.h>

#include <nlohmann/json.hpp>
#include <string>

#include "report/sweep_page.hpp"

namespace perfmodel {
namespace {

using nlohmann::json;

SweepOutcome outcome(double microseconds, Limiter limiter) {
  SweepOutcome made;
  made.time = Seconds(microseconds * 1e-6);
  made.lower = 0.95 * made.time;
  made.upper = 1.05 * made.time;
  made.limiter = limiter;
  made.second = Limiter::tensor;
  made.clock = Hertz(1.5e9);
  made.power = Watts(700);
  return made;
}

Sweep one_axis() {
  Sweep sweep;
  sweep.subject = "tiny_block";
  sweep.machine = "h100-sxm";
  sweep.changes = {"machine.pipes.xu.rate=*2"};
  sweep.axes = {{"seq", {"1024", "2048"}, {1024, 2048}}};
  sweep.points = {{outcome(100, Limiter::power), outcome(110, Limiter::xu)},
                  {outcome(400, Limiter::power), outcome(404, Limiter::power)}};
  return sweep;
}

Sweep two_axes() {
  Sweep sweep;
  sweep.subject = "tiny <block> & more";
  sweep.axes = {{"arch", {"h100-sxm", "b200"}, {}}, {"seq", {"1024", "2048", "4096"}, {1024, 2048, 4096}}};
  for (int i = 1; i <= 6; ++i) sweep.points.push_back({outcome(100 * i, Limiter::dram), {}});
  sweep.points[4].after = {};
  sweep.points[4].after.refusal = "too large";
  sweep.points[5].after.mask = Bytes(67108864);
  sweep.points[5].after.hiding = Hiding{.mask = "dropout_mask",
                                        .in_turn = Seconds(200e-6),
                                        .exposed = Seconds(50e-6),
                                        .parts = {{"qkv", true, "wgmma 128x128", 1.0, 132, 128, 1.2}},
                                        .why = "beside the mask kernel 20 % longer"};
  return sweep;
}

TEST_CASE("a change over one key") {
  CHECK(text_sweep(one_axis()) ==
        "tiny_block with machine.pipes.xu.rate=*2, on h100-sxm, by seq\n"
        "\n"
        " seq  before   after  speedup   90 % interval     clock  power  limiter\n"
        "1024  110 us  100 us    1.100  95.0 to 105 us  1500 MHz  700 W  power\n"
        "2048  404 us  400 us    1.010   380 to 420 us  1500 MHz  700 W  power\n"
        "\n"
        "speedup 1.010 to 1.100, median 1.055; the most at seq=1024, the least at seq=2048\n");
  CHECK(csv_sweep(one_axis()) ==
        "seq,predicted_us,lower_us,upper_us,limiter,predicted_sm_mhz,predicted_sequence_us,note,before_us,speedup\n"
        "1024,100.000,95.000,105.000,power,1500.0,,,110.000,1.10000\n"
        "2048,400.000,380.000,420.000,power,1500.0,,,404.000,1.01000\n");
}

TEST_CASE("words are compared with the first of them") {
  Sweep sweep = one_axis();
  sweep.changes.clear();
  sweep.axes = {{"dropout_mode", {"none", "fused"}, {}}};
  for (SweepPoint& point : sweep.points) point.before.reset();
  CHECK(text_sweep(sweep) ==
        "tiny_block, on h100-sxm, by dropout_mode\n"
        "\n"
        "dropout_mode    time  change   90 % interval     clock  power  limiter\n"
        "none          100 us          95.0 to 105 us  1500 MHz  700 W  power\n"
        "fused         400 us  +300 %   380 to 420 us  1500 MHz  700 W  power\n");
}

TEST_CASE("two keys as maps") {
  CHECK(text_sweep(two_axes()) ==
        "tiny <block> & more, by arch and seq\n"
        "\n"
        "time\n"
        "arch \\ seq    1024    2048    4096\n"
        "  h100-sxm  100 us  200 us  300 us\n"
        "      b200  400 us       -  600 us\n"
        "\n"
        "limiter\n"
        "arch \\ seq  1024  2048        4096\n"
        "  h100-sxm  dram  dram        dram\n"
        "      b200  dram  infeasible  dram\n"
        "\n"
        "share of the mask's time that is hidden\n"
        "arch \\ seq  1024  2048  4096\n"
        "  h100-sxm\n"
        "      b200              75 %\n"
        "\n"
        "- arch=b200, seq=2048: too large\n");
  const std::string csv = csv_sweep(two_axes());
  CHECK(csv.find("\nb200,2048,,,,infeasible,,,too large,,,\n") != std::string::npos);
  CHECK(csv.ends_with("\nb200,4096,600.000,570.000,630.000,dram,1500.0,,,200.000,0.7500,67108864\n"));
}

TEST_CASE("JSON in SI units") {
  const json document = json::parse(json_sweep(one_axis()));
  CHECK(document["kind"] == "sweep");
  CHECK(document["axes"][0]["numbers"][1] == 2048.0);
  CHECK(document["points"][1]["at"]["seq"] == "2048");
  CHECK(document["points"][1]["prediction"]["time"].get<double>() == doctest::Approx(400e-6));
  CHECK(document["points"][1]["speedup"].get<double>() == doctest::Approx(1.01));
  CHECK(document["speedup"]["most_at"] == "seq=1024");
  const json two = json::parse(json_sweep(two_axes()));
  CHECK(two["axes"][0]["numbers"].is_null());
  CHECK(two["points"][4]["prediction"]["feasible"] == false);
  CHECK(two["points"][5]["prediction"]["hiding"]["parts"][0]["host"] == "previous qkv");
  CHECK(two["speedup"].is_null());
}

// The text of the page's data element, from a strict parser; "" if the page is not well-formed.
struct PageText {
  std::string data;
  bool inside = false;
  bool external = false;  // names something outside of the page
};

PageText parsed(const std::string& page) {
  PageText text;
  XML_Parser parser = XML_ParserCreate("UTF-8");
  XML_SetUserData(parser, &text);
  XML_SetElementHandler(
      parser,
      [](void* user, const XML_Char* name, const XML_Char** attributes) {
        auto& found = *static_cast<PageText*>(user);
        for (int i = 0; attributes[i] != nullptr; i += 2) {
          const std::string key = attributes[i];
          const std::string value = attributes[i + 1];
          if (std::string(name) == "script" && key == "id" && value == "data") found.inside = true;
          if (key == "src" || key == "href") found.external = true;
        }
      },
      [](void* user, const XML_Char*) { static_cast<PageText*>(user)->inside = false; });
  XML_SetCharacterDataHandler(parser, [](void* user, const XML_Char* characters, int length) {
    auto& found = *static_cast<PageText*>(user);
    if (found.inside) found.data.append(characters, static_cast<std::size_t>(length));
  });
  const bool sound = XML_Parse(parser, page.data(), static_cast<int>(page.size()), 1) == XML_STATUS_OK;
  INFO(XML_ErrorString(XML_GetErrorCode(parser)), " in line ", XML_GetCurrentLineNumber(parser));
  CHECK(sound);
  XML_ParserFree(parser);
  return text;
}

TEST_CASE("the page is well-formed, names nothing outside, and carries the whole document") {
  for (const Sweep& sweep : {one_axis(), two_axes()}) {
    const std::string page = sweep_page(sweep);
    const PageText text = parsed(page);
    CHECK_FALSE(text.external);
    CHECK(json::parse(text.data) == json::parse(json_sweep(sweep)));
    CHECK(page.find("@DATA@") == std::string::npos);
    // The one address is the name of a namespace.
    CHECK(page.find("https://") == std::string::npos);
    CHECK(page.find("url(") == std::string::npos);
    CHECK(page.find("@import") == std::string::npos);
  }
  CHECK(sweep_page(two_axes()).find("<h1>tiny &lt;block&gt; &amp; more, by arch and seq</h1>") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
