// `perfmodel explain`, and program files given to it and to `predict`, run as processes.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The program that docs/pipeline-schema.md shows for copying.
std::string documented_program() {
  std::ostringstream page;
  page << std::ifstream(PERFMODEL_ROOT_DIR "/docs/pipeline-schema.md").rdbuf();
  const std::string text = page.str();
  const std::string fence = "```yaml\n";
  const std::size_t start = text.find(fence + "name: my_gemm");
  REQUIRE(start != std::string::npos);
  const std::size_t begin = start + fence.size();
  return text.substr(begin, text.find("```\n", begin) - begin);
}

TEST_CASE("explain takes the most expensive operator of a block, or the one named") {
  const auto longest = test::run("explain llama2_block.yaml --arch h100-sxm");
  CHECK(longest.exit == 0);
  CHECK(longest.err.empty());
  CHECK(longest.out.starts_with("attention of llama2_block: 1 x 32 x 4096 x 128 causal bf16 fwd"));
  for (const char* part : {"\nbound ", "\ncourse    ", "\nrelax     ", "\nformula   ", "\nrests on  "}) {
    CHECK_MESSAGE(holds(longest.out, part), part);
  }
  const auto named = test::run("explain llama2_block.yaml qkv --arch h100-sxm");
  CHECK(named.out.starts_with("qkv of llama2_block: 4096 x 12288 x 4096 fp8"));
  const auto unknown = test::run("explain llama2_block.yaml qvk --arch h100-sxm");
  CHECK(unknown.exit == 2);
  CHECK(unknown.out.empty());
  CHECK(unknown.err.starts_with("OP: error: 'llama2_block' has no operator 'qvk'\nnote: did you mean 'qkv'?\n"));
}

TEST_CASE("explain writes JSON, Markdown, a file and a trace") {
  const test::TemporaryFolder folder;
  const auto json = test::run("explain llama2_block.yaml --arch b200 --json");
  CHECK(nlohmann::json::parse(json.out)["kind"] == "explanation");
  const auto markdown = test::run("explain llama2_block.yaml --arch b200 --format markdown -o " + folder.file("e.md") +
                                  " --timeline " + folder.file("t.json"));
  CHECK(markdown.exit == 0);
  CHECK(markdown.out.empty());
  CHECK(holds(folder.read("e.md"), "- relax: "));
  CHECK(nlohmann::json::parse(folder.read("t.json"))["traceEvents"].size() > 10);
}

TEST_CASE("explain refuses tables, all machines, a drawing without a program, and unknown formats") {
  const auto table = test::run("explain rows.csv");
  CHECK(table.exit == 2);
  CHECK(table.err ==
        "rows.csv: error: a table cannot be explained, only a block, an operator or a program file\n"
        "note: write the row as a file of its own: 'op: gemm', 'm: 4096', ...\n");
  CHECK(test::run("explain llama2_block.yaml --arch all").err ==
        "--arch: error: an explanation is of one machine, not of all\n");
  const auto drawing = test::run("explain llama2_block.yaml --arch h100-sxm --ascii-timeline");
  CHECK(drawing.exit == 2);
  CHECK(drawing.out.empty());
  CHECK(drawing.err ==
        "--ascii-timeline: error: no program stands for attention, its time comes from a closed form\n"
        "note: --fidelity simulated takes every program there is; 'perfmodel program list' shows them\n");
  CHECK(test::run("explain llama2_block.yaml --format csv").exit == 2);
  CHECK(test::run("explain").exit == 2);
}

TEST_CASE("a program of one's own in the working directory: check, predict, explain, draw") {
  const test::TemporaryFolder folder;
  folder.write("my_gemm.yaml", documented_program());
  const std::string there = "cd " + folder.file(".") + " &&";
  const auto check = test::run("program check my_gemm.yaml", "", there);
  CHECK(check.exit == 0);
  CHECK(check.out == "my_gemm.yaml: ok\n");
  CHECK(check.err.empty());

  const auto predicted = test::run("predict my_gemm.yaml --arch h100-sxm --json", "", there);
  CHECK(predicted.exit == 0);
  const auto json = nlohmann::json::parse(predicted.out);
  CHECK(json["prediction"]["shape"]["m"] == 4096);
  CHECK(json["prediction"]["kernel"].get<std::string>().starts_with("my_gemm, 64x128x64, 160 threads"));

  const auto other = test::run("predict my_gemm.yaml --arch h100-sxm --json --set k=8192 --set stages=4", "", there);
  const auto longer = nlohmann::json::parse(other.out);
  CHECK(longer["prediction"]["shape"]["k"] == 8192);
  CHECK(longer["prediction"]["time"].get<double>() > 1.5 * json["prediction"]["time"].get<double>());

  const auto explained =
      test::run("explain my_gemm.yaml --arch h100-sxm --ascii-timeline --timeline t.json", "", there);
  CHECK(explained.exit == 0);
  CHECK(explained.out.starts_with("my_gemm: 4096 x 4096 x 4096 bf16\n"));
  CHECK(holds(explained.out, "\ncycle     "));
  CHECK(holds(explained.out, "\nclk "));
  CHECK(nlohmann::json::parse(folder.read("t.json"))["traceEvents"].size() > 10);

  const auto shown = test::run("program show my_gemm.yaml", "", there);
  CHECK(holds(shown.out, "  role math         4 warps, 96 registers (predicted)\n"));
  CHECK(holds(shown.out, "  ring AB           3 slots of 24.0 KiB\n"));
}

TEST_CASE("a program file takes its problem from --set, and its machine from its tensor cores") {
  const auto missing = test::run("predict fa4_forward.yaml");
  CHECK(missing.exit == 2);
  CHECK(holds(missing.err,
              "error: the program 'fa4_forward' has no problem to work on: missing batch, heads, seq_q, "
              "head_dim\n"));
  CHECK(holds(missing.err, "note: give it: --set batch=1 --set heads=32 --set seq_q=4096 --set head_dim=128\n"));
  const auto given = test::run(
      "explain fa4_forward.yaml --set batch=1 --set heads=32 --set seq_q=4096 "
      "--set head_dim=128");
  CHECK(given.exit == 0);
  CHECK(given.err == "note: no machine given: predicting for b200; --arch NAME takes another\n");
  CHECK(holds(given.out, "-> PV MMA -> "));
  const auto wrong = test::run("predict gemm_tcgen05.yaml --set m=4096 --set n=4096 --set k=4096 --arch h100-sxm");
  CHECK(wrong.exit == 2);
  CHECK(holds(wrong.err, "error: cannot run on NVIDIA H100 SXM5 80GB: 1 CTAs of 512 columns of tensor memory"));
}

}  // namespace
}  // namespace perfmodel

#endif
