#include "workloads/sequences.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "support/table.hpp"
#include "tests/input_error.hpp"
#include "workloads/library.hpp"
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

std::string sequence_of(std::string_view generator) {
  const std::array<std::pair<std::string_view, const char*>, 5> names{{{"philox", "mask_philox4x32"},
                                                                       {"threefry", "mask_threefry4x32"},
                                                                       {"xorwow", "mask_xorwow"},
                                                                       {"pcg", "mask_pcg32"},
                                                                       {"lcg", "mask_lcg32"}}};
  return std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.first == generator; })->second;
}

TEST_CASE("generators as data hold what their compiled kernels do, class by class") {
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/workloads/sequences/sources/mask_counts.csv");
  Diagnostics faults;
  const auto number = [&](std::size_t row, std::string_view column) {
    return table.number(row, *table.column(column), faults).value_or(0.0);
  };
  std::set<std::string> seen;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string name = sequence_of(table.cell(row, *table.column("generator")));
    const int rounds = static_cast<int>(number(row, "rounds"));
    const int bits = static_cast<int>(number(row, "bits"));
    const bool packed = number(row, "packed") > 0;
    const SequenceCounts counts = mask_word_counts(Sequence::load(name), rounds, bits, packed);
    CAPTURE(name);
    CAPTURE(rounds);
    CAPTURE(bits);
    CAPTURE(packed);
    for (const char* instruction :
         {"lop3", "shf", "iadd3", "isetp", "sel", "lea", "prmt", "imad", "imad_wide", "stg", "bra"}) {
      CAPTURE(instruction);
      CHECK(counts.of(instruction) == number(row, instruction));
    }
    // The stall counts, and what 64-bit products take beyond them.
    const double lone = number(row, "stalls") + 2.24 * number(row, "imad_wide");
    CHECK(std::abs(counts.lone / lone - 1.0) < 0.028);
    seen.insert(name);
  }
  CHECK(table.rows() == 63);
  CHECK(seen.size() == 5);
}

TEST_CASE("a Triton GEMM's steps, by its own machine code") {
  const Table table = Table::load_file(PERFMODEL_ROOT_DIR "/workloads/sequences/sources/gemm_counts.csv");
  Diagnostics faults;
  const auto number = [&](std::size_t row, std::string_view column) {
    return static_cast<int>(table.number(row, *table.column(column), faults).value_or(0.0));
  };
  TileCode code;
  double loop_error = 0.0;
  double tile_error = 0.0;
  int rows = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const int warps = number(row, "warps");
    const int accumulators = number(row, "cta_m") * number(row, "cta_n") / (32 * warps);
    if (accumulators > 128) continue;  // spills
    const TileSteps steps = code.steps({.tma = number(row, "tma") == 1,
                                        .products = number(row, "products"),
                                        .copies = number(row, "copies"),
                                        .warps = warps,
                                        .accumulators = accumulators});
    CAPTURE(row);
    CHECK(std::abs(steps.iteration - number(row, "loop")) <= 20.0);
    loop_error += std::abs(steps.iteration / number(row, "loop") - 1.0);
    tile_error += std::abs(steps.tile / number(row, "tile") - 1.0);
    ++rows;
  }
  CHECK(rows == 26);
  CHECK(loop_error / rows < 0.05);
  CHECK(tile_error / rows < 0.10);
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
