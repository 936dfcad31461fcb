// `perfmodel whatif` as a process.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "support/table.hpp"
#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

using nlohmann::json;
using test::Result;
using test::run;

double time_of(const std::string& arguments) {
  return json::parse(run("predict llama2_block.yaml --json " + arguments).out)["prediction"]["time"].get<double>();
}

json sweep(const std::string& arguments) {
  const Result result = run("whatif llama2_block.yaml --json " + arguments);
  CHECK(result.exit == 0);
  return json::parse(result.out);
}

void check_refused(const std::string& arguments, const std::string& text) {
  CAPTURE(arguments);
  const Result result = run("whatif " + arguments);
  CHECK(result.exit == 2);
  CHECK(result.out.empty());
  CHECK(result.err == text);
}

TEST_CASE("a point of a sweep is the prediction of the same settings") {
  const json document = sweep("--sweep arch=h100-sxm,b200 --sweep seq=1000,4096 --set dtype=bf16 --given dropout=0.2");
  REQUIRE(document["points"].size() == 4);
  for (const json& point : document["points"]) {
    const std::string settings = "--arch " + point["at"]["arch"].get<std::string>() +
                                 " --set seq=" + point["at"]["seq"].get<std::string>() + " --set dropout=0.2";
    CAPTURE(settings);
    const double before = time_of(settings);
    const double after = time_of(settings + " --set dtype=bf16");
    CHECK(point["before"]["time"].get<double>() == doctest::Approx(before).epsilon(1e-9));
    CHECK(point["prediction"]["time"].get<double>() == doctest::Approx(after).epsilon(1e-9));
    CHECK(point["speedup"].get<double>() == doctest::Approx(before / after).epsilon(1e-9));
  }
}

TEST_CASE("machine constants by value, by factor and by section") {
  const json document = sweep("--arch h100-sxm --sweep 'machine.dram.bandwidth=*1,6.7 TB/s,*2'");
  const auto time = [&](int i) { return document["points"][i]["prediction"]["time"].get<double>(); };
  CHECK(time(0) == doctest::Approx(time_of("--arch h100-sxm")).epsilon(1e-9));
  CHECK(time(1) == doctest::Approx(time(2)).epsilon(1e-9));
  CHECK(time(1) < time(0));
  const json tensor = sweep("--arch h100-sxm --sweep 'machine.tensor.*=*1..*4*2'");
  CHECK(tensor["axes"][0]["values"] == json({"*1", "*2", "*4"}));
  CHECK(tensor["points"][2]["prediction"]["time"] < tensor["points"][0]["prediction"]["time"]);
}

TEST_CASE("block keys by factor, other models, regimes") {
  const json twice = sweep("--arch h100-sxm --sweep seq=*0.5,*1,8192");
  const json same = sweep("--arch h100-sxm --sweep seq=2048,4096,8192");
  for (int i = 0; i < 3; ++i) {
    CHECK(twice["points"][i]["prediction"]["time"] == same["points"][i]["prediction"]["time"]);
  }
  const json models = sweep("--arch h100-sxm --sweep model=llama2_7b,llama3_8b --sweep regime=cold,sustained");
  const auto time = [&](int i) { return models["points"][i]["prediction"]["time"].get<double>(); };
  CHECK(time(1) == doctest::Approx(time_of("--arch h100-sxm")).epsilon(1e-9));  // the file is Llama 2 7B
  CHECK(time(0) < time(1));                                                     // not throttled
  const Result file =
      run("predict - --arch h100-sxm --json", "based-on: llama3_8b\nseq: 4096\ndtype: fp8\ndropout: 0.1\npass: fwd\n");
  CHECK(time(3) == doctest::Approx(json::parse(file.out)["prediction"]["time"].get<double>()).epsilon(1e-9));
}

TEST_CASE("what cannot run is an answer of its point") {
  const Result result = run("whatif llama2_block.yaml --sweep arch=h100-sxm,a100-sxm --csv");
  CHECK(result.exit == 0);
  CHECK(result.err.empty());
  const Table table = Table::load_text(result.out, "out");
  REQUIRE(table.rows() == 2);
  CHECK(table.cell(1, *table.column("limiter")) == "infeasible");
}

TEST_CASE("a change alone shows what moved") {
  const Result result = run("whatif llama2_block.yaml --arch h100-sxm --set 'machine.tensor.*=*2'");
  CHECK(result.exit == 0);
  CHECK(result.out.starts_with("llama2_block -> with machine.tensor.*=*2: "));
  CHECK(result.out.find("\nffn_up") != std::string::npos);
}

TEST_CASE("the machine that nobody named is said on standard error") {
  const Result result = run("whatif llama2_block.yaml --sweep seq=1024,2048");
  CHECK(result.err == "note: no machine given: predicting for h100-sxm; --arch NAME takes another\n");
  CHECK(run("whatif llama2_block.yaml --sweep arch=b200,h200").err.empty());
}

TEST_CASE("the page goes to its file, the text to standard output") {
  const test::TemporaryFolder folder;
  const std::string file = folder.file("page.html");
  const std::string arguments = "whatif llama2_block.yaml --arch h100-sxm --sweep seq=1024,2048 ";
  const Result result = run(arguments + "--html " + file);
  CHECK(result.exit == 0);
  CHECK(result.out == run(arguments).out);
  const std::string page = folder.read("page.html");
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page == run(arguments + "--html -").out);
}

