// What the program says to a bad command line or bad input, word for word, and the exit codes.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

using test::Result;
using test::run;

// Exit code 2, nothing on standard output, and this text on standard error.
void check_refused(const std::string& arguments, const std::string& text, const std::string& input = "") {
  CAPTURE(arguments);
  const Result result = run(arguments, input);
  CHECK(result.exit == 2);
  CHECK(result.out.empty());
  CHECK(result.err == text);
}

TEST_CASE("a command line that makes no sense") {
  check_refused(
      "predct x",
      "error: unknown command 'predct'\n"
      "note: did you mean 'predict'?\n"
      "note: known commands: predict, explain, whatif, validate, diff, evolve, fit, calibrate, arch, program, "
      "oracle, mcp, completion\n");
  check_refused("--bogus", "error: unknown option '--bogus'\n");
  check_refused("predict x.yaml --formt json",
                "error: unknown option '--formt'\n"
                "note: did you mean '--format'?\n");
  check_refused("predict llama2_block.yaml extra", "error: unexpected argument 'extra'\n");
  check_refused("predict", "error: FILE is required\nnote: see perfmodel predict --help\n");
  check_refused("predict x.yaml --arch", "error: --arch: a value is missing\nnote: see perfmodel predict --help\n");
  check_refused("arch",
                "error: perfmodel arch: a command is missing\n"
                "note: known commands: list, show, check\n"
                "note: see perfmodel arch --help\n");
}

TEST_CASE("no command at all prints the help, as an error") {
  const Result result = run("");
  CHECK(result.exit == 2);
  CHECK(result.out.empty());
  CHECK(result.err == run("--help").out);
}

TEST_CASE("a bad value of an option") {
  check_refused("predict llama2_block.yaml --regime colder",
                "--regime: error: unknown value 'colder'\n"
                "note: did you mean 'cold'?\n"
                "note: known values: cold, warm, sustained\n");
  check_refused("predict llama2_block.yaml --format xml",
                "--format: error: unknown value 'xml'\n"
                "note: known values: text, markdown, json, csv\n");
  check_refused("predict llama2_block.yaml --json --format csv", "error: --json and --format csv exclude each other\n");
  check_refused("--color nevr arch list",
                "--color: error: unknown value 'nevr'\n"
                "note: did you mean 'never'?\n"
                "note: known values: auto, always, never\n");
  check_refused("completion tcsh", "SHELL: error: unknown value 'tcsh'\nnote: known values: bash, zsh, fish\n");
}

TEST_CASE("an unknown machine") {
  check_refused("predict llama2_block.yaml --arch h100-smx",
                "--arch: error: unknown machine 'h100-smx'\n"
                "note: did you mean 'h100-sxm'?\n"
                "note: known machines: a100-sxm, b200, b300, gb200, gh200, h100-sxm, h200\n"
                "note: a machine file of your own is named by its path, such as ./my-gpu.yaml\n");
}

TEST_CASE("files that are not there") {
  check_refused("predict llama2_blok",
                "llama2_blok: error: no such file, and no shipped workload of that name\n"
                "note: did you mean 'llama2_block'?\n"
                "note: shipped workloads: gpt3_175b, llama2_13b, llama2_70b, llama2_7b, llama2_block, llama3_8b\n");
  check_refused("predict nothing.csv", "nothing.csv: error: no such file\n");
  check_refused("validate nothing.csv --arch h100-sxm", "nothing.csv: error: no such file\n");
  check_refused("predict llama2_block.yaml --arch h100-sxm -o /nonexistent/x",
                "/nonexistent/x: error: cannot be written: No such file or directory\n");
  check_refused("predict llama2_block.yaml --arch h100-sxm --calibration nothing.yaml",
                "nothing.yaml: error: no such file\n");
}

