// `perfmodel predict` as a process: its contract on inputs, outputs and exit codes.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "support/table.hpp"
#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

using nlohmann::json;
using test::Result;
using test::run;

const std::string data = std::string(PERFMODEL_ROOT_DIR) + "/validate/data/h100-sxm/";

std::size_t line_count(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    longest = std::max(longest, end - start);
    start = end + 1;
  }
  return longest;
}

// The predicted cells of every row.
std::vector<std::string> predictions(const std::string& csv) {
  const Table table = Table::load_text(csv, "out");
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::string cells;
    for (const char* name :
         {"predicted_us", "lower_us", "upper_us", "limiter", "predicted_sm_mhz", "predicted_sequence_us", "note"}) {
      cells += std::string(table.cell(row, *table.column(name))) + "|";
    }
    rows.push_back(cells);
  }
  return rows;
}

TEST_CASE("a block's report fits in 30 lines of 100 columns, forward and backward") {
  for (const std::string model : {"llama2_block", "llama2_70b", "gpt3_175b"}) {
    for (const std::string more :
         {"--arch h100-sxm", "--arch b200 --set pass=training", "--arch gh200 --set dtype=bf16"}) {
      CAPTURE(model);
      CAPTURE(more);
      const Result result = run("predict " + model + ".yaml --set dropout=0.1 " + more);
      CHECK(result.exit == 0);
      CHECK(result.err.empty());
      CHECK(line_count(result.out) <= 30);
      CHECK(longest_line(result.out) <= 100);
      CHECK(result.out.starts_with(model));
    }
  }
}

TEST_CASE("results go to standard output and the choice of machine to standard error") {
  const Result result = run("predict llama2_block.yaml");
  CHECK(result.exit == 0);
  CHECK(result.err == "note: no machine given: predicting for h100-sxm; --arch NAME takes another\n");
  CHECK(result.out == run("predict llama2_block --arch h100-sxm").out);
}

TEST_CASE("the file's machine is taken unless --arch names another") {
  const test::TemporaryFolder folder;
  const std::string file = folder.write("mine.yaml", "based-on: llama2_block\nmachine: h200\n");
  const Result own = run("predict " + file);
  CHECK(own.err.empty());
  CHECK(own.out.find("on NVIDIA H200") != std::string::npos);
  CHECK(run("predict " + file + " --arch b200").out.find("on NVIDIA B200") != std::string::npos);
}

TEST_CASE("predictions repeat exactly") {
  for (const char* format : {"text", "markdown", "json", "csv"}) {
    const std::string arguments = std::string("predict llama2_block.yaml --arch h100-sxm --format ") + format;
    CHECK(run(arguments).out == run(arguments).out);
  }
}

TEST_CASE("colour is off in a pipe, on when forced, and off again by --color never") {
  CHECK(run("predict llama2_block.yaml --arch h100-sxm").out.find('\x1b') == std::string::npos);
  const Result forced = run("--color always predict llama2_block.yaml --arch h100-sxm", "", "NO_COLOR=1");
  CHECK(forced.out.find("\x1b[1m") != std::string::npos);
  CHECK(run("predict llama2_block.yaml --arch h100-sxm --color never").out.find('\x1b') == std::string::npos);
  CHECK(run("--color always predict nothing.yaml").err.find("\x1b[") != std::string::npos);
}

TEST_CASE("the time in JSON is the time in CSV") {
  const json block = json::parse(run("predict llama2_block.yaml --arch h100-sxm --json").out);
  const Table table = Table::load_text(run("predict llama2_block.yaml --arch h100-sxm --format csv").out, "out");
  const std::size_t last = table.rows() - 2;
  CHECK(table.cell(last, 0) == "total");
  CHECK(std::stod(std::string(table.cell(last, *table.column("predicted_us")))) ==
        doctest::Approx(block["prediction"]["time"].get<double>() * 1e6).epsilon(1e-6));
  double sum = 0.0;
  for (const json& op : block["prediction"]["operators"]) sum += op["time"].get<double>();
  CHECK(sum == doctest::Approx(block["prediction"]["time"].get<double>()));
}