TEST_CASE("a browser draws the page") {
  if (std::system("command -v chromium > /dev/null 2>&1") != 0) {
    MESSAGE("no chromium at hand: not tried");
    return;
  }
  const test::TemporaryFolder folder;
  const std::string page = folder.file("page.html");
  REQUIRE(run("whatif llama2_block.yaml --arch h100-sxm --set dropout_mode=overlapped --sweep seq=1024..8192*2 "
              "--sweep rng_rounds=3,7,10 --html " +
              page)
              .exit == 0);
  const std::string command = "timeout 100 chromium --headless --no-sandbox --disable-gpu --dump-dom 'file://" + page +
                              "' > " + folder.file("dom") + " 2> /dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string dom = folder.read("dom");
  // Set by the last line of the script: speedup, limiter, hidden share, times along the first key.
  CHECK(dom.find("data-drawn=\"4\"") != std::string::npos);
  CHECK(std::ranges::count(dom, '<') > 200);
}

TEST_CASE("what makes no sense") {
  check_refused("llama2_block.yaml", "error: nothing is asked: give --set KEY=VALUE, --sweep KEY=V1,V2,... or both\n");
  check_refused("llama2_block.yaml --set seq=1024,2048",
                "--set:1:10: error: --set gives 'seq' one value\n"
                "  seq=1024,2048\n"
                "           ^\n"
                "note: --sweep takes several\n");
  check_refused("llama2_block.yaml --sweep seq=1,2 --sweep batch=1,2 --sweep heads=32",
                "--sweep:1:1: error: a third sweep, by 'heads': two are the most\n"
                "  heads=32\n"
                "  ^\n");
  check_refused("llama2_block.yaml --sweep seq=1,2 --sweep seq=3,4",
                "--sweep:1:1: error: 'seq' is swept twice\n"
                "  seq=3,4\n"
                "  ^\n");
  check_refused("llama2_block.yaml --arch h100-sxm --sweep seq=1024,2048 --set seq=4096",
                "--sweep:1:1: error: 'seq' is swept and set\n"
                "  seq=1024,2048\n"
                "  ^\n"
                "--set:1:5: note: it is set here\n"
                "  seq=4096\n"
                "      ^\n"
                "note: --given sets a key for both predictions, --set for the changed one\n");
  check_refused(
      "llama2_block.yaml --arch h100-sxm --sweep sec=1024,2048",
      "--sweep:1:1: error: unknown key 'sec'\n"
      "  sec=1024\n"
      "  ^\n"
      "note: did you mean 'seq'?\n"
      "note: known keys: seq, batch, dtype, dropout, dropout_mode, attention_impl, pass, regime, machine, timer, "
      "data, gated, rotary, rng_rounds, rng_bits, rng_triangle, rng_again, tokens, attention_width, kv_width, "
      "qkv_width, up_width, cast, train, mask_kernel, drawn, layers, hidden, heads, kv_heads, head_dim, ffn\n"
      "note: at sec=1024\n");
  check_refused("llama2_block.yaml --arch h100-sxm --sweep dtype=*2",
                "--sweep:1:7: error: 'dtype': unknown value '(fp8) * 2'\n"
                "  dtype=(fp8) * 2\n"
                "        ^\n"
                "note: known values: fp16, bf16, tf32, fp8, nvfp4, fp32\n"
                "note: at dtype=*2\n");
  check_refused("llama2_block.yaml --sweep arch=*2,b200",
                "--sweep:1:6: error: 'arch' is no number that a factor could multiply\n"
                "  arch=*2,b200\n"
                "       ^\n"
                "note: at arch=*2\n");
  check_refused("llama2_block.yaml --arch h100-sxm --sweep machine.pipes.xv.rate=*2",
                "--sweep:1:23: error: unknown machine constant 'pipes.xv.rate'\n"
                "  machine.pipes.xv.rate=*2\n"
                "                        ^\n"
                "note: did you mean 'pipes.xu.rate'?\n"
                "note: 'perfmodel arch show h100-sxm' lists the constants of this machine\n"
                "note: at machine.pipes.xv.rate=*2\n");
  check_refused("llama2_block.yaml --arch h100-sxm --sweep model=llama4_8b",
                "--sweep:1:7: error: no such file, and no shipped workload 'llama4_8b'\n"
                "  model=llama4_8b\n"
                "        ^\n"
                "note: did you mean 'llama3_8b'?\n"
                "note: shipped workloads: gpt3_175b, llama2_13b, llama2_70b, llama2_7b, llama2_block, llama3_8b\n"
                "note: at model=llama4_8b\n");
  check_refused("llama2_block.yaml --arch h100-sxm --set seq=1024 --html page.html",
                "--html: error: a page shows a sweep: give --sweep KEY=V1,V2,...\n");
  check_refused("llama2_block.yaml --arch h100-sxm --sweep seq=1024 --json --csv",
                "error: --json and --csv exclude each other\n");
}

}  // namespace
}  // namespace perfmodel

#endif