TEST_CASE("settings") {
  check_refused("predict llama2_block.yaml --arch h100-sxm --set machine.dram.bandwith=3",
                "--set: error: unknown machine constant 'dram.bandwith'\n"
                "note: did you mean 'dram.bandwidth'?\n"
                "note: 'perfmodel arch show h100-sxm' lists the constants of this machine\n");
  check_refused("predict llama2_block.yaml --arch h100-sxm --set machine.dram.bandwidth=3",
                "--set: error: '3' of dram.bandwidth: unit missing after '3', write it in B/s\n");
  check_refused("predict llama2_block.yaml --arch h100-sxm --set machine.dram.bandwidth",
                "--set: error: expected machine.KEY=VALUE, not 'machine.dram.bandwidth'\n");
  check_refused("predict llama2_block.yaml --set seq",
                "--set:1:1: error: expected KEY=VALUE\n"
                "  seq\n"
                "  ^\n");
  check_refused(
      "predict - --set seq=3",
      "--set: error: 'seq=3': the rows of a table are set in the table; only machine.KEY=VALUE can be set here\n",
      "op,m,n,k,dtype\n");
  check_refused("predict llama2_block.yaml --arch h100-sxm --compare hidden",
                "--compare: error: which values of 'hidden'?\n"
                "note: give them: --compare hidden=V1,V2,...\n");
}

TEST_CASE("a block that cannot run is bad input") {
  check_refused("predict llama2_block.yaml --arch a100-sxm",
                "llama2_block.yaml: error: cannot run on NVIDIA A100 SXM4 80GB: qkv: NVIDIA A100 SXM4 80GB has no fp8 "
                "tensor cores\n");
}

TEST_CASE("a mask's grid that never fits beside the GEMM asked for names both places") {
  check_refused(
      "predict - --arch h100-sxm",
      "<stdin>:5:12: error: on NVIDIA H100 SXM5 80GB, no CTA of 'draw' (1024 threads) ever fits on an SM beside "
      "one of 'up' (384 threads of 168 registers)\n"
      "    - {name: draw, op: rng, stream: 1, under: [up], elements: 16777216, ro...\n"
      "             ^\n"
      "<stdin>:7:12: note: 'up' is here\n"
      "    - {name: up, op: gemm, m: 4096, n: 4096, k: 4096, cta_m: 128, cta_n: 2...\n"
      "             ^\n"
      "note: leave out 'ctas' and 'threads' of the mask, or 'under', and they are chosen to fit\n",
      "dropout: 0.1\n"
      "dropout_mode: overlapped\n"
      "tensors: {mask: 2 MiB, a: 32 MiB}\n"
      "operators:\n"
      "  - {name: draw, op: rng, stream: 1, under: [up], elements: 16777216, rounds: 7, bits: 8, ctas: 132,\n"
      "     threads: 1024, registers: 64, writes: [mask]}\n"
      "  - {name: up, op: gemm, m: 4096, n: 4096, k: 4096, cta_m: 128, cta_n: 256, threads: 384, registers: 168,\n"
      "     writes: [a]}\n"
      "  - {name: attention, op: attention, batch: 1, heads: 1, seq_q: 4096, head_dim: 128, reads: [a, mask]}\n");
}

TEST_CASE("tables with faults give no output and every fault") {
  check_refused("predict - --arch h100-sxm",
                "<stdin>:2:11: error: 'n': expected a positive integer, not '40x6'\n"
                "  gemm,4096,40x6,4096,bf16\n"
                "            ^\n"
                "<stdin>:4:21: error: 'dtype': unknown value 'bf8'\n"
                "  gemm,4096,4096,4096,bf8\n"
                "                      ^\n"
                "note: known values: fp16, bf16, tf32, fp8, nvfp4, fp32\n",
                "op,m,n,k,dtype\ngemm,4096,40x6,4096,bf16\ngemm,1,1,1,bf16\ngemm,4096,4096,4096,bf8\n");
  check_refused("predict - --arch h100-sxm",
                "<stdin>:2:11: error: row has 4 cells, the header has 5\n"
                "  gemm,1,2,3\n"
                "            ^\n",
                "op,m,n,k,dtype\ngemm,1,2,3\n");
}

