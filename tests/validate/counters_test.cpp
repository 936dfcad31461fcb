// Hardware counters against the model.
#include "validate/counters.hpp"

#include <doctest/doctest.h>

#include <string>

#include "arch/load.hpp"
#include "support/format.hpp"
#include "tests/input_error.hpp"
#include "workloads/library.hpp"
#include "workloads/table_rows.hpp"

namespace perfmodel {
namespace {

struct Fixture {
  Machine machine = load_machine("h100-sxm");
  Library library = load_library();
  RowPredictor predictor{
      machine, library, {.regime = Regime::warm, .fidelity = Fidelity::bound, .describe = false, .clock = {}}};

  CounterValidation validate(const std::string& text) {
    return validate_counters(Table::load_text(text, "counters.csv"), predictor);
  }

  Estimate estimate(const std::string& text) {
    const Table table = Table::load_text(text, "row");
    Diagnostics faults;
    return predictor.predict(RowReader(table, faults).read(0));
  }
};

const std::string header = "op,m,n,k,dtype,tensor_pct,dram_read_bytes\n";

TEST_CASE_FIXTURE(Fixture, "shares err in points, bytes relatively") {
  const Estimate truth = estimate("op,m,n,k,dtype\ngemm,4096,4096,4096,bf16\n");
  const double tensor = 100.0 * truth.utilisation.tensor - 10.0;
  const double bytes = truth.traffic.dram_read.si() / 1.25;
  const CounterValidation result =
      validate(header + "gemm,4096,4096,4096,bf16," + format_exact(tensor) + "," + format_exact(bytes) + "\n");
  CHECK(result.kernels == 1);
  REQUIRE(result.scores.size() == 2);
  CHECK(result.scores[0].counter.name == "tensor");
  CHECK(result.scores[0].mean == doctest::Approx(0.10));
  CHECK(result.scores[0].bias == doctest::Approx(0.10));
  CHECK(result.scores[1].mean == doctest::Approx(0.25));
  CHECK(result.names[0] == "gemm m=4096 n=4096 k=4096 dtype=bf16");
}

TEST_CASE_FIXTURE(Fixture, "empty cells and a few bytes are left out; the worst kernel is named") {
  const CounterValidation result = validate(header +
                                            "gemm,4096,4096,4096,bf16,,1000\n"
                                            "gemm,4096,4096,4096,bf16,99,\n"
                                            "gemm,2048,4096,4096,bf16,1,\n");
  REQUIRE(result.scores.size() == 1);
  CHECK(result.scores[0].n == 2);
  CHECK(result.scores[0].worst.row == 2);
  CHECK(counter_table(result, /*markdown=*/false).find("gemm m=2048") != std::string::npos);
}

TEST_CASE("a table without a counter has none to validate") {
  CHECK_FALSE(has_counters(Table::load_text("op,m\n", "t")));
  CHECK_FALSE(has_counters(Table::load_text("tensor_pct\n", "t")));
  CHECK(has_counters(Table::load_text("op,tensor_pct\n", "t")));
}

TEST_CASE_FIXTURE(Fixture, "a counter that is no number is a fault with its place") {
  CHECK(test::error_of([&] {
          validate(header + "gemm,4096,4096,4096,bf16,many,\n");
        }).find("counters.csv:2:26: error: 'tensor_pct': expected a number, not 'many'") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
