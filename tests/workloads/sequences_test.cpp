#include "workloads/sequences.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "support/table.hpp"
#include "tests/input_error.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

TEST_CASE("Philox: two wide multiplies and two xors a round") {
  const Sequence philox = Sequence::load("philox4x32");
  CHECK(philox.counts().total() == 40.0);
  const std::array<SequenceParameter, 1> seven{{{"rounds", 7.0}}};
  CHECK(philox.counts(seven).of("imad_wide") == 14.0);
  CHECK(philox.counts(seven).of("lop3") == 14.0);
  CHECK(philox.counts(seven).of("exp2") == 0.0);
  CHECK(philox.counts(seven).chain == std::vector<InstructionCount>{{"imad_wide", 7.0}, {"lop3", 7.0}});
  CHECK(philox.per() == "call, 128 random bits");
}

TEST_CASE("the mask kernel: counted where the code was read, by the rule elsewhere") {
  const Sequence mask = Sequence::load("dropout_mask");
  CHECK(mask_word_counts(mask, 10, 8).total() == doctest::Approx(216.0));
  CHECK(mask_word_counts(mask, 3, 8).total() == doctest::Approx(160.0));
  CHECK(mask_word_counts(mask, 10, 16).total() == doctest::Approx(287.0));
  CHECK(mask_word_counts(mask, 10, 32).total() == doctest::Approx(386.0));
  CHECK(mask_word_counts(mask, 3, 32).total() == doctest::Approx(157.0));
  // Two calls of 7 rounds: 2 * (13 + 11), then 32 ors, 32 compares, 46 shifts, 32 of overhead.
  CHECK(mask_word_counts(mask, 7, 8).total() == 190.0);
  CHECK(mask_word_counts(mask, 7, 8).of("imad_wide") == 26.0);
}

TEST_CASE("the counts reproduce every full-grid time measured") {
  const Sequence mask = Sequence::load("dropout_mask");
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/validate/data/h100-sxm/rng.csv");
  const std::size_t measured = *table.column("measured_us");
  Diagnostics warnings;
  const std::vector<Operator> rows = read_rows(table, warnings);
  double sum = 0.0;
  int full_grids = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto& rng = std::get<Rng>(rows[row].work);
    if (rng.ctas != 1056 || rng.threads != 256) continue;
    // 64 lanes a clock on each of 132 SMs at 1980 MHz, and 1.5 us for the launch.
    const double words = static_cast<double>(rng.elements) / 32.0;
    const double time =
        words * mask_word_counts(mask, rng.rounds, rng.bits).total() / (64.0 * 132.0 * 1980e6) * 1e6 + 1.5;
    const double error = std::abs(time / *table.number(row, measured, warnings) - 1.0);
    CAPTURE(row);
    CHECK(error < 0.021);
    sum += error;
    ++full_grids;
  }
  CHECK(full_grids > 30);
  CHECK(sum / full_grids < 0.008);
}

TEST_CASE("faults of a sequence") {
  const std::array<SequenceParameter, 1> unknown{{{"bits", 8.0}}};
  CHECK(test::error_of([&] {
          (void)Sequence::load("philox4x32").counts(unknown);
        }).find("the sequence has no parameter 'bits'\n") != std::string::npos);
  CHECK(test::error_of([] {
          Sequence::from_text(
              "name: s\nper: word\nparameters: {n: 2}\ninstructions: {lop3: n * m, shf: -1}\n"
              "counted: [{n: 2, total: 0}]\n",
              "s.yaml");
        }) ==
        "s.yaml:4:26: error: 'lop3': unknown name 'm'\n"
        "  instructions: {lop3: n * m, shf: -1}\n"
        "                           ^\n"
        "note: known parameters: n\n"
        "s.yaml:4:34: error: 'shf': expected a number of at least 0, not -1\n"
        "  instructions: {lop3: n * m, shf: -1}\n"
        "                                   ^\n"
        "s.yaml:5:25: error: 'total': expected a positive number, not '0'\n"
        "  counted: [{n: 2, total: 0}]\n"
        "                          ^\n");
}

}  // namespace
}  // namespace perfmodel