TEST_CASE("the operator of a block row and of a block file agree") {
  const std::string row = run("predict - --arch h100-sxm --json",
                              "op,model,operators,seq,batch,dtype,dropout,attention_impl,pass\n"
                              "block,llama2_7b,all,4096,1,fp8,0.1,cudnn,fwd\n")
                              .out;
  const json table = json::parse(row);
  const json file = json::parse(run("predict llama2_block.yaml --arch h100-sxm --json").out);
  CHECK(table["predictions"][0]["time"].get<double>() ==
        doctest::Approx(file["prediction"]["time"].get<double>()).epsilon(1e-9));
}

TEST_CASE("tables: input columns unchanged, in order, with quotes, then the predictions") {
  const std::string input =
      "op,note to self,m,n,k,dtype\r\n"
      "gemm,\"a, \"\"b\"\"\",4096,4096,4096,bf16\r\n"
      "\r\n"
      "gemm,,128,128,128,fp8\r\n";
  const Result result = run("predict - --arch h100-sxm", input);
  CHECK(result.exit == 0);
  const Table table = Table::load_text(result.out, "out");
  CHECK(table.rows() == 2);
  CHECK(
      table.raw_header() ==
      "op,note to self,m,n,k,dtype,predicted_us,lower_us,upper_us,limiter,predicted_sm_mhz,predicted_sequence_us,note");
  CHECK(result.out.find("\ngemm,\"a, \"\"b\"\"\",4096,4096,4096,bf16,") != std::string::npos);
}

TEST_CASE("a table of predictions can be predicted again") {
  const Result once = run("predict " + data + "rng.csv --arch h100-sxm");
  const Result twice = run("predict - --arch h100-sxm", once.out);
  CHECK(twice.exit == 0);
  CHECK(twice.out == once.out);
}

TEST_CASE("a row is predicted by the program it names, beside the table or shipped, as the program file would be") {
  const test::TemporaryFolder folder;
  const std::string header = "op,m,n,k,dtype,cta_m,cta_n,program\n";
  folder.write("t.csv", header + "gemm,2176,2048,8192,bf16,128,256,gemm_wgmma_stream_k\n" +
                            "gemm,2176,2048,8192,bf16,128,256,gemm_wgmma_cooperative\n" +
                            "gemm,2176,2048,8192,bf16,128,256,gemm_tcgen05\n");
  const auto result = test::run("predict " + folder.file("t.csv") + " --arch h100-sxm");
  CHECK(result.exit == 0);
  std::istringstream lines(result.out);
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(line);
  REQUIRE(rows.size() == 4);
  const auto time = [&](std::size_t row) {
    std::istringstream cells(rows[row]);
    std::string cell;
    for (int i = 0; i < 9; ++i) std::getline(cells, cell, ',');
    return cell.empty() ? 0.0 : std::stod(cell);
  };
  CHECK(rows[0].starts_with("op,m,n,k,dtype,cta_m,cta_n,program,predicted_us"));
  // 136 tiles on 132 SMs: stream-K has no second wave.
  CHECK(time(2) > 1.4 * time(1));
  CHECK(rows[3].find("infeasible") != std::string::npos);
  const auto alone = test::run(
      "predict gemm_wgmma_stream_k.yaml --arch h100-sxm --json --set m=2176 --set n=2048 --set k=8192 --set cta_m=128 "
      "--set cta_n=256");
  CHECK(time(1) ==
        doctest::Approx(1e6 * nlohmann::json::parse(alone.out)["prediction"]["time"].get<double>()).epsilon(2e-3));
}

TEST_CASE("an empty table is a table") {
  const Result result = run("predict - --arch h100-sxm", "op,m,n,k,dtype\n");
  CHECK(result.exit == 0);
  CHECK(line_count(result.out) == 1);
}