TEST_CASE("an infeasible row is an answer, and an error only when asked") {
  const std::string table = "op,m,n,k,dtype\ngemm,4096,4096,4096,nvfp4\n";
  const Result result = run("predict - --arch h100-sxm", table);
  CHECK(result.exit == 0);
  CHECK(result.out ==
        "op,m,n,k,dtype,predicted_us,lower_us,upper_us,limiter,predicted_sm_mhz,predicted_sequence_us,note\n"
        "gemm,4096,4096,4096,nvfp4,,,,infeasible,,,NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores\n");
  CHECK(result.err.empty());
  check_refused("predict - --arch h100-sxm --strict",
                "<stdin>:2:1: error: infeasible: NVIDIA H100 SXM5 80GB has no nvfp4 tensor cores\n"
                "  gemm,4096,4096,4096,nvfp4\n"
                "  ^\n",
                table);
}

TEST_CASE("a column one letter off is a warning, and an error with --strict") {
  const std::string table = "op,m,n,k,dtype,stage\ngemm,4096,4096,4096,bf16,4\n";
  const std::string text =
      "column 'stage' is not read\n"
      "  op,m,n,k,dtype,stage\n"
      "                 ^\n"
      "note: did you mean 'stages'?\n";
  const Result result = run("predict - --arch h100-sxm", table);
  CHECK(result.exit == 0);
  CHECK(result.err == "<stdin>:1:16: warning: " + text);
  check_refused("predict - --arch h100-sxm --strict",
                "<stdin>:1:16: error: " + text + "note: a warning, and --strict makes it an error\n", table);
}

TEST_CASE("diff refuses what is no prediction") {
  const test::TemporaryFolder folder;
  const std::string hint =
      "note: diff compares what `perfmodel predict` writes with --json or for a table, or two block files\n";
  const std::string text = folder.write("a.json", "not json");
  check_refused("diff " + text + " " + text, text + ": error: is no JSON document\n" + hint);
  const std::string other = folder.write("b.json", "{\"kind\": \"block\"}");
  check_refused("diff " + other + " " + other, other + ": error: is not a prediction\n" + hint);
  const std::string future = folder.write("c.json", R"({"schema_version": 99, "kind": "block"})");
  check_refused("diff " + future + " " + future,
                future + ": error: has schema_version 99, this program reads 1\n" + hint);
  const std::string table = folder.write("d.csv", "op,m\ngemm,1\n");
  check_refused("diff " + table + " " + table, table + ": error: has no columns 'predicted_us' and 'limiter'\n" + hint);
}

TEST_CASE("validate needs measurements") {
  check_refused("validate - --arch h100-sxm",
                "<stdin>:1:1: error: column 'measured_us' is missing, there is nothing to compare with\n"
                "  op,m,n,k,dtype\n"
                "  ^\n",
                "op,m,n,k,dtype\ngemm,1,1,1,bf16\n");
  check_refused("validate - --arch h100-sxm",
                "<stdin>:2:17: error: 'measured_us': empty, there is nothing to compare with\n"
                "  gemm,1,1,1,bf16,\n"
                "                  ^\n",
                "op,m,n,k,dtype,measured_us\ngemm,1,1,1,bf16,\n");
}

TEST_CASE("comparisons that make no sense") {
  check_refused("predict llama2_block.yaml --arch all --compare dtype",
                "--compare: error: one comparison at a time: leave out --arch all\n");
  check_refused("predict llama2_block.yaml --arch all --timeline trace.json",
                "--timeline: error: a trace is of one prediction; leave out --compare and --arch all\n");
  const Result negative = run("validate --worst -1");
  CHECK(negative.exit == 2);
  CHECK(negative.err.starts_with("error: --worst: "));
}

TEST_CASE("a result that cannot be written is a failure of the work") {
  const Result result = run("predict llama2_block.yaml --arch h100-sxm -o /dev/full");
  CHECK(result.exit == 1);
  CHECK(result.err == "error: /dev/full: cannot be written: No space left on device\n");
}

}  // namespace
}  // namespace perfmodel

#endif
