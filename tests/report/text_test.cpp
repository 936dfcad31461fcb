// Whole reports of made-up predictions.
#include "report/text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "report/comparison.hpp"
#include "report/csv.hpp"
#include "report/difference.hpp"
#include "report/words.hpp"
#include "tests/input_error.hpp"
#include "tests/report/fake.hpp"

namespace perfmodel {
namespace {

TEST_CASE("the report of a block") {
  CHECK(text_report(test::fake_study()) ==
        "tiny_block takes 873 us (90 % interval 829 to 925 us) on NVIDIA H100 SXM5 80GB, sustained.\n"
        "attention is 60 % of it, limited by alu; the 700 W limit holds the clock at 1490 of 1980 MHz.\n"
        "\n"
        "operator      time  share  limiter  next (slack)  TFLOPS   TB/s    90 % interval\n"
        "norm       24.8 us    3 %  dram     l2 (70 %)             12.10  23.6 to 26.3 us\n"
        "qkv         327 us   37 %  power    tensor (2 %)    1376   0.92    311 to 347 us\n"
        "attention   521 us   60 %  alu      xu (11 %)        864   0.58    495 to 552 us\n"
        "total       873 us  100 %                           1031   1.03    829 to 925 us\n"
        "matmul      848 us   97 %                           1061   0.71    806 to 899 us\n"
        "\n"
        "dropout   costs 173 us (+25 %): without it 700 us; matmul operators 848 us instead of 675 us\n"
        "clock     the 700 W limit holds the clock at 1490 of 1980 MHz; mean power 700 W\n"
        "roofline  436 us by the datasheet's peaks alone, 50 % of the prediction\n"
        "rests on  4 of 266 constants: 2 datasheet, 1 measured, 1 assumed\n"
        "          most: tensor.fp8 (datasheet, -0.39 % for +1 %); assumed: power.held (+0.12 %)\n"
        "try       dropout_mode=overlapped: 800 us (-8.3 %)\n"
        "          twice the ALU rate (pipes.alu.rate): 700 us (-20 %)\n");
}

TEST_CASE("colour sets off the verdict and changes no word") {
  const std::string plain = text_report(test::fake_study());
  std::string coloured = text_report(test::fake_study(), {.colour = true});
  CHECK(coloured.starts_with("\x1b[1mtiny_block takes"));
  for (const std::string code : {"\x1b[1m", "\x1b[0m"}) {
    for (std::size_t at = coloured.find(code); at != std::string::npos; at = coloured.find(code)) {
      coloured.erase(at, code.size());
    }
  }
  CHECK(coloured == plain);
}

TEST_CASE("the report of a single operator") {
  Study study = test::fake_study();
  study.single = true;
  study.name = "qkv";
  study.estimate.items = {study.estimate.items[1]};
  study.estimate.total = study.estimate.items[0].estimate.time;
  study.without_dropout.reset();
  CHECK(text_report(study) ==
        "qkv takes 327 us (90 % interval 829 to 925 us) on NVIDIA H100 SXM5 80GB, sustained.\n"
        "Limited by power; the 700 W limit holds the clock at 1490 of 1980 MHz.\n"
        "\n"
        "bound    alone  of the time\n"
        "power   294 us         90 %\n"
        "tensor  288 us         88 %\n"
        "\n"
        "kernel    128x256x64, 4 stages, 132 CTAs\n"
        "time      launch 3.27 us, fill 6.54 us, steady 301 us, tail 16.4 us\n"
        "busy      tensor 80 %, dram 20 %\n"
        "traffic   DRAM 191 MiB read, 95.4 MiB written; L2 954 MiB; shared memory 3.73 GiB\n"
        "clock     the 700 W limit holds the clock at 1490 of 1980 MHz; mean power 700 W\n"
        "roofline  436 us by the datasheet's peaks alone, 133 % of the prediction\n"
        "rests on  4 of 266 constants: 2 datasheet, 1 measured, 1 assumed\n"
        "          most: tensor.fp8 (datasheet, -0.39 % for +1 %); assumed: power.held (+0.12 %)\n"
        "try       dropout_mode=overlapped: 800 us (+145 %)\n"
        "          twice the ALU rate (pipes.alu.rate): 700 us (+114 %)\n");
}

TEST_CASE("what cannot run says why and nothing else") {
  Study study = test::fake_study();
  study.estimate.items[1].estimate.refusal = "too large";
  CHECK(text_report(study) == "tiny_block cannot run on NVIDIA H100 SXM5 80GB: qkv: too large\n");
}

TEST_CASE("operators that do not fit are added up, the longest stay, in order") {
  Study study = test::fake_study();
  for (int i = 0; i < 40; ++i) {
    SequenceItem item = study.estimate.items[0];
    item.name = "small" + std::to_string(i);
    study.estimate.items.push_back(item);
  }
  const std::string text = text_report(study);
  CHECK(std::ranges::count(text, '\n') <= 30);
  CHECK(text.find("\nqkv ") < text.find("\nattention  "));
  CHECK(text.find(" others ") != std::string::npos);
}

TEST_CASE("Markdown has the same facts as tables and lists") {
  const std::string text = markdown_report(test::fake_study());
  CHECK(text.find("\n| operator | time | share | limiter | next (slack) | TFLOPS | TB/s | 90 % interval |\n"
                  "|---|---:|---:|---|---|---:|---:|---:|\n") != std::string::npos);
  CHECK(text.find("\n| qkv | 327 us | 37 % | power | tensor (2 %) | 1376 | 0.92 | 311 to 347 us |\n") !=
        std::string::npos);
  CHECK(text.find("\n- try: dropout_mode=overlapped: 800 us (-8.3 %)\n") != std::string::npos);
}

TEST_CASE("CSV of a block") {
  const std::string text = csv_report(test::fake_study());
  CHECK(text.starts_with(
      "operator,op,share,predicted_us,lower_us,upper_us,limiter,predicted_sm_mhz,predicted_sequence_us,note\n"
      "norm,membound,0.028414,24.800,23.560,26.288,dram,1490.0,,\n"));
  CHECK(text.find("\ntotal,block,1.000000,872.800,829.160,925.168,alu,1490.0,,\n") != std::string::npos);
}

TEST_CASE("cells of a row") {
  Estimate estimate = test::fake_sequence().items[1].estimate;
  estimate.time = Seconds(0.0004e-6);
  estimate.lower = Seconds(1234567.8904e-6);
  estimate.sequence = Seconds(2e-6);
  std::string cells;
  append_prediction(cells, estimate, "a \"note\", quoted");
  CHECK(cells == "0.000,1234567.890,346.620,power,1490.0,2.000,\"a \"\"note\"\", quoted\"");
  estimate.refusal = "no";
  cells.clear();
  append_prediction(cells, estimate, "");
  CHECK(cells == ",,,infeasible,,,no");
}

TEST_CASE("intervals, changes and shares in words") {
  CHECK(interval_text(Seconds(0.95e-3), Seconds(1.06e-3)) == "0.950 to 1.06 ms");
  CHECK(interval_text(Seconds(9.5e-6), Seconds(10.6e-6)) == "9.50 to 10.6 us");
  CHECK(change_text(0.0321) == "+3.2 %");
  CHECK(change_text(-0.25) == "-25 %");
  CHECK(share_text(0.004) == "0.4 %");
  CHECK(share_text(0.34) == "34 %");
}

TEST_CASE("alternatives side by side") {
  Comparison comparison{"tiny_block", "dropout_mode", {}};
  comparison.alternatives.push_back({"none", test::fake_sequence(), ""});
  comparison.alternatives.push_back({"fused", test::fake_sequence(), ""});
  comparison.alternatives.push_back({"odd", {}, "no such thing"});
  SequenceEstimate& fused = comparison.alternatives[1].estimate;
  fused.total = 1.1 * fused.total;
  fused.items[2].estimate.time = 1.2 * fused.items[2].estimate.time;
  CHECK(text_comparison(comparison) ==
        "tiny_block by dropout_mode\n"
        "\n"
        "dropout_mode    time  change  90 % interval     clock  power  roofline  limiter\n"
        "none          873 us          829 to 925 us  1490 MHz  700 W    436 us  alu\n"
        "fused         960 us   +10 %  829 to 925 us  1490 MHz  700 W    436 us  alu\n"
        "odd                                                                     infeasible: no such thing\n"
        "\n"
        "operator     none   fused  odd\n"
        "attention  521 us  625 us\n");
  CHECK(csv_comparison(comparison).ends_with("\nodd,,,,infeasible,,,no such thing\n"));
}

TEST_CASE("what moved between two predictions") {
  SequenceEstimate after = test::fake_sequence();
  after.items[2].estimate.time = Seconds(310e-6);
  after.items[2].estimate.limiter = Limiter::tensor;
  after.items[0].name = "norm1";
  after.total = Seconds(662e-6);
  const Difference found =
      difference(predictions_from_sequence(test::fake_sequence(), "a"), predictions_from_sequence(after, "b"));
  CHECK(text_difference(found) ==
        "a -> b: 873 us -> 662 us (-24 %), 3 of 4 differ\n"
        "\n"
        "            before    after    effect  change  limiter\n"
        "attention   521 us   310 us   -211 us   -40 %  alu -> tensor\n"
        "norm       24.8 us           -24.8 us          dram\n"
        "norm1               24.8 us  +24.8 us          dram\n");
}

TEST_CASE("equal names in a prediction are told apart") {
  const Table table =
      Table::load_text("op,m,predicted_us,limiter\ngemm,1,2.5,dram\ngemm,1,3.5,dram\ngemm,2,,infeasible\n", "t.csv");
  const PredictionSet set = predictions_from_table(table);
  REQUIRE(set.entries.size() == 3);
  CHECK(set.entries[0].name == "gemm 1");
  CHECK(set.entries[1].name == "gemm 1 (2)");
  CHECK(set.entries[2].time == Seconds(0.0));
  CHECK(set.total.si() == doctest::Approx(6e-6));
}

}  // namespace
}  // namespace perfmodel