TEST_CASE("no prediction follows a column that is not an input") {
  for (const std::string name : {"gemm", "attention", "rng", "block", "overlap", "gemm_tiles"}) {
    CAPTURE(name);
    const Table table = Table::load_file(data + name + ".csv");
    const std::size_t rows = std::min<std::size_t>(table.rows(), 60);
    const std::vector<std::string> measured{
        "measured_us",       "sm_mhz",        "power_w", "min_us", "max_us",           "main_us",
        "other_us",          "kernels",       "gemm_us", "rng_us", "rng_full_grid_us", "gemm_in_overlap_us",
        "rng_in_overlap_us", "gemm_start_us", "spread"};
    const auto is_measured = [&](std::size_t column) {
      return std::ranges::find(measured, table.names()[column]) != measured.end();
    };
    std::vector<std::size_t> shuffled(rows);
    for (std::size_t i = 0; i < rows; ++i) shuffled[i] = i;
    std::ranges::shuffle(shuffled, std::mt19937(7));
    CsvWriter as_is;
    CsvWriter blanked;
    CsvWriter mixed;
    for (CsvWriter* writer : {&as_is, &blanked, &mixed}) {
      for (const std::string& column : table.names()) writer->cell(column);
      writer->end_row();
    }
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < table.columns(); ++column) {
        as_is.cell(table.cell(row, column));
        blanked.cell(is_measured(column) ? "" : table.cell(row, column));
        mixed.cell(table.cell(is_measured(column) ? shuffled[row] : row, column));
      }
      for (CsvWriter* writer : {&as_is, &blanked, &mixed}) writer->end_row();
    }
    const std::vector<std::string> expected = predictions(run("predict - --arch h100-sxm", as_is.text()).out);
    CHECK(expected.size() == rows);
    CHECK(predictions(run("predict - --arch h100-sxm", blanked.text()).out) == expected);
    CHECK(predictions(run("predict - --arch h100-sxm", mixed.text()).out) == expected);
  }
}

TEST_CASE("standard input is YAML or CSV by what it holds") {
  const Result yaml = run("predict - --arch h100-sxm", "op: gemm\nm: 4096\nn: 4096\nk: 4096\ndtype: bf16\n");
  CHECK(yaml.exit == 0);
  CHECK(yaml.out.starts_with("gemm takes "));
  const Result csv = run("predict - --arch h100-sxm --format text", "op,m,n,k,dtype\ngemm,4096,4096,4096,bf16\n");
  CHECK(csv.out == yaml.out);
}

TEST_CASE("machines and settings side by side") {
  const Result machines = run("predict llama2_block.yaml --arch all");
  CHECK(machines.exit == 0);
  CHECK(machines.out.find("\nh200 ") != std::string::npos);
  CHECK(machines.out.find("infeasible: qkv: NVIDIA A100 SXM4 80GB has no fp8 tensor cores") != std::string::npos);
  const Result modes = run("predict llama2_block.yaml --arch h100-sxm --compare dropout_mode --format csv");
  CHECK(modes.exit == 0);
  CHECK(line_count(modes.out) == 5);
  CHECK(modes.out.starts_with("dropout_mode,predicted_us,"));
  const Result table = run("predict - --arch all", "op,m,n,k,dtype\ngemm,4096,4096,4096,bf16\n");
  CHECK(line_count(table.out) == 8);
  CHECK(table.out.starts_with("op,m,n,k,dtype,arch,predicted_us,"));
}

TEST_CASE("a machine constant set on the command line counts") {
  const std::string copy = "op,bytes,dtype\ncopy,8589934592,fp32\n";
  const auto time = [&](const std::string& more) {
    const Table table = Table::load_text(run("predict - --arch h100-sxm " + more, copy).out, "out");
    return std::stod(std::string(table.cell(0, *table.column("predicted_us"))));
  };
  // Not quite half: the L2 comes near to being what limits.
  CHECK(time("--set 'machine.dram.bandwidth=6.7 TB/s'") == doctest::Approx(time("") / 2.0).epsilon(0.1));
}

TEST_CASE("a file appears whole or not at all") {
  const test::TemporaryFolder folder;
  const std::string file = folder.write("out.json", "before");
  CHECK(run("predict llama2_block.yaml --arch a100-sxm --json -o " + file).exit == 2);
  CHECK(folder.read("out.json") == "before");
  const Result result = run("predict llama2_block.yaml --arch h100-sxm --json -o " + file);
  CHECK(result.exit == 0);
  CHECK(result.out.empty());
  CHECK(json::parse(folder.read("out.json"))["kind"] == "block");
  CHECK(folder.file_count() == 1);
  CHECK(run("predict llama2_block.yaml --arch h100-sxm --json -o -").out == folder.read("out.json"));
}

TEST_CASE("the timeline has the operators end to end") {
  const test::TemporaryFolder folder;
  const Result result = run("predict llama2_block.yaml --arch h100-sxm --json --timeline " + folder.file("trace.json"));
  REQUIRE(result.exit == 0);
  const json block = json::parse(result.out);
  const json trace = json::parse(folder.read("trace.json"));
  double end = 0.0;
  std::size_t operators = 0;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] != "X" || !event["args"].contains("limiter")) continue;
    CHECK(event["ts"].get<double>() == doctest::Approx(end));
    end = event["ts"].get<double>() + event["dur"].get<double>();
    ++operators;
  }
  CHECK(operators == block["prediction"]["operators"].size());
  CHECK(end == doctest::Approx(block["prediction"]["time"].get<double>() * 1e6));
}

TEST_CASE("the timeline shows a hidden mask on its own stream, within the time of its GEMM") {
  const test::TemporaryFolder folder;
  // Tensor memory leaves registers for the mask kernel.
  const Result result =
      run("predict llama2_block.yaml --arch b200 --set dropout_mode=overlapped --set rng_rounds=3 --json "
          "--timeline " +
          folder.file("trace.json"));
  REQUIRE(result.exit == 0);
  const json block = json::parse(result.out)["prediction"];
  REQUIRE(block["hiding"][0]["parts"].size() >= 1);
  const std::string host = block["hiding"][0]["parts"][0]["host"].get<std::string>();
  const std::string name = host.substr(host.rfind(' ') + 1);
  json mask;
  json gemm;
  std::vector<std::string> streams;
  const json trace = json::parse(folder.read("trace.json"));
  for (const json& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") streams.push_back(event["args"]["name"].get<std::string>());
    if (event["name"] == "dropout_mask/" + name) mask = event;
    if (event["name"] == name) gemm = event;
  }
  CHECK(streams == std::vector<std::string>{"stream 0", "stream 1"});
  REQUIRE(mask.is_object());
  REQUIRE(gemm.is_object());
  CHECK(mask["tid"] == 1);
  CHECK(gemm["tid"] == 0);
  CHECK(mask["ts"] == gemm["ts"]);
  CHECK(mask["dur"].get<double>() <= gemm["dur"].get<double>());
}

TEST_CASE("an interrupt while waiting for input ends with 130") {
  const test::TemporaryFolder folder;
  const std::string script = folder.write(
      "interrupt.sh",
      "mkfifo " + folder.file("pipe") + "\nsleep 5 > " + folder.file("pipe") + " &\n\"" + PERFMODEL_BINARY +
          "\" predict - -o " + folder.file("out.csv") + " < " + folder.file("pipe") +
          " 2> /dev/null &\nchild=$!\nsleep 0.5\nkill -INT $child\nwait $child\nstatus=$?\nkill %1\nexit $status\n");
  const int status = std::system(("bash -m " + script + " 2> /dev/null").c_str());
  CHECK(WEXITSTATUS(status) == 130);
  CHECK(folder.file_count() == 2);
}

TEST_CASE("help starts with examples, and the version is the project's") {
  for (const char* command : {"", "predict", "validate", "diff", "completion"}) {
    const Result result = run(std::string(command) + " --help");
    CHECK(result.exit == 0);
    CHECK(result.err.empty());
    const std::size_t examples = result.out.find("\nExamples:\n");
    CHECK(examples != std::string::npos);
    CHECK(examples < result.out.find("Usage: perfmodel"));
    CHECK(longest_line(result.out) <= 130);
  }
  CHECK(run("--version").out.starts_with("perfmodel "));
}

TEST_CASE("completion knows commands, options and values") {
  const std::string bash = run("completion bash").out;
  for (const char* word : {"predict", "--compare", "h100-sxm", "sustained", "llama2_block.yaml", "_perfmodel"}) {
    CHECK(bash.find(word) != std::string::npos);
  }
  const test::TemporaryFolder folder;
  folder.write("completion.bash", bash +
                                      "\nCOMP_WORDS=(perfmodel predict x --regime s); COMP_CWORD=4; _perfmodel\n"
                                      "echo ${COMPREPLY[@]}\n");
  CHECK(std::system(("test \"$(bash " + folder.file("completion.bash") + ")\" = sustained").c_str()) == 0);
  CHECK(run("completion zsh").out.starts_with("#compdef perfmodel\n"));
  CHECK(run("completion fish").out.find("complete -c perfmodel -n '__fish_use_subcommand' -a predict") !=
        std::string::npos);
}

}  // namespace
}  // namespace perfmodel

#endif
